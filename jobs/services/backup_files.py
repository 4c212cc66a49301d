"""Files of the storage in a backup: each content once, by its hash, however many backups and names it has."""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from jobs import storage

ROOMS = ("videos", "images", "artifacts")
"""Folders of the storage. Caches are made again, and what is under way is no file yet."""
BLOCK = 1024 * 1024
DAMAGED = ".damaged"
CONTENT = re.compile(r"[0-9a-f]{64}(\.damaged)?")
PART = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part")
Progress = Callable[[int], None]
"""Called with the number of bytes that were read since the last time."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file: its key in the storage, the SHA-256 of its bytes, their number, and when it was written (ns)."""

    key: str
    sha256: str
    size: int
    written: int

    def to_line(self) -> str:
        return json.dumps(dataclasses.asdict(self)) + "\n"

    @classmethod
    def of_line(cls, line: str) -> Self:
        return cls(**json.loads(line))


class Damaged(Exception):
    """The bytes are not those that were backed up."""


def listed(file: Path) -> dict[str, Entry]:
    """The entries of a backup, by key."""
    with file.open(encoding="utf-8") as lines:
        return {entry.key: entry for entry in map(Entry.of_line, lines)}


def stored() -> Iterator[str]:
    """Every file of the storage that a backup holds."""
    for room in ROOMS:
        for found in storage.listed(room):
            yield found.key


class Contents:
    """The folder of contents."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def has(self, entry: Entry) -> bool:
        """By its size: to read all of it again is what `check` is for, which puts away what is damaged."""
        try:
            return self.path(entry.sha256).stat().st_size == entry.size
        except FileNotFoundError:
            return False

    def take(self, key: str, known: Entry | None, progress: Progress) -> Entry | None:
        """Copy a file of the storage, unless a backup before had it as it is. None when it has just gone."""
        try:
            facts = storage.stat(key)
            if known and (known.size, known.written) == (facts.size, facts.changed_ns) and self.has(known):
                return known
            storage.make_folder(self.folder)
            part = self.folder / f"{uuid.uuid4()}.part"
            try:
                with storage.open_file(key) as source:
                    sha256, size = copy(source, part, progress)
                entry = Entry(key, sha256, size, facts.changed_ns)
                self._adopt(part, entry)
            finally:
                part.unlink(missing_ok=True)
        except FileNotFoundError:
            return None
        return entry

    def _adopt(self, part: Path, entry: Entry) -> None:
        """Also in place of what is there: these bytes have just been read, those may be damaged by now."""
        target = self.path(entry.sha256)
        storage.make_folder(target.parent)
        part.chmod(0o400)
        part.replace(target)
        storage.sync(target.parent)
        target.with_suffix(DAMAGED).unlink(missing_ok=True)

    def give(self, entry: Entry, progress: Progress) -> None:
        """Put a file back into the storage, unless it is there. Raises Damaged, and FileNotFoundError."""
        with contextlib.suppress(FileNotFoundError), storage.open_file(entry.key) as there:
            if hashed(there, progress) == entry.sha256:
                return
        with storage.drafting(entry.key, ".part") as part:
            with self.path(entry.sha256).open("rb") as kept:
                sha256, _ = copy(kept, part, progress)
            if sha256 != entry.sha256:
                raise Damaged(entry.key)
            os.utime(part, ns=(entry.written, entry.written))
            storage.publish(part, entry.key, sha256)

    def check(self, sha256: str, progress: Progress) -> bool:
        """Whether a content is there, whole. One that is damaged is put away, so that the next backup copies it."""
        file = self.path(sha256)
        try:
            if hashed_file(file, progress) == sha256:
                return True
        except FileNotFoundError:
            return False
        except OSError as error:  # the disk cannot read it any more
            if error.errno != errno.EIO:
                raise
        with contextlib.suppress(OSError):  # a folder that is read only gets no backups either
            file.replace(file.with_suffix(DAMAGED))
        return False

    def clear(self) -> None:
        """Delete what a killed backup was copying."""
        for file in self.folder.glob("*.part"):
            if PART.fullmatch(file.name):
                file.unlink()

    def forget(self, wanted: Iterable[str]) -> int:
        """Delete the contents that none of these is. Returns how many bytes that were."""
        needed, freed = set(wanted), 0
        for file in self.folder.glob("??/*"):
            if CONTENT.fullmatch(file.name) and file.name.removesuffix(DAMAGED) not in needed:
                freed += file.stat().st_size
                file.unlink()
        return freed


def copy(source: BinaryIO, target: Path, progress: Progress) -> tuple[str, int]:
    """Copy an open file for good. Returns the SHA-256 of its bytes, and their number."""
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as out:
        while block := source.read(BLOCK):
            digest.update(block)
            out.write(block)
            size += len(block)
            progress(len(block))
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest(), size


def hashed_file(file: Path, progress: Progress) -> str:
    with file.open("rb") as source:
        return hashed(source, progress)


def hashed(source: BinaryIO, progress: Progress) -> str:
    digest = hashlib.sha256()
    while block := source.read(BLOCK):
        digest.update(block)
        progress(len(block))
    return digest.hexdigest()
