"""Recordings that do not lie on this machine, for work that reads little of them: opened where they lie.

They have a path like all others, which no file has. Whoever opens recordings by libavformat asks here first.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_places: dict[Path, Callable[[], BinaryIO]] = {}


@contextlib.contextmanager
def standing_for(path: Path, opening: Callable[[], BinaryIO]) -> Iterator[Path]:
    """Let `path` stand for what `opening` opens, for as long as the block runs. Each opening has its own place in it,
    and is read and sought in by one thread."""
    _places[path] = opening
    try:
        yield path
    finally:
        del _places[path]


def opened(path: Path) -> BinaryIO | None:
    """None for a file of this machine. Raises OSError."""
    place = _places.get(path)
    return place() if place else None
