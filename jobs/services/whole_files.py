"""Whole files that came, on their way to become recordings."""

import dataclasses
from pathlib import Path

from jobs import storage


@dataclasses.dataclass(frozen=True)
class WholeFile:
    """A file of this machine. `stored` is the key under which the storage has the same bytes already, if it does: they
    are then not sent there once more."""

    path: Path
    stored: str = ""

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def share(self, key: str, sha256: str) -> None:
        """Put the bytes in their place, and keep them where they are as well."""
        if self.stored:
            storage.copy(self.stored, key)
        else:
            self.path.chmod(0o644)  # temporary files are closed to the web server in front, which may send this one
            storage.share(self.path, key, sha256)

    def take_back(self, key: str) -> None:
        """Undo `share`, and nothing else."""
        if not self.stored:
            storage.take_back(self.path, key)
        storage.discard(key)

    def settle(self, key: str, sha256: str) -> None:
        """The recording is there, and the file not needed any more."""
        storage.settle(self.path, key, sha256)

    def drop(self) -> None:
        """It is not needed here any more. What the storage has of it is whose it is."""
        self.path.unlink(missing_ok=True)
