"""Where the audio of an MP3 file begins, and how much of it its own header promises: behind tags, or behind garbage."""

import contextlib
import dataclasses
import mmap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""By the two bits of the version: MPEG-1, 2 and 2.5."""
KBPS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By whether it is MPEG-1, and by layer."""
MINIMUM_CONSECUTIVE_FRAMES = 4
"""So many frames that follow each other are no accident."""
LIBAVFORMAT_SEARCH_BYTES, MAXIMUM_SEARCH_BYTES = 1 << 16, 16 << 20
"""So far from its tags libavformat looks for the first frame, and we do."""
APE_SIGNATURE, APE_HEADER_BYTES = b"APETAGEX", 32


@dataclasses.dataclass(frozen=True)
class FrameHeader:
    """A frame's header: how many bytes it takes, and how many samples it holds at what rate."""

    size: int
    samples: int
    rate: int
    is_mono: bool
    is_first_version: bool


def frame_at(head: bytes) -> FrameHeader | None:
    """The frame whose header these four bytes are, if they are one."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    index, rate_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:
        return None
    is_first = version == 3
    rate, kbps = SAMPLE_RATES[version][rate_index], KBPS[is_first, layer][index - 1]
    samples = {1: 384, 2: 1152, 3: 1152 if is_first else 576}[layer]
    size = (12_000 * kbps // rate + padding) * 4 if layer == 1 else samples // 8 * kbps * 1000 // rate + padding
    return FrameHeader(size, samples, rate, head[3] >> 6 == 3, is_first)


@contextlib.contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def first_frame_offset(path: Path) -> int | None:
    """The byte at which the first of several frames in a row begins; None where there is none in reach."""
    with mapped(path) as data:
        return first_frame(data, end_of_tags(data), MAXIMUM_SEARCH_BYTES)


def end_of_tags(data: mmap.mmap) -> int:
    at = 0
    while skipped := tag_size(data[at : at + APE_HEADER_BYTES]):
        at += skipped
    return at


def first_frame(data: mmap.mmap, at: int, maximum_bytes: int) -> int | None:
    """Where the next frame begins that others follow, of those within reach."""
    end = min(len(data), at + maximum_bytes)
    offset = data.find(b"\xff", at, end)
    while offset >= 0:
        if is_frame_sequence(data, offset):
            return offset
        offset = data.find(b"\xff", offset + 1, end)
    return None


def is_frame_sequence(data: mmap.mmap, at: int) -> bool:
    """Whether several frames of a kind follow each other there, or as many as there are up to the end of the file."""
    first = frame_at(data[at : at + 4])
    for count in range(MINIMUM_CONSECUTIVE_FRAMES):
        frame = frame_at(data[at : at + 4])
        if frame is None or first is None or frame.rate != first.rate or frame.samples != first.samples:
            return False
        at += frame.size
        if at >= len(data):
            return count > 0
    return True


def frames_duration(path: Path) -> Fraction:
    """The seconds of all frames that follow each other in the file, wherever what is no audio lies between them."""
    count, rate = 0, 1
    with mapped(path) as data:
        at = first_frame(data, end_of_tags(data), MAXIMUM_SEARCH_BYTES)
        while at is not None:
            frame = frame_at(data[at : at + 4])
            if frame is None:
                at = first_frame(data, at, len(data))
                continue
            # The last one may be torn.
            if at + frame.size <= len(data):
                count, rate = count + frame.samples, frame.rate
            at += frame.size
    return Fraction(count, rate)


def tag_size(head: bytes) -> int:
    """How many bytes a tag of ID3 or APE takes that begins like that; 0 for anything else."""
    if head.startswith(b"ID3") and len(head) >= 10:
        # Its length is in four times seven bits.
        return 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    if head.startswith(APE_SIGNATURE) and len(head) == APE_HEADER_BYTES:
        return APE_HEADER_BYTES + int.from_bytes(head[12:16], "little")
    return 0


def junk_bytes(path: Path) -> int:
    """How many bytes have to be left out for libavformat to find the audio and its header; 0 when it does by itself.

    What names ID3 has in front is not left out, unless the audio is far from it.
    """
    begins = first_frame_offset(path) or 0
    with path.open("rb") as file:
        head = file.read(APE_HEADER_BYTES)
    named = tag_size(head) if head.startswith(b"ID3") else 0
    return begins if begins - named > (LIBAVFORMAT_SEARCH_BYTES // 2 if named else 0) else 0


def skip_options(path: Path, format: str) -> dict[str, str]:
    """libavformat's options to begin at the audio, for files of this format."""
    skipped = junk_bytes(path) if format == "mp3" else 0
    return {"skip_initial_bytes": str(skipped)} if skipped else {}


def declared_duration(path: Path) -> Fraction | None:
    """The seconds of audio that a Xing, Info or VBRI header promises; None without one."""
    begins = first_frame_offset(path)
    if begins is None:
        return None
    with path.open("rb") as file:
        file.seek(begins)
        data = file.read(200)
    frame = frame_at(data[:4])
    assert frame is not None
    side = (17 if frame.is_mono else 32) if frame.is_first_version else (9 if frame.is_mono else 17)
    xing = data[4 + side : 4 + side + 12]
    count = 0
    if xing[:4] in (b"Xing", b"Info") and xing[7:8] and xing[7] & 1:
        count = int.from_bytes(xing[8:12])
    elif data[36:40] == b"VBRI":
        count = int.from_bytes(data[50:54])
    return Fraction(count * frame.samples, frame.rate) if count else None
