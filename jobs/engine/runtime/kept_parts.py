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

MAGIC = b"part1"
LIMIT_BYTES = 8 << 30
"""What one piece of work may keep."""


@dataclasses.dataclass(eq=False)
class KeptParts:
    """Of one piece of work, in `folder`, which need not exist. Safe to share between threads.

    Nothing is kept beyond `limit_bytes`, or when that left less than `margin_bytes` of the disk free.
    """

    folder: Path
    margin_bytes: int = 0
    limit_bytes: int = LIMIT_BYTES
    found: int = 0
    """How many parts were there already, made by an attempt before."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = sum(file.stat().st_size for file in self.folder.glob("*/*")) if self.folder.is_dir() else 0

    def of(self, *decisive: object) -> "PartsOf":
        """Those that these decide, which have to look the same (`repr`) in every process; arrays are bytes."""
        digest = hashlib.sha256()
        for one in decisive:
            data = one if isinstance(one, bytes) else repr(one).encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        return PartsOf(self, self.folder / digest.hexdigest()[:32])

    def forget(self) -> None:
        """Drop all of them: they are needed no more, or something is wrong with them."""
        with self._lock:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._bytes = self.found = 0

    def _count(self, size: int) -> bool:
        """Whether there is room for so many bytes more, which are counted then."""
        with self._lock:
            if self._bytes + size > self.limit_bytes:
                return False
            self._bytes += size
        self.folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free - size >= self.margin_bytes


class PartsOf:
    """Parts that are made in the very same way."""

    def __init__(self, kept: KeptParts, folder: Path) -> None:
        self._kept, self._folder = kept, folder

    def load(self, name: str) -> bytes | None:
        """What was saved under a name; None when nothing was, or when it is not whole."""
        try:
            stored = (self._folder / name).read_bytes()
        except OSError:
            return None
        head, digest, data = stored[:5], stored[5:37], stored[37:]
        return data if head == MAGIC and hashlib.sha256(data).digest() == digest else None

    def accept(self) -> None:
        """Count a part as found: what was loaded has proved to be right."""
        with self._kept._lock:
            self._kept.found += 1

    def save(self, name: str, data: bytes) -> None:
        """Keep a part; nobody ever loads half of it."""
        try:
            if self._kept._count(len(data)):
                self._folder.mkdir(parents=True, exist_ok=True)
                self._write(name, data)
        except OSError:  # the disk is full: the work itself needs what room there is
            self._kept.forget()

    def _write(self, name: str, data: bytes) -> None:
        descriptor, part = tempfile.mkstemp(dir=self._folder, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(MAGIC + hashlib.sha256(data).digest())
                file.write(data)
            Path(part).replace(self._folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                Path(part).unlink()
            raise
