"""What the filesystem of a store that is a folder has to be able to do, tried out.

ext4, XFS, Btrfs and ZFS of this machine can, and so does NFS from version 4 on, which has locks; NFS 3 without its lock
daemon, and most mounts of object storage, cannot.
"""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from jobs.storage.disk import sync
from jobs.storage.folder import NO_LINKS


def _rename_over(folder: Path) -> None:
    """A file takes another one's place in one step: nobody sees half of it, or nothing."""
    (folder / "new").write_bytes(b"new")
    (folder / "old").write_bytes(b"old")
    (folder / "new").replace(folder / "old")
    if (folder / "old").read_bytes() != b"new" or (folder / "new").exists():
        raise OSError(errno.ENOTSUP, "a file that took another's place is not there")


def _sync_folders(folder: Path) -> None:
    """A name that was once there is there after a power cut."""
    (folder / "named").touch()
    sync(folder / "named")
    sync(folder)


def _lock(folder: Path) -> None:
    """Of two who lock a file one waits: requests that bring chunks of one upload to several machines."""
    with (folder / "locked").open("w") as first, (folder / "locked").open("w") as second:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    raise OSError(errno.ENOLCK, "two locked the same file at once")


def _write_at(folder: Path) -> None:
    """Uploads are cut back to where the last chunk ended that came whole."""
    with (folder / "written").open("w+b", buffering=0) as file:
        file.write(b"whole and half")
        os.fdatasync(file.fileno())
        file.truncate(5)
        if os.fstat(file.fileno()).st_size != 5:
            raise OSError(errno.ENOTSUP, "a file that was cut back kept its length")


NEEDED: dict[str, Callable[[Path], None]] = {
    "put a file into another one's place in one step": _rename_over,
    "keep names for good (fsync of folders)": _sync_folders,
    "lock files (flock)": _lock,
    "cut files back": _write_at,
}
"""In words, what is tried. Second names for files (hard links) are welcome, and not needed."""


def lacking(root: Path) -> list[str]:
    """What the filesystem of this folder cannot do, as “lock files (flock): why”. Raises OSError where no file can be
    written at all."""
    found = []
    with tempfile.TemporaryDirectory(dir=root, prefix=".tried-") as folder:
        for words, attempt in NEEDED.items():
            try:
                attempt(Path(folder))
            except OSError as error:
                found.append(f"{words}: {error.strerror or error}")
    return found


def has_second_names(root: Path) -> bool:
    """Whether a file can have two names there. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=root, prefix=".tried-") as folder:
        (Path(folder) / "one").touch()
        try:
            (Path(folder) / "two").hardlink_to(Path(folder) / "one")
        except OSError as error:
            if error.errno in NO_LINKS:
                return False
            raise
    return True
