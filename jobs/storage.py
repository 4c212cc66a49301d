"""Where bytes lie. A key is a relative path; all of one install is on one filesystem, so publishing is a rename."""

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
"""How a filesystem refuses a second name for a file."""


def path(key: str) -> Path:
    """The file of a key. Raises ValueError for a key that leads out of the storage."""
    root = Path(settings.MEDIA_ROOT)
    file = (root / key).resolve()
    if not file.is_relative_to(root.resolve()):
        raise ValueError(f"{key!r} leads out of the storage")
    return file


def adopt(file: Path, key: str) -> None:
    """Move a whole file into its place, for good: it is there also after a power cut. Nobody ever sees half of it."""
    target = path(key)
    sync(file)
    make_folder(target.parent)
    file.rename(target)
    sync(target.parent)


def share(file: Path, key: str) -> None:
    """As `adopt`, but the file keeps its own name as well, where the filesystem can do that; elsewhere it is moved."""
    target = path(key)
    sync(file)
    make_folder(target.parent)
    target.unlink(missing_ok=True)  # left by a try that died
    try:
        os.link(file, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        file.rename(target)
    sync(target.parent)


def link(key: str, second: str) -> bool:
    """Give the bytes of a key a second key. False: the filesystem knows one name a file only.

    Raises FileNotFoundError.
    """
    source, target = path(key), path(second)
    make_folder(target.parent)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return False
    sync(target.parent)
    return True


def duplicate(key: str, second: str) -> bool:
    """As `link`, but the bytes are copied where there is no other way, which may take minutes. Returns whether they are
    on the disk once."""
    if link(key, second):
        return True
    target = path(second)
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(path(key), part)
    sync(part)
    part.replace(target)
    sync(target.parent)
    return False


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


def delete(key: str) -> None:
    """Delete a file, and its folder when that is empty then. Does nothing when it is not there."""
    if not key:
        return
    file = path(key)
    file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        file.parent.rmdir()


def delete_tree(key: str) -> None:
    shutil.rmtree(path(key), ignore_errors=True)


def upload_path(upload_id: UUID) -> Path:
    """The part file of an upload; its folder is there."""
    file = path(f"uploads/{upload_id}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def cache_dir(sha256: str) -> Path:
    """A folder for what was measured of some bytes once; what is in it may vanish at any time between two jobs."""
    folder = path(f"cache/{sha256}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def forget(sha256: str) -> None:
    """Drop what was measured of these bytes."""
    delete_tree(f"cache/{sha256}")


def artifacts_key(job_id: UUID) -> str:
    """The folder of all that a job's attempts published. Results from before attempts had folders lie in it too."""
    return f"artifacts/{job_id}"


def results_key(job_id: UUID, attempt: int) -> str:
    """The folder of what one attempt publishes, which no other one touches."""
    return f"{artifacts_key(job_id)}/{attempt}"


def recording_key(video_id: UUID) -> str:
    """The folder of a recording's files."""
    return f"videos/{video_id}"


def poster_key(video_id: UUID) -> str:
    """Where the poster lies that was found when a recording came."""
    return f"{recording_key(video_id)}/poster.jpg"


def scratch_key(job_id: UUID, attempt: int) -> str:
    return f"scratch/{job_id}-{attempt}"


@contextlib.contextmanager
def scratch(job_id: UUID, attempt: int) -> Iterator[Path]:
    """An empty folder for one attempt, gone afterwards on every path."""
    folder = path(scratch_key(job_id, attempt))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_bytes() -> int:
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(root).free
