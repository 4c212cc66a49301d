"""What a worker takes of its machine: it, the job's own process, and every program that one has started."""

import contextlib
import dataclasses
import time
from collections import defaultdict

import psutil

EVERY_SECONDS = 2.0
"""Asked more often than that, it says the same again."""

UNREADABLE = (psutil.Error, OSError)
"""Gone, not ours, or not told by this kernel."""


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

    def read(self, *, alone: bool = False) -> Use:
        """Takes some milliseconds, most of them to find what was started among all processes of the machine: `alone`
        says that there is nothing. Does not fail: what may not be looked at is left out. What ends meanwhile is counted
        where it was waited for."""
        passed = time.monotonic() - self._at
        if self._last and passed < EVERY_SECONDS:
            return self._last
        busy, memory = 0.0, 0
        for process in [psutil.Process()] if alone else _family():
            try:
                busy += sum(process.cpu_times()[:4])  # its own time, and that of those which it has waited for
                memory += _memory_bytes(process)
            except UNREADABLE:
                continue
        cores = max(0.0, busy - self._busy_seconds) / max(0.1, passed)
        self._at, self._busy_seconds, self._last = time.monotonic(), busy, Use(cores, memory)
        return self._last


def _family() -> list[psutil.Process]:
    """This process, and all below it."""
    own = psutil.Process()
    try:
        return [own, *own.children(recursive=True)]
    except UNREADABLE:  # /proc names processes of others and lets nobody read them (hidepid=1)
        return _readable_below(own)


def _readable_below(own: psutil.Process) -> list[psutil.Process]:
    children = defaultdict(list)
    for pid in psutil.pids():
        with contextlib.suppress(*UNREADABLE):
            process = psutil.Process(pid)
            children[process.ppid()].append(process)
    found = [own]
    for process in found:  # which grows meanwhile
        found += children[process.pid]
    return found


def _memory_bytes(process: psutil.Process) -> int:
    """Its share of memory, or where that is not told (another user's process, another kernel) all that it has."""
    try:
        told = process.memory_full_info()
    except UNREADABLE:
        return process.memory_info().rss
    return int(getattr(told, "pss", told.rss))
