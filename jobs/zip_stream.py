"""A ZIP file that is made while it is sent: nothing of it is kept on the disk, and its length is known before.

Its entries are stored as they are, since recordings do not get smaller. The checksum of each follows behind its bytes,
so that every file is read once, and everything is ZIP64, so that neither files nor their number have a limit.
"""

import dataclasses
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

BLOCK = 1 << 20
LOCAL, LOCAL_64, DESCRIPTOR_64 = 30, 20, 24
"""Bytes around an entry: its head, the lengths of ZIP64 in it, and what follows behind its bytes."""
CENTRAL, END, END_64 = 46, 22, 56 + 20


@dataclasses.dataclass(frozen=True)
class Entry:
    """`name` is the path inside, with slashes; `size` in bytes; `open` gives them, at least as many."""

    name: str
    size: int
    open: Callable[[], BinaryIO]
    changed_at: datetime | None = None

    @property
    def encoded(self) -> bytes:
        return self.name.encode()


class Sink:
    """Where zipfile writes, which cannot be wound back. What was written is taken out again by `taken`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, part: bytes, /) -> int:
        self._parts.append(bytes(part))
        self.size += len(part)
        return len(part)

    def flush(self) -> None:
        """There is nothing behind it."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        whole = b"".join(self._parts)
        self._parts, self.size = [], 0
        return whole


def length(entries: Sequence[Entry]) -> int:
    """How many bytes `stream` will give."""
    offset = directory = 0
    for entry in entries:
        lengths = 16 if entry.size > zipfile.ZIP64_LIMIT else 0
        place = 8 if offset > zipfile.ZIP64_LIMIT else 0
        extra = 4 + lengths + place if lengths or place else 0
        directory += CENTRAL + len(entry.encoded) + extra
        offset += LOCAL + len(entry.encoded) + LOCAL_64 + entry.size + DESCRIPTOR_64
    is_large = len(entries) > zipfile.ZIP_FILECOUNT_LIMIT or max(offset, directory) > zipfile.ZIP64_LIMIT
    return offset + directory + (END_64 if is_large else 0) + END


def stream(entries: Iterable[Entry]) -> Generator[bytes]:
    """The file, in blocks. Raises OSError when a file is gone or shorter than was said: then all is worth nothing."""
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            yield from _entry(archive, sink, entry)
    yield sink.taken()


def _entry(archive: zipfile.ZipFile, sink: Sink, entry: Entry) -> Iterator[bytes]:
    info = zipfile.ZipInfo(entry.name)
    if entry.changed_at and 1980 <= entry.changed_at.year < 2108:
        info.date_time = entry.changed_at.timetuple()[:6]
    info.external_attr = 0o644 << 16
    with entry.open() as file, archive.open(info, "w", force_zip64=True) as target:
        left = entry.size
        while left:
            block = file.read(min(BLOCK, left))
            if not block:
                raise OSError(f"{entry.name} ends {left} bytes early")
            target.write(block)
            left -= len(block)
            if sink.size >= BLOCK // 2:  # small files go out together
                yield sink.taken()
