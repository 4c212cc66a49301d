"""Ogg files taken apart and put together, for what no encoder writes."""

import struct
from collections.abc import Collection

POLYNOMIAL = 0x04C1_1DB7
HEAD = struct.Struct("<4sBBqIIIB")


def emptied(data: bytes, places: Collection[int]) -> bytes:
    """An Ogg file of one packet a page, in which the packets at these places of its one stream have no content."""
    made, begin = [], 0
    for number in range(data.count(b"OggS")):
        *head, count = HEAD.unpack_from(data, begin)
        lengths = data[begin + HEAD.size :][:count]
        content = data[begin + HEAD.size + count :][: sum(lengths)]
        begin += HEAD.size + count + len(content)
        if number in places:
            lengths, content = b"\0", b""
        head[6] = 0
        page = HEAD.pack(*head, len(lengths)) + lengths + content
        head[6] = checksum(page)
        made.append(HEAD.pack(*head, len(lengths)) + lengths + content)
    return b"".join(made)


def checksum(page: bytes) -> int:
    total = 0
    for byte in page:
        total ^= byte << 24
        for _ in range(8):
            total = (total << 1) & 0xFFFF_FFFF ^ (POLYNOMIAL if total & 0x8000_0000 else 0)
    return total
