"""Where an upload's bytes lie while the storage is a folder: a part file, whose size is how much has arrived.

A lock on it keeps two requests apart, also those of different processes.
"""

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path

from jobs import storage
from jobs.models import Import, Upload, Video
from jobs.services import chunks
from jobs.services.whole_files import WholeFile
from videoservice.outages import FULL

ORPHANED_SECONDS = 3600
"""How old a file must be to count as left behind; the longest check of a file is far shorter."""


class PartFile:
    """The part file of an upload, open and locked."""

    def __init__(self, upload: Upload, file: FileIO) -> None:
        self.upload, self.file = upload, file

    @property
    def size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def add(self, blocks: Iterable[bytes]) -> int:
        """Add a chunk, whole or not at all and for good, and return the size then. Raises what `blocks` raises, and
        ResourceError when the disk is full."""
        size = self.file.seek(0, os.SEEK_END)
        try:
            for block in blocks:
                rest = memoryview(block)
                while rest:
                    rest = rest[self.file.write(rest) :]
            os.fdatasync(self.file.fileno())
        except BaseException as error:
            self.file.truncate(size)
            if isinstance(error, OSError) and error.errno in FULL:
                raise chunks.disk_full(error) from error
            raise
        return self.file.tell()

    @contextlib.contextmanager
    def whole(self) -> Iterator[WholeFile]:
        yield WholeFile(storage.upload_path(self.upload.pk))

    def drop(self) -> None:
        drop(self.upload.pk)


def make(upload: Upload) -> None:
    """Raises OSError."""
    part = storage.upload_path(upload.pk)
    part.touch(exist_ok=False)
    storage.sync(part.parent)


def room_bytes() -> int:
    """How large an upload may be."""
    return storage.free_bytes() - chunks.MARGIN_BYTES


@contextlib.contextmanager
def held(upload: Upload) -> Iterator[PartFile]:
    """Raises UploadError (busy, gone)."""
    path = storage.upload_path(upload.pk)
    if not path.exists():
        _bring_back(upload, path)
    try:
        part = path.open("r+b", buffering=0)
    except FileNotFoundError as error:
        raise chunks.gone() from error
    with part:
        _lock(part)
        if not _is_at(part, path):  # it was finished or given up between opening and locking
            raise chunks.gone()
        yield PartFile(upload, part)


def is_there(upload: Upload) -> bool:
    return storage.upload_path(upload.pk).exists()


def drop(pk: uuid.UUID) -> None:
    storage.upload_path(pk).unlink(missing_ok=True)


def delete_orphans() -> int:
    """Delete old files of this machine that no upload and no import has. Returns how many."""
    files = [file for folder in storage.uploads_folders() for file in folder.iterdir()]
    # The files first: an upload that begins in between must not lose its own.
    old = [file for file in files if storage.age_seconds(file) > ORPHANED_SECONDS]
    known = {str(pk) for pk in _coming()} if old else set()
    orphans = [file for file in old if not (file.suffix == ".part" and file.name.partition(".")[0] in known)]
    for file in orphans:
        file.unlink(missing_ok=True)
    return len(orphans)


def _coming() -> Iterator[uuid.UUID]:
    """Whose part files are kept."""
    yield from Upload.objects.values_list("pk", flat=True)
    yield from Import.objects.kept().values_list("pk", flat=True)


def _lock(part: FileIO) -> None:
    """Raises UploadError (busy)."""
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise chunks.busy() from error


def _bring_back(upload: Upload, path: Path) -> None:
    """Where a file can have one name only, who died between its move and its row left it behind at its new place."""
    for moved in storage.own_files(storage.recording_key(upload.pk)):
        if moved.stem != "source":
            continue
        with moved.open("r+b", buffering=0) as part:
            _lock(part)
            is_recording = Video.with_trash.of(upload.owner).filter(pk=upload.pk).exists()
            if _is_at(part, moved) and not is_recording:
                moved.rename(path)


def _is_at(part: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(part.fileno()), path.stat())
    except FileNotFoundError:
        return False
