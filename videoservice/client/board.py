"""How far everything is: bars on a terminal, a line at a time elsewhere."""

import threading
from types import TracebackType
from typing import Any, Self

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from videoservice.client import wording
from videoservice.client.output import Output


class Board:
    """Bars for what is under way, while it is entered. Threads may share it."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._lock = threading.Lock()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            Amount(),
            TimeRemainingColumn(compact=True),
            console=output.err,
            disable=not output.live,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def bar(self, name: str, total: float, *, in_bytes: bool = False) -> "Bar":
        return Bar(self._progress, self._progress.add_task(shortened(name), total=total, in_bytes=in_bytes, stage=""))

    def event(self, kind: str, sentence: str = "", **facts: Any) -> None:
        """As Output's, above the bars, from any thread."""
        with self._lock:
            self.output.event(kind, sentence, **facts)


class Bar:
    """One of them. Gone once it is closed."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def show(self, done: float, stage: str = "", total: float | None = None) -> None:
        """`total` only where it was not known before."""
        self._progress.update(self._task, completed=done, stage=stage, total=total)

    def close(self) -> None:
        self._progress.remove_task(self._task)


class Amount(ProgressColumn):
    """Bytes of bytes, or a share and what is being done."""

    def render(self, task: Task) -> Text:
        if task.fields.get("in_bytes"):
            text = f"{wording.size(task.completed)} of {wording.size(task.total or 0)}"
        else:
            text = f"{task.percentage:3.0f} %  {task.fields.get('stage', '')}".rstrip()
        return Text(text, style="cyan")


def shortened(name: str, width: int = 36) -> str:
    return name if len(name) <= width else f"{name[: width - 12]}…{name[-11:]}"
