"""Going to places in the stored order of a recording: packets, and what decoding them gives."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import av
import av.error
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import MediaInfo, demuxer
from jobs.engine.runtime.threads import Halt
from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.copy_plan import Run
from jobs.engine.smartcut.packet_survey import CodedOrder
from jobs.engine.video.frame_index import open_video
from jobs.errors import ToolError

# Reading on costs less than seeking for so few packets.
NEAR = 30


class Unsound(ToolError):
    """The stored pictures are not what the survey said."""

    code = "unsound_result"


class Packets(Protocol):
    """The packets of a recording by their place in the stored order."""

    def between(self, begin: int, end: int) -> Iterator[tuple[int, Packet]]:
        """The packets from place `begin` to `end` with their places. Raises Unsound when the file has them not."""


@contextlib.contextmanager
def opened(source: Path, info: MediaInfo, order: CodedOrder, halt: Halt) -> Iterator[Packets]:
    """Open a recording for its packets. Raises InputError."""
    if order.plain:
        with source.open("rb") as file:
            yield PlainPackets(file, order, halt)
        return
    container, stream = open_video(source, info)
    with container:
        yield DemuxedPackets(container, stream, order, halt, demuxer(info))


class PlainPackets:
    """Packets that stand in the file as they are: no demuxer is needed, whose index of a long recording is large."""

    def __init__(self, file: BinaryIO, order: CodedOrder, halt: Halt) -> None:
        self._file = file
        self._order = order
        self._halt = halt

    def between(self, begin: int, end: int) -> Iterator[tuple[int, Packet]]:
        order = self._order
        for place in range(begin, end):
            self._halt.check()
            size = int(order.sizes[place])
            data = os.pread(self._file.fileno(), size, int(order.positions[place]))
            if len(data) < size:
                raise _unsound(f"nothing at place {place}")
            packet = Packet(data)
            packet.pts = int(order.pts[place])
            packet.is_keyframe = bool(order.keys[place])
            yield place, packet


class DemuxedPackets:
    """Packets that a demuxer finds, which has to be told where to go."""

    def __init__(self, container: InputContainer, stream: VideoStream, order: CodedOrder, halt: Halt, way: str) -> None:
        self._container = container
        self._stream = stream
        self._order = order
        self._halt = halt
        self._way = way
        self._by_pts = np.argsort(order.pts)
        self._placed = self._read()
        self._next = 0

    def between(self, begin: int, end: int) -> Iterator[tuple[int, Packet]]:
        found = begin
        for place, packet in self._from(begin):
            if place != found:
                raise _unsound(f"place {place} where {found} was expected")
            found += 1
            yield place, packet
            if found == end:
                return
        raise _unsound(f"nothing at place {found}")

    def _from(self, begin: int) -> Iterator[tuple[int, Packet]]:
        if not 0 <= begin - self._next <= NEAR:
            self._seek(begin)
        for place, packet in self._placed:
            self._halt.check()
            self._next = place + 1
            if place >= begin:
                yield place, packet

    def _read(self) -> Iterator[tuple[int, Packet]]:
        packets = demuxing.packets(self._container, self._stream)
        return ((self._place(packet), packet) for packet in packets if packet.size)

    def _place(self, packet: Packet) -> int:
        pts = packet.pts
        found = np.searchsorted(self._order.pts, pts, sorter=self._by_pts) if pts is not None else len(self._by_pts)
        if found == len(self._by_pts) or self._order.pts[self._by_pts[found]] != pts:
            raise _unsound(f"a picture at {pts} that was not there before")
        return int(self._by_pts[found])

    def _seek(self, begin: int) -> None:
        """Stand at or before a place; demuxers aim by other clocks and may land too late, so earlier ones are tried."""
        for aim in (begin, *(max(0, begin - 2**power) for power in range(6, 20, 3)), 0):
            with contextlib.suppress(av.error.FFmpegError):
                if self._way == "mpegts":
                    self._container.seek(int(self._order.positions[aim]), unsupported_byte_offset=True)
                else:
                    self._container.seek(int(self._order.pts[aim]), stream=self._stream, backward=True)
            packets = self._read()
            first = next(packets, None)
            if first and first[0] <= begin:
                self._placed = itertools.chain([first], packets)
                return
        raise _unsound(f"no way to place {begin}")


def _unsound(detail: str) -> Unsound:
    return Unsound(
        "The pictures of the recording were not found where they were. Choose to encode the whole picture anew.",
        detail=detail,
    )


class Decoder:
    """Decodes runs of a recording's pictures, one after the other."""

    def __init__(self, packets: Packets, order: CodedOrder) -> None:
        self._packets = packets
        context = av.CodecContext.create(order.codec.name, "r")
        assert isinstance(context, VideoCodecContext)
        context.extradata = order.header
        # Where the header does not tell how far pictures are out of order, the level's bound is waited for: a guess
        # would give some out too early.
        context.options = {"strict": "strict"}
        # Several runs are worked on at once instead of one by several threads.
        context.thread_count = 1
        context.thread_type = ThreadType.NONE
        self._context = context

    def decoded(self, run: Run) -> Iterator[VideoFrame]:
        """The wanted pictures of a run in order of showing, decoding only what is needed for them.

        Raises Unsound when the decoder has not all of them.
        """
        wanted = iter(run.wanted)
        awaited = next(wanted, None)
        for frame in self._frames(run):
            pts = frame.pts
            while awaited is not None and pts == awaited:
                yield frame
                awaited = next(wanted, None)
            if awaited is None:
                break
        self._context.flush_buffers()
        if awaited is not None:
            raise _unsound(f"no picture at {awaited}")

    def _frames(self, run: Run) -> Iterator[VideoFrame]:
        try:
            for place, packet in self._packets.between(run.begin, run.end):
                if place in run.needed:
                    yield from self._context.decode(packet)
            yield from self._context.decode(None)
        except av.error.FFmpegError as error:
            raise _unsound(repr(error)) from error


def rewritten(packet: Packet, order: CodedOrder, *, begins: bool) -> bytes:
    """A packet as MP4 stores it, nothing in it that belongs in the header. `begins`: nothing before it is copied."""
    parts = [unit for unit in nal.units(packet, order.length_bytes) if order.codec.belongs(unit)]  # type: ignore[arg-type]
    return nal.with_lengths([order.codec.begin(unit) for unit in parts] if begins else parts)
