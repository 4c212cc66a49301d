"""What was measured of some bytes, in a folder of this machine, and where the store is a bucket for all machines there.

Measuring again is all that is lost when the bucket does not answer, so that is only noted.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from jobs.storage import copies, kept, local
from jobs.storage.keys import cache_key

log = logging.getLogger(__name__)
MOST_BYTES = 64 * 1024**2
"""What is larger is made again sooner than it is fetched: copies of recordings."""
Marks = dict[str, tuple[int, int]]


@contextlib.contextmanager
def measured(sha256: str) -> Iterator[Path]:
    """The folder of these bytes with what others have measured; what comes to it is there for them afterwards."""
    folder = local.cache_dir(sha256)
    if kept.store().is_folder:
        yield folder
        return
    with copies.in_use(folder):
        pull(sha256)
        before = _marks(folder)
        try:
            yield folder
        finally:
            _push(sha256, folder, before)


def pull(sha256: str) -> None:
    """Fetch what others have measured of these bytes."""
    store = kept.store()
    if store.is_folder:
        return
    folder = local.cache_dir(sha256)
    try:
        for found in store.listed(cache_key(sha256)):
            file = folder / Path(found.key).name
            if found.size <= MOST_BYTES and not file.exists():
                _take(found.key, file)
    except OSError as error:
        log.warning("what was measured of %s is not fetched: %s", sha256[:12], error)


def _take(key: str, file: Path) -> None:
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(kept.read(key))
        part.replace(file)
    except FileNotFoundError:
        pass
    finally:
        part.unlink(missing_ok=True)


def _push(sha256: str, folder: Path, before: Marks) -> None:
    for name, mark in _marks(folder).items():
        if before.get(name) != mark and mark[0] <= MOST_BYTES:
            try:
                kept.share(folder / name, f"{cache_key(sha256)}/{name}")
            except OSError as error:
                log.warning("what was measured of %s is not shared: %s", sha256[:12], error)


def _marks(folder: Path) -> Marks:
    """Of each whole file its size and when it was written. What is hidden is a lock, or not done."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                status = entry.stat()
                found[entry.name] = (status.st_size, status.st_mtime_ns)
    return found
