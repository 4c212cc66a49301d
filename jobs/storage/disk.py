"""Files and folders of this machine, for good."""

import os
import time
from pathlib import Path


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
    """How long ago it was written; none at all for one that is gone."""
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return 0
