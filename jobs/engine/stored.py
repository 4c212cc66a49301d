"""Going to places in the stored order of a recording: packets, and what decoding them gives."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import av.error
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine import nal
from jobs.engine.coded import CodedOrder
from jobs.engine.media import MediaInfo
from jobs.engine.parallel import Halt
from jobs.engine.pcm import demuxer
from jobs.engine.splice import Run
from jobs.engine.timeline import open_picture
from jobs.errors import ToolError

# Reading on costs less than seeking for so few packets.
NEAR = 30


class Unsound(ToolError):
    """The stored pictures are not what the survey said."""

    code = "unsound_result"


class StoredPackets:
    """The packets of a recording by their place in the stored order."""

    def __init__(self, container: InputContainer, stream: VideoStream, order: CodedOrder, halt: Halt, way: str) -> None:
        self.stream = stream
        self._container = container
        self._order = order
        self._halt = halt
        self._way = way
        self._by_pts = np.argsort(order.pts)
        self._placed = self._read()
        self._next = 0

    @classmethod
    @contextlib.contextmanager
    def opened(cls, source: Path, info: MediaInfo, order: CodedOrder, halt: Halt) -> Iterator[Self]:
        container, stream = open_picture(source, info)
        with container:
            # Several recordings are worked on at once instead of one by several threads.
            stream.codec_context.thread_count = 1
            stream.codec_context.thread_type = ThreadType.NONE
            yield cls(container, stream, order, halt, demuxer(info))

    def between(self, begin: int, end: int) -> Iterator[tuple[int, Packet]]:
        """The packets from place `begin` to `end` with their places. Raises Unsound when the file has them not."""
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
        return ((self._place(packet), packet) for packet in self._container.demux(self.stream) if packet.size)

    def _place(self, packet: Packet) -> int:
        pts = packet.pts
        found = np.searchsorted(self._order.pts, pts, sorter=self._by_pts) if pts is not None else len(self._by_pts)
        if found == len(self._by_pts) or self._order.pts[self._by_pts[found]] != pts:
            raise _unsound(f"a picture at {pts} that was not there before")
        return int(self._by_pts[found])

    def _seek(self, begin: int) -> None:
        """Stand at or before a place; demuxers aim by other clocks and may land too late, so earlier ones are tried."""
        for aim in (begin, *(max(0, begin - 2**power) for power in range(6, 20, 3)), 0):
            if self._way == "mpegts":
                self._container.seek(int(self._order.positions[aim]), unsupported_byte_offset=True)
            else:
                self._container.seek(int(self._order.pts[aim]), stream=self.stream, backward=True)
            packets = self._read()
            first = next(packets, None)
            if first and first[0] <= begin:
                self._placed = itertools.chain([first], packets)
                return
        raise _unsound(f"no way to place {begin}")


def _unsound(detail: str) -> Unsound:
    return Unsound(
        "The pictures of the recording were not found where they were. Try again; if that fails too, tell "
        "the operator.",
        detail=detail,
    )


def decoded(packets: StoredPackets, run: Run) -> Iterator[VideoFrame]:
    """The wanted pictures of a run in order of showing, decoding only what is needed for them.

    Raises Unsound when the decoder has not all of them.
    """
    wanted = iter(run.wanted)
    awaited = next(wanted, None)
    for frame in _frames(packets, run):
        pts = frame.pts
        while awaited is not None and pts == awaited:
            yield frame
            awaited = next(wanted, None)
        if awaited is None:
            break
    packets.stream.codec_context.flush_buffers()
    if awaited is not None:
        raise _unsound(f"no picture at {awaited}")


def _frames(packets: StoredPackets, run: Run) -> Iterator[VideoFrame]:
    context = packets.stream.codec_context
    try:
        for place, packet in packets.between(run.begin, run.end):
            if place in run.needed:
                yield from context.decode(packet)
        yield from context.decode(None)
    except av.error.InvalidDataError as error:
        raise _unsound(repr(error)) from error


def rewritten(packet: Packet, order: CodedOrder, *, begins: bool) -> bytes:
    """A packet as MP4 stores it, nothing in it that belongs in the header. `begins`: nothing before it is copied."""
    parts = [unit for unit in nal.units(packet, order.length_bytes) if order.codec.belongs(unit)]  # type: ignore[arg-type]
    return nal.with_lengths([order.codec.begin(unit) for unit in parts] if begins else parts)
