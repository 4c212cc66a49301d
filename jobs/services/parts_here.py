"""What this machine still has of uploads whose bytes went to a bucket, so that they are not fetched from there again.

No more than copies: they may lack what other machines took, or vanish at any time. What is read of them is held against
the hash of what was sent.
"""

import contextlib
import hashlib
import os
import shutil
import uuid
from pathlib import Path

from jobs import storage
from jobs.models import UploadPart
from jobs.services import chunks, part_files

ENDING = "-here.part"
"""Not the name of a part file, which would have the upload go on in that."""


class PartsHere:
    def __init__(self, pk: uuid.UUID) -> None:
        self.path = storage.uploads_folder() / f"{pk}{ENDING}"

    def put(self, offset: int, body: bytes) -> None:
        """Keep bytes that lie in the bucket, where this machine has room for them."""
        try:
            if shutil.disk_usage(self.path.parent).free < chunks.MARGIN_BYTES + len(body):
                self.drop()
                return
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _write(file, body, offset)
            finally:
                os.close(file)
        except OSError:
            self.drop()

    def get(self, part: UploadPart) -> bytes | None:
        """The bytes of a part, as they were sent; None where they are not here."""
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            return read(file.fileno(), part)
        return None

    def make_room(self, length: int) -> None:
        """Have this machine take a file of this length, in which what is here counts: let go of copies, and then of
        what is here of other uploads. Raises OSError (ENOSPC)."""
        missing = max(0, length - room_of(self.path))
        try:
            storage.make_room(missing)
        except OSError:
            for file in files():
                if file != self.path:
                    file.unlink(missing_ok=True)
            storage.make_room(missing)

    def become(self, file: Path) -> None:
        """Have what is here under another name, for whoever fills in what is missing."""
        try:
            self.path.rename(file)
        except FileNotFoundError:
            file.touch(mode=0o600)

    def take_back(self, file: Path) -> None:
        """Undo `become`, where the file is still there: another try may need it."""
        with contextlib.suppress(FileNotFoundError):
            file.rename(self.path)

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def files() -> list[Path]:
    """Of all uploads."""
    return list(storage.uploads_folder().glob(f"*{ENDING}"))


def read(file: int, part: UploadPart) -> bytes | None:
    """The bytes of a part out of an open file; None where it has others."""
    body = os.pread(file, part.size, part.offset)
    return body if hashlib.sha256(body).hexdigest() == part.sha256 else None


def room_of(file: Path) -> int:
    """How much room it takes: it has holes where other machines took what came."""
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def clear_old() -> None:
    """Delete what is left of uploads that nobody goes on with here, where no reconciler may run."""
    for file in files():
        if storage.age_seconds(file) > part_files.ORPHANED_SECONDS:
            file.unlink(missing_ok=True)


def _write(file: int, body: bytes, offset: int) -> None:
    rest = memoryview(body)
    while rest:
        written = os.pwrite(file, rest, offset)
        rest, offset = rest[written:], offset + written
