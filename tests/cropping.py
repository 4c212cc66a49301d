"""Recordings whose container hides edges of the picture."""

import struct

from jobs.engine.model.mediainfo import ContainerCrop


def with_clap(data: bytes, size: tuple[int, int], crop: ContainerCrop) -> bytes:
    """An MP4 file of H.264 whose index comes last, with a `clap` box at the end of what is said of its picture: how
    large the part to be seen is, and how far its middle lies from the picture's."""
    seen = (size[0] - crop.left - crop.right, size[1] - crop.top - crop.bottom)
    across, down = crop.left - crop.right, crop.top - crop.bottom
    clap = struct.pack(">I4s8i", 40, b"clap", seen[0], 1, seen[1], 1, across, 2, down, 2)
    index = data.index(b"moov")
    entry = data.index(b"avc1", data.index(b"stsd", index)) - 4
    end = entry + struct.unpack_from(">I", data, entry)[0]
    grown = bytearray(data)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        # The picture's track is the first.
        place = data.index(kind, index) - 4
        struct.pack_into(">I", grown, place, struct.unpack_from(">I", data, place)[0] + len(clap))
    return bytes(grown[:end]) + clap + bytes(grown[end:])
