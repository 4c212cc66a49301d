"""What traces tell of work: how long it was in line, each attempt at it, its stages and the programs that it ran.

Rows keep the `traceparent` of what asked for them, so that all of it is one trace, whichever process does it.
"""

import contextlib
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.models import Import, Job
from videoservice import tracing

MOST = 200
"""How many stages, and how many programs, of one attempt have spans: the first ones."""


@contextlib.contextmanager
def attempt(row: Job | Import, queue: str, what: str) -> Iterator[tracing.Span]:
    """A span for an attempt that this process has just started, and at the first one what it has been in line for."""
    facts: dict[str, str | int] = {
        "videoservice.id": str(row.pk),
        "videoservice.queue": queue,
        "videoservice.work": what,
        "videoservice.attempt": row.attempt,
        "videoservice.losses": row.losses,
    }
    if row.attempt == 1 and row.queued_at and row.started_at:
        waited = tracing.begin(f"in line for {queue}", row.traceparent, facts=facts, at=row.queued_at.timestamp())
        waited.end(row.started_at.timestamp())
    with tracing.span(f"{queue} {what}", row.traceparent, kind="consumer", facts=facts) as span:
        yield span


@contextlib.contextmanager
def fetched(file: AbstractContextManager[Path]) -> Iterator[Path]:
    """A file that is held for a block, with a span for its coming alone."""
    with contextlib.ExitStack() as held:
        with tracing.span("fetch the source"):
            path = held.enter_context(file)
        yield path


class Stages:
    """One span after the other for what progress calls stages."""

    def __init__(self) -> None:
        self._parent = tracing.present()
        self._stage, self._span, self._count = "", tracing.NOBODYS, 0

    def at(self, stage: str) -> None:
        if not self._parent or stage == self._stage:
            return
        self.end()
        self._stage, self._count = stage, self._count + 1
        if self._count <= MOST:
            self._span = tracing.begin(nameless(stage), self._parent, facts={"videoservice.stage": stage})

    def end(self) -> None:
        self._span.end()
        self._stage, self._span = "", tracing.NOBODYS


class Commands(CommandLog):
    """A log of commands whose programs have spans: by their names, without what they were called with."""

    def __init__(self) -> None:
        super().__init__()
        self._parent = tracing.present()
        self._count = 0
        self._running = threading.local()

    def started(self, argv: Sequence[str]) -> None:
        super().started(argv)
        if not self._parent:
            return
        self._count += 1
        name = Path(argv[0]).name.split("-")[0]
        wanted = self._count <= MOST
        span = tracing.begin(f"run {name}", self._parent, facts={"process.executable.name": name}) if wanted else None
        self._of_thread().append(span or tracing.NOBODYS)

    def ended(self, status: int | None) -> None:
        if not (running := self._of_thread()):
            return
        span = running.pop()
        if status is not None:
            span.note({"process.exit.code": status})
        if status:
            span.fail(f"exit status {status}")
        span.end()

    def _of_thread(self) -> list[tracing.Span]:
        """Programs are started and ended in one thread, the last one first (`subprocess_runner.started`)."""
        if not hasattr(self._running, "spans"):
            self._running.spans = []
        found: list[tracing.Span] = self._running.spans
        return found


def nameless(stage: str) -> str:
    """A stage without its numbers, for a name that many attempts share: “Encoding around N cuts”."""
    return re.sub(r"\d+", "N", stage)
