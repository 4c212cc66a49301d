"""Whether a file is whole: what its headers declare, against the bytes that are there."""

import dataclasses
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from av.stream import Stream

from jobs.errors import InputError

CONTAINER_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"mvex")
MAXIMUM_BOXES = 100_000
MAXIMUM_DEPTH = 16
"""Levels of parents; real files have five."""


@dataclasses.dataclass(frozen=True)
class Box:
    """One box of an MP4 or QuickTime file; `start` and `end` bound its content, and `end` may lie past the file's."""

    kind: bytes
    start: int
    end: int


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two byte offsets, one level deep."""
    for _ in range(MAXIMUM_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        size, kind, header = int.from_bytes(head[:4]), head[4:8], 8
        if size == 1:
            size, header = int.from_bytes(head[8:16]), 16
        elif size == 0:
            size = end - start
        if size < header:
            return
        yield Box(kind, start + header, start + size)
        start += size


def tree(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets with those inside the known parents, in file order.

    Nothing real is as deep as MAXIMUM_DEPTH, or has more than MAXIMUM_BOXES.
    """
    return itertools.islice(_tree(file, start, end, MAXIMUM_DEPTH), MAXIMUM_BOXES)


def _tree(file: BinaryIO, start: int, end: int, levels: int) -> Iterator[Box]:
    for box in boxes(file, start, end):
        yield box
        if box.kind in CONTAINER_BOXES and levels:
            yield from _tree(file, box.start, min(box.end, end), levels - 1)


def lacks_index(path: Path) -> bool:
    """Whether this is an MP4 or QuickTime file whose index (moov) is missing or incomplete."""
    size = path.stat().st_size
    with path.open("rb") as file:
        top = list(boxes(file, 0, size))
    kinds = {box.kind for box in top}
    whole = {box.kind for box in top if box.end <= size}
    return bool(kinds & {b"ftyp", b"mdat", b"moov"}) and b"moov" not in whole


def is_fragmented(path: Path) -> bool:
    """Whether an MP4 file carries its index in pieces, as live recorders write it."""
    with path.open("rb") as file:
        return any(box.kind == b"mvex" for box in tree(file, 0, path.stat().st_size))


def has_external_data(path: Path) -> bool:
    """Whether a video or audio track of a QuickTime file takes its data from another file."""
    with path.open("rb") as file:
        handler = b""
        for box in tree(file, 0, path.stat().st_size):
            if box.kind == b"trak":
                handler = b""
            elif box.kind == b"hdlr" and not handler:
                file.seek(box.start + 8)
                handler = file.read(4)
            elif box.kind == b"dref" and handler in (b"vide", b"soun"):
                entries = list(boxes(file, box.start + 8, box.end))
                if entries and all(is_reference(file, entry) for entry in entries):
                    return True
    return False


def is_reference(file: BinaryIO, entry: Box) -> bool:
    """Whether an entry of `dref` names another file: not flagged as self-contained, and with something in it."""
    file.seek(entry.start)
    flags = int.from_bytes(file.read(4)) & 0xFFFFFF
    return not flags & 1 and entry.end - entry.start > 5


def sample_entries(path: Path) -> dict[int, set[str]]:
    """What each track of an MP4 or QuickTime file is stored as, in four letters such as "avc1", by its number."""
    entries: dict[int, set[str]] = {}
    number = 0
    with path.open("rb") as file:
        for box in tree(file, 0, path.stat().st_size):
            if box.kind == b"tkhd":
                file.seek(box.start)
                # Dates of creation and change come first.
                file.seek(8 if file.read(4)[0] != 1 else 16, 1)
                number = int.from_bytes(file.read(4))
            elif box.kind == b"stbl":
                for entry in boxes(file, box.start, box.end):
                    if entry.kind == b"stsd":
                        # A version, and how many there are.
                        kinds = boxes(file, entry.start + 8, entry.end)
                        entries[number] = {one.kind.decode("latin-1") for one in kinds}
    return entries


def track_ends(path: Path) -> dict[int, Fraction]:
    """When each track of an MP4 file ends, in seconds, by the track's number: what its header says players show.

    libavformat tells another end where frames are stored out of order: that of decoding.
    """
    ends: dict[int, Fraction] = {}
    clock_hz = 1
    with path.open("rb") as file:
        for box in tree(file, 0, path.stat().st_size):
            if box.kind not in (b"mvhd", b"tkhd"):
                continue
            file.seek(box.start)
            is_long = file.read(4)[0] == 1
            # Dates of creation and change come first.
            file.seek(16 if is_long else 8, 1)
            if box.kind == b"mvhd":
                clock_hz = int.from_bytes(file.read(4)) or 1
            else:
                number = int.from_bytes(file.read(4))
                file.seek(4, 1)
                ends[number] = Fraction(int.from_bytes(file.read(8 if is_long else 4)), clock_hz)
    return ends


def indexed_end(streams: list[Stream], size: int) -> Fraction | None:
    """Up to which second an indexed (MP4) file is complete, None when all of its samples are there."""
    missing: list[Fraction] = []
    for stream in streams:
        missing_entries = [entry.timestamp for entry in stream.index_entries if entry.pos + entry.size > size]
        if missing_entries and stream.time_base:
            missing.append(min(missing_entries) * stream.time_base)
    return min(missing, default=None)


def require_whole(there: Fraction, declared: Fraction, detail: str) -> None:
    """Raise InputError when clearly less is there than was declared, both in seconds.

    Headers are rounded and tracks end at different times: a second, or a fiftieth of a long recording, is no loss.
    """
    if declared - there > max(Fraction(1), declared / 50):
        raise cut_off(there, declared, detail)


def cut_off(there: Fraction, declared: Fraction, detail: str) -> InputError:
    return InputError(
        f"The recording is cut off: of {spoken_duration(declared)} only the first "
        f"{spoken_duration(max(there, Fraction(0)))} are there. "
        "Upload the whole file, or export it anew from where it can be played.",
        detail=detail,
        code="cut_off",
    )


def spoken_duration(seconds: Fraction) -> str:
    """A length as a person says it: "8 s", "3 min 5 s", "1 h 2 min 0 s"."""
    whole = round(seconds)
    parts = [(whole // 3600, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{count} {unit}" for count, unit in parts)
