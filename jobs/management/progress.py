"""How far a long command is, on a terminal."""

import threading
import time
from types import TracebackType
from typing import Self, TextIO

from django.core.management.base import OutputWrapper

from jobs import wording
from jobs.services.moving import Watch

SECONDS = 0.5


class Counter:
    """Counts bytes, and says how many there were; elsewhere than on a terminal it says nothing."""

    def __init__(self, out: OutputWrapper | TextIO) -> None:
        self.bytes = 0
        self._out, self._said = out, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._said:
            self._say("\r\x1b[K")

    def __call__(self, count: int) -> None:
        self.bytes += count
        now = time.monotonic()
        if self._out.isatty() and now - self._said > SECONDS:
            self._said = now
            self._say(f"\r{wording.size(self.bytes)} read")

    def _say(self, text: str) -> None:
        if isinstance(self._out, OutputWrapper):
            self._out.write(text, ending="")
        else:
            self._out.write(text)
        self._out.flush()


class MoveWatch(Counter, Watch):
    """How far a move of files is: on a terminal a line that changes, elsewhere one now and then."""

    LOG_SECONDS = 30.0

    def __init__(self, out: OutputWrapper | TextIO) -> None:
        super().__init__(out)
        self._lock = threading.Lock()
        self.begin(0, 0, again=False)

    def begin(self, files: int, size: int, *, again: bool) -> None:
        self.bytes, self.done, self.files, self.size = 0, 0, files, size
        self._since = self._told = time.monotonic()
        if files:
            came = "came meanwhile" if again else "to copy"
            self._out.write(f"{wording.count(files)} files, {wording.size(size)} {came}.\n")

    def file(self) -> None:
        with self._lock:
            self.done += 1

    def __call__(self, count: int) -> None:
        with self._lock:
            self.bytes += count
            now = time.monotonic()
            if self._out.isatty() and now - self._said > SECONDS:
                self._said = now
                self._say(f"\r\x1b[K{self._how_far(now)}")
            elif not self._out.isatty() and now - self._told > self.LOG_SECONDS:
                self._told = now
                self._say(f"{self._how_far(now)}\n")

    def _how_far(self, now: float) -> str:
        pace = self.bytes / max(now - self._since, 0.001)
        left = max(0, self.size - self.bytes) / pace if pace else 0
        return (
            f"{wording.count(self.done)} of {wording.count(self.files)} files, {wording.size(self.bytes)} of "
            f"{wording.size(self.size)}, {wording.size(int(pace))} a second, about {wording.span(left)} left"
        )
