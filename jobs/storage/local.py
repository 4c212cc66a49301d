"""What is local to a machine: scratch folders, files on their way in, measurements kept by content.

In a store that is a folder all machines share what is on its way in and what was measured; a scratch folder is one
machine's own, in SCRATCH_DIR.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

from jobs.storage import kept
from jobs.storage.disk import age_seconds, make_folder, sync
from jobs.storage.folder import FolderStore
from jobs.storage.keys import cache_key

__all__ = ["age_seconds", "make_folder", "sync"]


def path(key: str) -> Path:
    """The file of a key in the shared folder. Raises ValueError for a key that leads out of it."""
    return FolderStore(Path(settings.MEDIA_ROOT)).path(key)


def room(name: str) -> Path:
    """The folder of `uploads` or `cache`, which all machines share where the store is a folder, or of `scratch`, which
    is this machine's."""
    root = Path(settings.MEDIA_ROOT) if kept.store().is_folder and name != "scratch" else scratch_root()
    return root.resolve() / name


def scratch_root() -> Path:
    return Path(settings.SCRATCH_DIR or settings.MEDIA_ROOT)


# On its way in -------------------------------------------------------------------------------------------------------


def uploads_folder() -> Path:
    """Where files lie while they arrive; it is there."""
    folder = room("uploads")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def upload_path(upload_id: UUID) -> Path:
    """The part file of an upload; its folder is there. One that began before the install moved stays where it is."""
    paths = [folder / f"{upload_id}.part" for folder in uploads_folders()]
    return next((path for path in paths if path.exists()), paths[0])


def uploads_folders() -> list[Path]:
    """Where part files may lie: those that are new in the first. The other is that of the storage which was a folder,
    while the install moves from there into a bucket."""
    own = uploads_folder().resolve()
    former = Path(settings.MEDIA_ROOT).resolve() / "uploads"
    if kept.store().is_folder or not settings.STORAGE_ALSO or not kept.at(settings.STORAGE_ALSO).is_folder:
        return [own]
    return [own, former] if former != own and former.is_dir() else [own]


# Measured ------------------------------------------------------------------------------------------------------------


def cache_dir(sha256: str) -> Path:
    """A folder for what was measured of some bytes once; what is in it may vanish at any time between two jobs."""
    folder = room("cache") / sha256
    folder.mkdir(parents=True, exist_ok=True)
    if not kept.store().is_folder:
        os.utime(folder)  # of local copies those go first whose last use is the longest ago
    return folder


def forget(sha256: str) -> None:
    """Drop what was measured of these bytes."""
    shutil.rmtree(room("cache") / sha256, ignore_errors=True)
    if not kept.store().is_folder:
        kept.tidy(cache_key(sha256))


def measured_bytes(sha256: str) -> int:
    """How much what was measured of these bytes takes."""
    if not kept.store().is_folder:
        return kept.total_bytes(cache_key(sha256))
    size = 0
    for folder, _, names in os.walk(room("cache") / sha256):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size += Path(folder, name).stat().st_size
    return size


# At work -------------------------------------------------------------------------------------------------------------


def scratch_key(job_id: UUID, attempt: int) -> str:
    return f"scratch/{job_id}-{attempt}"


def scratch_folder(job_id: UUID, attempt: int) -> Path:
    return room("scratch") / f"{job_id}-{attempt}"


@contextlib.contextmanager
def scratch(job_id: UUID, attempt: int) -> Iterator[Path]:
    """An empty folder for one attempt, gone afterwards on every path."""
    folder = scratch_folder(job_id, attempt)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def drop_scratch(job_id: UUID, attempt: int) -> None:
    """Remove what an attempt left on this machine."""
    shutil.rmtree(scratch_folder(job_id, attempt), ignore_errors=True)


def drop_left(left: Path) -> None:
    """Remove a folder or a file of the scratch room that somebody left there."""
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            left.unlink()


def scratch_folders() -> list[Path]:
    """All that lies in this machine's scratch room."""
    try:
        return list(room("scratch").iterdir())
    except FileNotFoundError:
        return []
