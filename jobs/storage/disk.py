"""Files and folders of this machine, for good."""

import os
import tempfile
import time
from pathlib import Path

MEASURED_SECONDS = 60.0
_OFFSETS: dict[int, tuple[float, float]] = {}
"""By filesystem: when it was measured, and what came of it."""


def sync(file: Path) -> None:
    """Have the disk hold what is in a file, or which names are in a folder."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, for good."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def age_seconds(file: Path) -> float:
    """How long ago it was written, by the clock of the filesystem: a network's is that of another machine. None at all
    for one that is gone."""
    try:
        changed = file.stat().st_mtime
        return time.time() + _offset(file.parent) - changed
    except FileNotFoundError:
        return 0


def _offset(folder: Path) -> float:
    """By how many seconds the clock of a folder's filesystem is ahead of ours; measured once a minute."""
    device = folder.stat().st_dev
    known = _OFFSETS.get(device)
    if known is None or time.monotonic() - known[0] > MEASURED_SECONDS:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"1")
                file.flush()
                found = os.fstat(file.fileno()).st_mtime - time.time()
        except OSError:  # we may not write there
            return known[1] if known else 0.0
        known = _OFFSETS[device] = (time.monotonic(), found)
    return known[1]
