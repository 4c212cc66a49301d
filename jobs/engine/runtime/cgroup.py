"""What control groups allow this process: what bounds a container, or a service of systemd."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def memory_bytes() -> Iterator[int]:
    """Each bound on memory."""
    for file in (*_files("memory.max"), ROOT / "memory" / "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # "max" is no number
            yield int(file.read_text())


def processors() -> Iterator[Fraction]:
    """Each bound on processor time: seconds of it in a second on the clock."""
    for file in _files("cpu.max"):
        with contextlib.suppress(OSError, ValueError):
            yield Fraction(*map(int, file.read_text().split()))
    old = ROOT / "cpu"
    with contextlib.suppress(OSError, ValueError):
        quota = int((old / "cpu.cfs_quota_us").read_text())
        if quota > 0:
            yield Fraction(quota, int((old / "cpu.cfs_period_us").read_text()))


def _files(name: str) -> list[Path]:
    """A file of version 2 in our group and in all above it."""
    try:
        lines = OWN.read_text().splitlines()
    except OSError:  # not Linux
        return []
    own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    return [folder / name for folder in (ROOT / own, *(ROOT / own).parents)]
