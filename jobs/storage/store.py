"""What a store of kept files has to do, whatever it is made of."""

import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclasses.dataclass(frozen=True)
class Stat:
    """`size` in bytes, `changed_ns` since 1970, `version` changes with the bytes."""

    size: int
    changed_ns: int
    version: str


@dataclasses.dataclass(frozen=True)
class Found:
    """A file in a list. `changed` in seconds since 1970, also by its name being new; None where a list tells none."""

    key: str
    size: int
    changed: float


@dataclasses.dataclass(frozen=True)
class Shown:
    """How a browser is to take a file that a store sends itself."""

    name: str
    media_type: str
    disposition: str


class StorageAway(OSError):
    """The store does not answer, or not now: the very same may do later, and nothing is wrong with what was asked."""


class Store(Protocol):
    """Keys lead nowhere else: all raise ValueError for one that would. What is not there is FileNotFoundError, and a
    store that is away or full an OSError as of a disk (`videoservice.outages`): of a bucket that is away StorageAway,
    which no disk of a machine raises."""

    has_links: bool
    """Whether bytes may have two keys and lie there once."""
    is_folder: bool

    def fetch(self, key: str, sha256: str = "") -> AbstractContextManager[Path]:
        """The file as one of this machine, for as long as the block runs. It must not be changed. `sha256` is that of
        its bytes, where somebody knows it."""
        ...

    def is_near(self, key: str, sha256: str) -> bool:
        """Whether `fetch` has nothing to fetch."""
        ...

    def publish(self, file: Path, key: str, sha256: str = "") -> None:
        """Move a whole file into its place, for good: it is there also after a power cut. Nobody ever sees half of
        it."""
        ...

    def share(self, file: Path, key: str, sha256: str = "") -> None:
        """As `publish`, but the file keeps its own name as well, where that can be; elsewhere it is moved."""
        ...

    def settle(self, file: Path, key: str, sha256: str) -> None:
        """A file whose bytes have been published is not needed here any more, unless it saves to fetch them again."""
        ...

    def take_back(self, file: Path, key: str) -> None:
        """Undo `share`: the file is where it was."""
        ...

    def put_new(self, content: bytes, key: str) -> None:
        """Publish these few bytes unless there is something already: of several who try at once one wins."""
        ...

    def open(self, key: str) -> tuple[BinaryIO, Stat]:
        """The bytes, from wherever one seeks to, of which little more come than are read; and what they are."""
        ...

    def stat(self, key: str) -> Stat: ...

    def link(self, key: str, second: str) -> bool:
        """Give the bytes of a key a second key, at once and without room for it. False where that cannot be."""
        ...

    def copy(self, key: str, second: str) -> bool:
        """As `link`, but the bytes are copied where there is no other way, which may take minutes. Returns whether they
        are kept once."""
        ...

    def url(self, key: str, shown: Shown) -> str | None:
        """An address that gives the file for a while to whoever has it; None where the site sends it itself."""
        ...

    def delete(self, key: str) -> None:
        """Delete a file. Does nothing when it is not there."""
        ...

    def delete_with_folders(self, key: str, room: str) -> None:
        """Delete a file as `listed` names it, and folders around it below `room` that are empty then."""
        ...

    def delete_tree(self, key: str) -> None:
        """Delete all that lies below a key. Raises OSError when some of it stays."""
        ...

    def listed(self, key: str) -> Iterator[Found]:
        """All files below a key."""
        ...

    def folders(self, key: str) -> list[str]:
        """The names of the folders right below a key."""
        ...

    def place(self, key: str) -> str:
        """Where it lies, as an operator would look it up."""
        ...

    def drafting(self, key: str, ending: str) -> AbstractContextManager[Path]:
        """A path of this machine, from which `publish` to `key` costs least, for as long as the block runs."""
        ...

    def room_bytes(self) -> tuple[int, int]:
        """How much it takes in all, and how much more."""
        ...

    def make_room(self, size: int) -> None:
        """Let go what is kept on this machine's disk only to be at hand, until that takes so many bytes more. Raises
        OSError (ENOSPC)."""
        ...

    def try_out(self) -> None:
        """Raises OSError when it does not take a file."""
        ...
