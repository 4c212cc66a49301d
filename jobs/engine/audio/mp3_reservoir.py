"""MP3 frames and their bit reservoir (ISO/IEC 11172-3, 2.4.2.7; 13818-3): what joining them takes.

A frame's main data may begin up to 511 bytes before the frame, in the space that the frames before did not need. So
where frames are joined that did not follow each other, those bytes are written anew into what the frames there leave
free; where that is too little, the frame itself is made longer, as one of a higher bit rate. Its audio stays as it is,
bit for bit.
"""

import dataclasses
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.engine.container import mp3_frames

MAXIMUM_RESERVOIR_BYTES = 511
"""What `main_data_begin` can say."""
MAXIMUM_PACKETS_BACK = 128
"""So many frames hold a reservoir, at the least that a frame can have."""
HEADER_BYTES = 4
HIGHEST_BIT_RATE_INDEX = 14
BIT_RATE_AND_PADDING = 0xF2
"""Of a header's third byte."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """`side` is its side information, `data` the bytes behind that, which hold main data of this and of later frames.

    Its main data has `used` bytes, and begins `begin` bytes before `data`.
    """

    header: bytes
    side: bytes
    data: bytes
    begin: int
    used: int

    @property
    def free(self) -> int:
        """How many bytes at the end of `data` and before it are left to later frames."""
        return self.begin + len(self.data) - self.used

    @property
    def room(self) -> int:
        """By how many bytes it could be longer."""
        return _size(self.header, HIGHEST_BIT_RATE_INDEX) - self.size

    @property
    def size(self) -> int:
        return HEADER_BYTES + len(self.side) + len(self.data)

    @property
    def stored(self) -> bytes:
        return self.header + self.side + self.data


def parsed(packet: bytes) -> Frame | None:
    """A packet that is one frame; None where it is none, is torn, or has a checksum, which would have to change."""
    head = mp3_frames.frame_at(packet[:HEADER_BYTES])
    if head is None or head.size != len(packet) or head.samples == 384 or not packet[1] & 1:
        return None
    first, channels = head.is_first_version, 1 if head.is_mono else 2
    length = _side_bytes(packet)
    bits = int.from_bytes(packet[HEADER_BYTES : HEADER_BYTES + length])
    total = 8 * length
    # Before the granules: the pointer, private bits, and in MPEG-1 which scale factors are shared.
    at = (9 + (5 if head.is_mono else 3) + 4 * channels) if first else (8 + channels)
    main_bits = 0
    for _ in range(2 * channels if first else channels):
        main_bits += bits >> (total - at - 12) & 0xFFF
        at += 59 if first else 63
    side, data = packet[HEADER_BYTES : HEADER_BYTES + length], packet[HEADER_BYTES + length :]
    frame = Frame(packet[:HEADER_BYTES], side, data, bits >> (total - (9 if first else 8)), -(-main_bits // 8))
    return frame if frame.free >= 0 else None


def _is_first_version(header: bytes) -> bool:
    return header[1] >> 3 & 3 == 3


def _side_bytes(header: bytes) -> int:
    is_mono = header[3] >> 6 == 3
    return (17 if is_mono else 32) if _is_first_version(header) else (9 if is_mono else 17)


def _with_bit_rate(header: bytes, index: int) -> bytes:
    return bytes((*header[:2], header[2] & 0x0F | index << 4, header[3]))


def _size(header: bytes, index: int) -> int:
    head = mp3_frames.frame_at(_with_bit_rate(header, index))
    assert head is not None
    return head.size


def _with_begin(frame: Frame, begin: int) -> bytes:
    """Its side information with another pointer."""
    total, width = 8 * len(frame.side), 9 if _is_first_version(frame.header) else 8
    rest = int.from_bytes(frame.side) & ((1 << (total - width)) - 1)
    return (begin << (total - width) | rest).to_bytes(len(frame.side))


class Reservoir:
    """What frames in a row leave to those after them. Where nothing is known it is zeros."""

    def __init__(self) -> None:
        self._bytes = bytes(MAXIMUM_RESERVOIR_BYTES)

    def before(self, frame: Frame) -> bytes:
        """The bytes of the reservoir from the frame's pointer on."""
        return self._bytes[len(self._bytes) - frame.begin :]

    def add(self, frame: Frame) -> None:
        self._bytes = (self._bytes + frame.data)[-MAXIMUM_RESERVOIR_BYTES:]


class FrameDigests:
    """A checksum of what makes up each frame's audio, given in a row: header, side information and main data.

    Where these bytes lie, and how long the frame is for that, does not count. A frame without main data has 0.
    """

    def __init__(self) -> None:
        self._reservoir = Reservoir()

    def digest(self, frame: Frame) -> int:
        main = (self._reservoir.before(frame) + frame.data)[: frame.used]
        self._reservoir.add(frame)
        if not main:
            return 0
        header = bytes((*frame.header[:2], frame.header[2] & ~BIT_RATE_AND_PADDING, frame.header[3]))
        return zlib.crc32(header + _with_begin(frame, 0) + main)


@dataclasses.dataclass(frozen=True, eq=False)
class FrameTable:
    """Of each frame of a track: a checksum of its audio (`FrameDigests`), how many bytes it needs of the frames before
    it, how many it leaves free, and how much longer it could be; `sizes` are the bytes of its `data`."""

    digests: NDArray[np.uint32]
    begin: NDArray[np.int16]
    free: NDArray[np.int16]
    room: NDArray[np.int16]
    sizes: NDArray[np.int16]

    def has_room(self, runs: Sequence[tuple[int, int]]) -> bool:
        """Whether each run finds room for its reservoir after the run before. What comes first always does.

        `runs` are numbers of first frames and of those behind the last.
        """
        last = [until - 1 for _, until in runs[:-1]]
        first = [start for start, _ in runs[1:]]
        return bool(np.all(self.begin[first] <= self.free[last] + self.room[first]))

    def joined(self, numbers: Sequence[int], read: Callable[[Iterator[int]], Iterator[bytes]]) -> Iterator[bytes]:
        """These frames, each with its main data where it looks for that; `read` gives the source's, by number.

        Before a first one that is not the source's first goes one that holds its reservoir.
        """
        wanted = list(self._with_context(numbers))
        joiner, before, reservoir = FrameJoiner(), -1, Reservoir()
        packets = read(number for number, _ in wanted)
        for (number, is_kept), packet in zip(wanted, packets, strict=True):
            frame = parsed(packet)
            # The survey has parsed it before.
            assert frame is not None
            if is_kept:
                joiner.append(frame, None if number == before + 1 else reservoir.before(frame), is_first=before < 0)
                before = number
                yield from joiner.finished()
            reservoir.add(frame)
        yield from joiner.finished(all_of_it=True)

    def _with_context(self, numbers: Sequence[int]) -> Iterator[tuple[int, bool]]:
        """The frames, and before each run those that hold its reservoir, which are not kept."""
        before = -1
        for number in numbers:
            if number != before + 1:
                yield from ((one, False) for one in range(self._context(number), number))
            yield number, True
            before = number

    def _context(self, number: int) -> int:
        """The first of the frames that hold the reservoir of this one."""
        needed, first = int(self.begin[number]), number
        while needed > 0 and first and number - first < MAXIMUM_PACKETS_BACK - 1:
            first -= 1
            needed -= int(self.sizes[first])
        return first


class FrameSurvey:
    """Makes a `FrameTable` of packets in a row."""

    def __init__(self) -> None:
        self._digests = FrameDigests()
        self._rows: list[tuple[int, int, int, int, int]] = []

    def add(self, packet: bytes) -> bool:
        """Whether the packet is a frame that can be joined with others."""
        frame = parsed(packet)
        if frame is not None:
            digest = self._digests.digest(frame)
            self._rows.append((digest, frame.begin, frame.free, frame.room, len(frame.data)))
        return frame is not None

    @property
    def table(self) -> FrameTable:
        digests, *others = np.array(self._rows, np.int64).reshape(-1, 5).T
        return FrameTable(digests.astype(np.uint32), *(one.astype(np.int16) for one in others))


class FrameJoiner:
    """Frames in the order of a result, written so that each finds its main data."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[bytes, bytearray]] = deque()
        self._free = 0

    def append(self, frame: Frame, reservoir: bytes | None, *, is_first: bool) -> None:
        """Add the next frame; `reservoir` are the bytes from its pointer on, None where it follows the one before in
        the source too, or is the source's first. What is free before it and its `room` have to suffice."""
        if reservoir is not None:
            if is_first:
                self._lead_in(frame)
            if frame.begin > self._free:
                frame, whole = _lengthened(frame, reservoir, frame.begin - self._free)
                reservoir = whole[: frame.begin]
            self._fill(reservoir)
        self._waiting.append((frame.header + frame.side, bytearray(frame.data)))
        self._free = frame.free

    def _lead_in(self, frame: Frame) -> None:
        """A silent frame that holds what the first one needs."""
        index = frame.header[2] >> 4
        length = len(frame.side)
        while (space := _size(frame.header, index) - HEADER_BYTES - length) < frame.begin:
            index += 1
        self._waiting.append((_with_bit_rate(frame.header, index) + bytes(length), bytearray(space)))
        self._free = space

    def _fill(self, content: bytes) -> None:
        """Write to the end of what is there."""
        for _, data in reversed(self._waiting):
            if not content:
                return
            part = content[-len(data) :] if data else b""
            data[len(data) - len(part) :] = part
            content = content[: len(content) - len(part)]

    def finished(self, *, all_of_it: bool = False) -> Iterator[bytes]:
        """The frames that nothing will be written to any more."""
        held = sum(len(data) for _, data in self._waiting)
        while self._waiting and (all_of_it or held - len(self._waiting[0][1]) >= MAXIMUM_RESERVOIR_BYTES):
            head, data = self._waiting.popleft()
            held -= len(data)
            yield head + data


def _lengthened(frame: Frame, reservoir: bytes, missing: int) -> tuple[Frame, bytes]:
    """The frame at a bit rate at which it is longer by the bytes that are missing, and its reservoir and data."""
    index = frame.header[2] >> 4
    while (longer := _size(frame.header, index) - frame.size) < missing:
        index += 1
    begin = max(0, frame.begin - longer)
    # What is more than enough lies between its own main data and that of the next.
    stuffing = bytes(longer - (frame.begin - begin))
    joined = reservoir + frame.data
    whole = joined[: frame.used] + stuffing + joined[frame.used :]
    side = _with_begin(frame, begin)
    return Frame(_with_bit_rate(frame.header, index), side, whole[begin:], begin, frame.used), whole
