"""Recordings that tests make are made once: what is described in the same words is a copy of the first one.

They are kept beside pytest's own cache, for later runs and for those at the same time. The name of a kept file stands
for all that its bytes come from: its description, the source of the makers, and the libraries that they work with.
"""

import contextlib
import functools
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from jobs.engine.container import ffmpeg
from tests.processes import BASE_DIR

FOLDER = BASE_DIR / ".pytest_cache" / "clips"
MAKERS = ("clips.py", "media.py")
UNUSED_SECONDS = 7 * 24 * 3600


def kept(path: Path, description: tuple[object, ...], make: Callable[[], object]) -> None:
    """Copy to `path` what was made for this description before, or have it made there.

    Never the kept file itself: tests spoil theirs.
    """
    name = hashlib.sha256(repr((description, _makers())).encode()).hexdigest()
    stored = FOLDER / f"{name}{path.suffix}"
    try:
        shutil.copyfile(stored, path)
        os.utime(stored)
    except FileNotFoundError:
        make()
        _store(path, stored)


def forget_unused() -> None:
    """Remove what no run has asked for lately."""
    for stored in FOLDER.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another run was quicker
            if stored.stat().st_mtime < time.time() - UNUSED_SECONDS:
                stored.unlink()


def _store(path: Path, stored: Path) -> None:
    """Whole or not at all, whoever else stores the same."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    part = stored.with_name(f"{stored.name}.{os.getpid()}")
    shutil.copyfile(path, part)
    part.replace(stored)


@functools.cache
def _makers() -> tuple[str, ...]:
    sources = b"".join(Path(__file__).with_name(name).read_bytes() for name in MAKERS)
    return av.__version__, np.__version__, ffmpeg.program(), hashlib.sha256(sources).hexdigest()
