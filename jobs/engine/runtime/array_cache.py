"""Arrays that were costly to get, kept in a folder whose content may vanish or rot at any time."""

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray]


def load(path: Path | None) -> Arrays | None:
    """The arrays of a file written by `save`; None when there is none or it is damaged."""
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def save(path: Path | None, arrays: Arrays) -> None:
    """Keep the arrays for `load`. A folder that cannot be written only means that nothing is kept."""
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, allow_pickle=False, **dict(arrays))
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
