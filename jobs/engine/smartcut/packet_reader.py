"""Going to any packet of a recording by its decode index, and what decoding such packets gives."""

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
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
from jobs.engine.model.mediainfo import demuxer
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut.copy_plan import DecodeRange, Decoding, Run
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.video.source import Source
from jobs.engine.video.video_stream import open_video
from jobs.errors import ToolError

# Reading on costs less than seeking for so few packets.
READ_ON_PACKETS = 30
READ_BY_OFFSET = {"mpegts", "mpeg"}
"""Transport and program streams, which have no index of times."""
UNKNOWN_PACKETS = 64
"""So many at most are no packets of the recording where a demuxer is set down in the middle of one."""


class Unsound(ToolError):
    """The coded pictures are not what the survey said."""

    code = "unsound_result"


class Packets(Protocol):
    """The packets of a recording by their decode index."""

    def between(self, begin: int, end: int) -> Iterator[tuple[int, Packet]]:
        """Those from `begin` up to `end`, with their decode indexes. Raises Unsound when the file has them not."""


@contextlib.contextmanager
def opened(source: Source, coded: CodedPictures, token: CancellationToken) -> Iterator[Packets]:
    """Open a recording for its packets. Raises InputError."""
    if coded.readable_in_place:
        with source.path.open("rb") as file:
            yield PacketsInPlace(file, coded, token)
        return
    container, stream = open_video(source.path, source.info)
    with container:
        yield DemuxedPackets(container, stream, coded, token, demuxer(source.info))


class PacketsInPlace:
    """Packets that stand in the file as they are: no demuxer is needed, whose index of a long recording is large."""

    def __init__(self, file: BinaryIO, coded: CodedPictures, token: CancellationToken) -> None:
        self._file = file
        self._coded = coded
        self._token = token

    def between(self, begin: int, end: int) -> Iterator[tuple[int, Packet]]:
        coded = self._coded
        for decode_index in range(begin, end):
            self._token.check()
            size = int(coded.sizes[decode_index])
            data = os.pread(self._file.fileno(), size, int(coded.file_offsets[decode_index]))
            if len(data) < size:
                raise _unsound(f"nothing at place {decode_index}")
            packet = Packet(data)
            packet.pts = int(coded.pts[decode_index])
            packet.is_keyframe = bool(coded.keyframes[decode_index])
            yield decode_index, packet


class DemuxedPackets:
    """Packets that a demuxer finds, which has to be told where to go."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        coded: CodedPictures,
        token: CancellationToken,
        demuxer_name: str,
    ) -> None:
        self._container = container
        self._stream = stream
        self._coded = coded
        self._token = token
        self._places = ByPlace(coded) if demuxer_name in READ_BY_OFFSET else None
        self._numbering = self._places if self._places and self._places.fits else ByTime(coded)
        self._numbered = self._read()
        self._next = 0

    def between(self, begin: int, end: int) -> Iterator[tuple[int, Packet]]:
        found = begin
        for decode_index, packet in self._from(begin):
            if decode_index != found:
                raise _unsound(f"place {decode_index} where {found} was expected")
            found += 1
            yield decode_index, packet
            if found == end:
                return
        raise _unsound(f"nothing at place {found}")

    def _from(self, begin: int) -> Iterator[tuple[int, Packet]]:
        if not 0 <= begin - self._next <= READ_ON_PACKETS:
            self._seek(begin)
        for decode_index, packet in self._numbered:
            self._token.check()
            self._next = decode_index + 1
            if decode_index >= begin:
                yield decode_index, packet

    def _read(self) -> Iterator[tuple[int, Packet]]:
        packets = demuxing.packets(self._container, self._stream)
        return self._numbering.numbered(packet for packet in packets if packet.size)

    def _seek(self, begin: int) -> None:
        """Stand at or before a packet; demuxers seek by other clocks and may land too late: earlier ones are tried."""
        for earlier in (begin, *(max(0, begin - 2**power) for power in range(6, 20, 3)), 0):
            with contextlib.suppress(av.error.FFmpegError):
                if self._places:
                    self._container.seek(self._places.offset_before(earlier), unsupported_byte_offset=True)
                else:
                    self._container.seek(int(self._coded.pts[earlier]), stream=self._stream, backward=True)
            packets = self._read()
            first = next(packets, None)
            if first and first[0] <= begin:
                self._numbered = itertools.chain([first], packets)
                return
        raise _unsound(f"no way to place {begin}")


class ByTime:
    """Tells packets by their times of showing."""

    def __init__(self, coded: CodedPictures) -> None:
        self._pts = coded.pts
        self._by_pts = np.argsort(coded.pts)

    def numbered(self, packets: Iterable[Packet]) -> Iterator[tuple[int, Packet]]:
        """Each with its decode index. Raises Unsound for one that the survey has not seen."""
        return ((self._decode_index(packet.pts), packet) for packet in packets)

    def _decode_index(self, pts: int | None) -> int:
        found = np.searchsorted(self._pts, pts, sorter=self._by_pts) if pts is not None else len(self._by_pts)
        if found == len(self._by_pts) or self._pts[self._by_pts[found]] != pts:
            raise _unsound(f"a picture at {pts} that was not there before")
        return int(self._by_pts[found])


class ByPlace:
    """Tells the first packet by where it lies and how long it is, and counts from there.

    Many pictures of transport and program streams have no times of their own: a demuxer counts them from those before,
    which it has not seen after a seek. They get the times here that reading from the start has given them.
    """

    def __init__(self, coded: CodedPictures) -> None:
        self._coded = coded
        self._known = np.flatnonzero(coded.file_offsets >= 0)
        """In program streams of the pictures that begin a PES packet."""
        self._offsets = coded.file_offsets[self._known]

    @property
    def fits(self) -> bool:
        """Whether pictures are known to lie one behind the other."""
        return bool(len(self._known) and (np.diff(self._offsets) >= 0).all())

    def offset_before(self, decode_index: int) -> int:
        """Where the last picture up to that one lies of which that is known; the beginning when there is none."""
        found = int(np.searchsorted(self._known, decode_index, "right"))
        return int(self._offsets[found - 1]) if found else 0

    def numbered(self, packets: Iterable[Packet]) -> Iterator[tuple[int, Packet]]:
        """As ByTime's; nothing where none of the first is known."""
        unknown, found = 0, -1
        for packet in packets:
            found = self._first(packet) if found < 0 else found + 1
            if found < 0:
                unknown += 1
                if unknown == UNKNOWN_PACKETS:
                    return
                continue
            if found == len(self._coded.pts) or not self._is(found, packet):
                raise _unsound(f"a picture at byte {packet.pos} that was not there before")
            packet.pts = int(self._coded.pts[found])
            yield found, packet

    def _first(self, packet: Packet) -> int:
        if packet.pos is None:
            return -1
        begin, end = (int(np.searchsorted(self._offsets, packet.pos, side)) for side in ("left", "right"))
        same = [place for place in self._known[begin:end].tolist() if self._is(place, packet)]
        return same[0] if len(same) == 1 else -1

    def _is(self, place: int, packet: Packet) -> bool:
        offset = -1 if packet.pos is None else packet.pos
        return offset == self._coded.file_offsets[place] and packet.size == self._coded.sizes[place]


def _unsound(detail: str) -> Unsound:
    return Unsound(
        "The pictures of the recording were not found where they were. Choose to encode the whole picture anew.",
        detail=detail,
    )


class RangeDecoder:
    """Decodes ranges of a recording's pictures, one after the other."""

    def __init__(self, packets: Packets, coded: CodedPictures) -> None:
        self._packets = packets
        context = av.CodecContext.create(coded.codec.decoder or coded.codec.name, "r")
        assert isinstance(context, VideoCodecContext)
        context.extradata = coded.extradata
        # Where the VUI does not tell max_num_reorder_frames, the level's bound is waited for: a guess would give some
        # frames out too early.
        context.options = {"strict": "strict"}
        # Several ranges are worked on at once instead of one by several threads.
        context.thread_count = 1
        context.thread_type = ThreadType.NONE
        self._context = context

    def frames(self, decoding: Decoding, run: Run) -> Iterator[tuple[int, VideoFrame]]:
        """Those of an encode run with their times in the result. Raises Unsound."""
        times = iter(decoding.start_ticks(run))
        for span in decoding.ranges(run):
            for frame in self.decoded(span):
                yield next(times), frame

    def decoded(self, span: DecodeRange) -> Iterator[VideoFrame]:
        """The wanted frames of a range in order of showing, decoding only what is needed for them.

        Raises Unsound when the decoder has not all of them.
        """
        wanted = iter(span.wanted)
        awaited = next(wanted, None)
        for frame in self._frames(span):
            pts = frame.pts
            while awaited is not None and pts == awaited:
                yield frame
                awaited = next(wanted, None)
            if awaited is None:
                break
        self._context.flush_buffers()
        if awaited is not None:
            raise _unsound(f"no picture at {awaited}")

    def _frames(self, span: DecodeRange) -> Iterator[VideoFrame]:
        try:
            for decode_index, packet in self._packets.between(span.begin, span.end):
                if decode_index in span.needed:
                    yield from self._context.decode(packet)
            yield from self._context.decode(None)
        except av.error.FFmpegError as error:
            raise _unsound(repr(error)) from error


class Copying:
    """The packets of one copy as MP4 stores them, in order."""

    def __init__(self, coded: CodedPictures) -> None:
        self._is_verbatim = coded.copies_verbatim
        self._stored = coded.codec.copying(coded.parameter_sets, coded.length_bytes)
        self._begins = True

    def stored(self, packet: Packet) -> Packet:
        """Raises Unsound for what the survey did not read."""
        if not self._begins and self._is_verbatim:
            return packet
        try:
            found = Packet(self._stored(memoryview(packet), begins=self._begins))
        except (ValueError, IndexError) as error:
            raise _unsound(repr(error)) from error
        found.is_keyframe = packet.is_keyframe
        self._begins = False
        return found
