"""Parts of a result that took long to make, kept so that work which was interrupted goes on from them.

They lie in a folder that belongs to one piece of work, below a name that is a hash of all that decides their bytes:
what was made in another way is not even found. What is found is a whole file or none, and is held against its checksum;
what it says is for the caller to check. A folder that cannot be written, or a disk that fills up, only means that
nothing is kept.
"""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Protocol

MAGIC = b"part1"
DATA = len(MAGIC) + hashlib.sha256().digest_size
LIMIT_BYTES = 8 << 30
"""What one piece of work may keep."""


class Place(Protocol):
    """Where parts of one piece of work lie, by names like `hash/part`. Methods raise OSError."""

    def total_bytes(self) -> int: ...

    def has_room(self, size: int) -> bool: ...

    def read(self, name: str) -> bytes: ...

    def write(self, name: str, *data: bytes) -> None:
        """One after the other; nobody ever reads half of it."""

    def clear(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class FolderPlace:
    """A folder, which need not exist, on a disk of which `margin_bytes` stay free."""

    folder: Path
    margin_bytes: int = 0

    def total_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.folder.glob("*/*"))

    def has_room(self, size: int) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free - size >= self.margin_bytes

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, *data: bytes) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=file.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.writelines(data)
            Path(part).replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                Path(part).unlink()
            raise

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclasses.dataclass(eq=False)
class KeptParts:
    """Those of one piece of work, no more than `limit_bytes`. Safe to share between threads."""

    place: Place
    limit_bytes: int = LIMIT_BYTES
    found: int = 0
    """How many parts were there already, made by an attempt before."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        try:
            self._bytes = self.place.total_bytes()
        except OSError:
            self._bytes = 0

    def of(self, *decisive: object) -> "PartsOf":
        """Those that these decide, which have to look the same (`repr`) in every process; arrays are bytes."""
        digest = hashlib.sha256()
        for one in decisive:
            data = one if isinstance(one, bytes) else repr(one).encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        return PartsOf(self, digest.hexdigest()[:32])

    def forget(self) -> None:
        """Drop all of them: something is wrong with them, or the work needs their room."""
        with self._lock, contextlib.suppress(OSError):
            self._bytes = self.found = 0
            self.place.clear()

    def count_found(self) -> None:
        with self._lock:
            self.found += 1

    def takes(self, size: int) -> bool:
        """Whether there is room for so many bytes more, which are counted then. Raises OSError."""
        with self._lock:
            if self._bytes + size > self.limit_bytes:
                return False
            self._bytes += size
        return self.place.has_room(size)


@dataclasses.dataclass(frozen=True)
class PartsOf:
    """Parts that are made in the very same way, which `key` tells."""

    kept: KeptParts
    key: str

    def load(self, name: str) -> memoryview | None:
        """What was saved under a name; None when nothing was, or when it is not whole."""
        try:
            stored = self.kept.place.read(f"{self.key}/{name}")
        except OSError:
            return None
        data = memoryview(stored)[DATA:]  # megabytes, which are not copied
        return data if stored[:DATA] == _head(data) else None

    def accept(self) -> None:
        """Count a part as found: what was loaded has proved to be right."""
        self.kept.count_found()

    def save(self, name: str, data: bytes) -> None:
        """Keep a part, where there is room."""
        try:
            if self.kept.takes(len(data)):
                self.kept.place.write(f"{self.key}/{name}", _head(data), data)
        except OSError:  # the disk is full: the work itself needs what room there is
            self.kept.forget()


def _head(data: bytes | memoryview) -> bytes:
    return MAGIC + hashlib.sha256(data).digest()
