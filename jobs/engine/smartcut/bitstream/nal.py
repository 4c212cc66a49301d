"""NAL units, in which H.264 and HEVC keep everything: taken out of packets, put in, and kept free of start codes."""

import re
from collections.abc import Iterator, Sequence

START_CODE_PREFIX = b"\0\0\1"
"""`start_code_prefix_one_3bytes` of the byte stream format (H.264, B.1.1)."""
NEEDS_EMULATION_PREVENTION = re.compile(rb"\0\0(?=[\0-\3])")

Unit = bytes | memoryview


def units(data: Unit, length_bytes: int) -> Iterator[memoryview]:
    """The units of a packet: each behind its length in so many bytes, or (0) behind a start code."""
    view = memoryview(data)
    if not length_bytes:
        yield from _between_start_codes(view)
        return
    offset = 0
    while offset + length_bytes < len(view):
        size = int.from_bytes(view[offset : offset + length_bytes], "big")
        offset += length_bytes
        # Damaged files have units without content.
        if size:
            yield view[offset : offset + size]
        offset += size


def _between_start_codes(view: memoryview) -> Iterator[memoryview]:
    data = bytes(view)
    begin = data.find(START_CODE_PREFIX)
    while begin >= 0:
        begin += len(START_CODE_PREFIX)
        # Behind a slice only its own kind follows in practice, but sets are small and looked for anyway.
        following = data.find(START_CODE_PREFIX, begin)
        end = len(data) if following < 0 else following
        # The zero that makes a start code of four bytes, and padding.
        while end > begin and data[end - 1] == 0:
            end -= 1
        if end > begin:
            yield view[begin:end]
        begin = following


def length_prefixed(units: Sequence[Unit]) -> bytes:
    """A packet as MP4 stores it: each unit behind its length in four bytes."""
    return b"".join(field for unit in units for field in (len(unit).to_bytes(4, "big"), unit))


def without_emulation_prevention(unit: Unit) -> bytes:
    """Without each `emulation_prevention_three_byte`: the 3 between two zeros and a small byte, which keeps a start
    code from appearing by chance (H.264, 7.4.1; HEVC, 7.4.2.1)."""
    return bytes(unit).replace(b"\0\0\3", b"\0\0")


def with_emulation_prevention(data: bytes) -> bytes:
    return NEEDS_EMULATION_PREVENTION.sub(b"\0\0\3", data)
