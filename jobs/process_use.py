"""What a worker takes of its machine: it, the job's own process, and every program that one has started."""

import dataclasses
import time

import psutil

EVERY_SECONDS = 2.0
"""Asked more often than that, it says the same again."""


@dataclasses.dataclass(frozen=True)
class Use:
    """`cores`: how many processors were busy with it since it was looked at before. `memory_bytes`: what would be free
    without it (proportional set size)."""

    cores: float
    memory_bytes: int


class Meter:
    """Of this process and of what it has started."""

    def __init__(self) -> None:
        self._at, self._busy_seconds = time.monotonic(), 0.0
        self._last: Use | None = None

    def read(self) -> Use:
        """Takes some milliseconds. What ends meanwhile is counted where it was waited for."""
        passed = time.monotonic() - self._at
        if self._last and passed < EVERY_SECONDS:
            return self._last
        busy, memory = 0.0, 0
        own = psutil.Process()
        for process in (own, *own.children(recursive=True)):
            try:
                busy += sum(process.cpu_times()[:4])  # its own time, and that of those which it has waited for
                memory += process.memory_full_info().pss
            except psutil.Error:
                continue
        cores = max(0.0, busy - self._busy_seconds) / max(0.1, passed)
        self._at, self._busy_seconds, self._last = time.monotonic(), busy, Use(cores, memory)
        return self._last
