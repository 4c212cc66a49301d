"""Local copies of what lies in a bucket: kept in SCRATCH_DIR by what they hold, as many as fit into SCRATCH_GB.

Who uses a copy holds a lock on it, of those that nobody uses the one goes first whose last use is the longest ago. Of
several who want the same one fetches it, the others wait. A copy has its name only when it is whole and looked at.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from django.conf import settings

from jobs.storage import stopping
from jobs.storage.disk import age_seconds

UNUSED_SECONDS = 7 * 24 * 3600
"""After how long a copy goes in any case: what it is of may have been deleted."""
UNFINISHED = {".part", ".lock"}
"""What names of files have in them that are no copies yet. While one is fetched it has some letters more behind it."""
LEFT_SECONDS = 24 * 3600
"""After how long what somebody died over is cleared away; the longest fetch is shorter."""

LOOK_SECONDS = 0.1


class Copies:
    """`folder` holds copies and nothing else, `others` are folders whose content counts too and may go: what was
    measured of some bytes."""

    def __init__(self, folder: Path, others: Path) -> None:
        self.folder, self.others = folder, others

    @contextlib.contextmanager
    def held(self, name: str, size: int, bring: Callable[[Path], None]) -> Iterator[Path]:
        """The copy of this name, for as long as the block runs; `bring` writes one of `size` bytes, and looks at it.

        Raises what `bring` does, and OSError (ENOSPC).
        """
        entry = self.folder / name
        while True:
            with _shared(entry) as is_there:
                if is_there:
                    os.utime(entry)
                    yield entry
                    return
            with self._alone(name):
                if not entry.exists():
                    self._fetch(entry, size, bring)

    def offer(self, name: str, file: Path) -> None:
        """Keep this file as a copy, if there is room: who has just made it often reads it next. It is moved, unless it
        lies on another disk; then it stays."""
        entry = self.folder / name
        with contextlib.suppress(OSError):
            self.make_room(0)
            self.folder.mkdir(parents=True, exist_ok=True)
            file.rename(entry)
            self.make_room(0)

    def _fetch(self, entry: Path, size: int, bring: Callable[[Path], None]) -> None:
        self.make_room(size)
        part = entry.with_name(f"{entry.name}.part")
        try:
            bring(part)
            part.rename(entry)
        finally:
            part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Wait for the others who fetch this."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = self.folder / f"{name}.lock"
        while True:
            with lock.open("a") as file:
                _lock(file)
                if not _is_at(file.fileno(), lock):  # who had it took it away: the next to come would not wait for us
                    continue
                try:
                    yield
                finally:
                    lock.unlink(missing_ok=True)
                return

    # Room

    def make_room(self, size: int) -> None:
        """Let copies go until there is room for so many bytes more. Raises OSError (ENOSPC) when the disk has none; the
        bound itself gives way to what is in use."""
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir(parents=True, exist_ok=True)
        entries = sorted(self._entries())
        total = sum(length for _, length, _ in entries)
        for used, length, entry in entries:
            if not self._is_tight(total, size) and time.time() - used < UNUSED_SECONDS:
                break
            if _let_go(entry):
                total -= length
        if shutil.disk_usage(self.folder).free < size:
            raise OSError(errno.ENOSPC, f"SCRATCH_DIR has no room for {size} bytes", str(self.folder))

    def _is_tight(self, total: int, size: int) -> bool:
        most = settings.SCRATCH_BYTES
        free = shutil.disk_usage(self.folder).free
        return bool(most and total + size > most) or free - size < settings.FREE_MARGIN_BYTES

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """When each was last used, its bytes, and where it is."""
        for entry in self.folder.iterdir():
            if not UNFINISHED.isdisjoint(entry.suffixes):
                if age_seconds(entry) > LEFT_SECONDS:
                    _let_go(entry)
                continue
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat()
                yield status.st_mtime, status.st_size, entry
        if self.others.is_dir():
            for entry in self.others.iterdir():
                with contextlib.suppress(OSError):
                    yield entry.stat().st_mtime, sum(file.stat().st_size for file in entry.iterdir()), entry

    def total_bytes(self) -> int:
        return sum(length for _, length, _ in self._entries()) if self.folder.is_dir() else 0


def _lock(file: TextIO) -> None:
    """Wait for it; where somebody may not want it any more (`stopping`) by looking again and again."""
    asked = stopping.asked()
    if asked is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        asked(0)
        time.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def _shared(entry: Path) -> Iterator[bool]:
    """Hold a file or folder so that it stays. False: it is not there."""
    try:
        descriptor = os.open(entry, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield _is_at(descriptor, entry)
    finally:
        os.close(descriptor)


def in_use(entry: Path) -> contextlib.AbstractContextManager[bool]:
    """Hold a folder of measurements so that it stays."""
    return _shared(entry)


def _let_go(entry: Path) -> bool:
    """Delete what nobody uses. False: somebody does, or it is gone."""
    try:
        descriptor = os.open(entry, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_at(descriptor: int, entry: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), entry.stat())
    except FileNotFoundError:
        return False
