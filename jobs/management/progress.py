"""How far a long command is, on a terminal."""

import time
from types import TracebackType
from typing import Self, TextIO

from django.core.management.base import OutputWrapper

from jobs import wording

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
