"""Units of the network abstraction layer, in which H.264 and HEVC keep everything: taken out of packets and put in."""

import re
from collections.abc import Iterator, Sequence

START_CODE = b"\0\0\1"
SMALL_AFTER_ZEROS = re.compile(rb"\0\0(?=[\0-\3])")

Unit = bytes | memoryview


def units(data: Unit, length_bytes: int) -> Iterator[memoryview]:
    """The units of a packet: each behind its length in so many bytes, or (0) behind a start code."""
    view = memoryview(data)
    if not length_bytes:
        yield from _between_start_codes(view)
        return
    place = 0
    while place + length_bytes < len(view):
        size = int.from_bytes(view[place : place + length_bytes], "big")
        place += length_bytes
        # Damaged files have units without content.
        if size:
            yield view[place : place + size]
        place += size


def _between_start_codes(view: memoryview) -> Iterator[memoryview]:
    data = bytes(view)
    begin = data.find(START_CODE)
    while begin >= 0:
        begin += len(START_CODE)
        # Behind a slice only its own kind follows in practice, but sets are small and looked for anyway.
        following = data.find(START_CODE, begin)
        end = len(data) if following < 0 else following
        # The zero that makes a start code of four bytes, and padding.
        while end > begin and data[end - 1] == 0:
            end -= 1
        if end > begin:
            yield view[begin:end]
        begin = following


def with_lengths(parts: Sequence[Unit]) -> bytes:
    """A packet as MP4 stores it: each unit behind its length in four bytes."""
    return b"".join(piece for unit in parts for piece in (len(unit).to_bytes(4, "big"), unit))


def unguarded(unit: Unit) -> bytes:
    """Without the 3 that encoders put between two zeros and a small byte, so that no start code appears by chance."""
    return bytes(unit).replace(b"\0\0\3", b"\0\0")


def guarded(data: bytes) -> bytes:
    return SMALL_AFTER_ZEROS.sub(b"\0\0\3", data)
