"""The pictures of a finished file: when each comes on show, and whether those around its joins decode cleanly."""

import bisect
import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream
from numpy.typing import NDArray

from jobs.engine import containers
from jobs.engine.decoding import MARKS_UNREFERENCED
from jobs.engine.parallel import Beside, Halt

Span = tuple[int, int]
"""First and last time stamp, both included."""


@dataclasses.dataclass(frozen=True, eq=False)
class Stamps:
    """Time stamps of a file's pictures in the order they are stored, in ticks of `time_base` seconds."""

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    keys: NDArray[np.bool_]
    time_base: Fraction


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open an MP4 file for its pictures alone. Raises av.error.FFmpegError."""
    with containers.opened(path, "mov") as container:
        stream = container.streams.video[0]
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        yield container, stream


def stamps(path: Path, halt: Halt) -> Stamps:
    """When each picture is decoded and shown. Decodes nothing. Raises av.error.FFmpegError."""
    with opened(path) as (container, stream):
        assert stream.time_base is not None
        told = []
        for packet in packets(container, stream, halt):
            if packet.pts is not None and packet.dts is not None:
                told.append((packet.pts, packet.dts, packet.is_keyframe))
        table = np.array(told, np.int64).reshape(-1, 3)
        return Stamps(table[:, 0], table[:, 1], table[:, 2].astype(bool), stream.time_base)


def spans_around(shown: Stamps, joins: Sequence[Fraction], frames: int) -> list[Span]:
    """For each join the pictures to decode: `frames` either side, and as many from the next keyframe on.

    Where pieces are copied, the keyframe after a join is where the recording's own packets begin. What overlaps is
    made one.
    """
    order = np.sort(shown.pts)
    keys = np.sort(shown.pts[shown.keys])
    spans: list[Span] = []
    for join in joins:
        tick = math.ceil(join / shown.time_base)
        place = int(np.searchsorted(order, tick))
        spans.append(_span(order, place - frames, place + frames - 1))
        after = np.searchsorted(keys, spans[-1][1], "right")
        if after < len(keys):
            place = int(np.searchsorted(order, keys[after]))
            spans.append(_span(order, place, place + frames - 1))
    return _merged(spans)


def _span(order: NDArray[np.int64], first: int, last: int) -> Span:
    end = len(order) - 1
    return int(order[min(max(0, first), end)]), int(order[min(max(0, last), end)])


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


class Player:
    """Decodes pictures in some spans and looks for damage. The file is read once; memory holds one group of pictures.

    `decoded` counts pictures that came out, `bad` are time stamps of those in the spans or on the way to them that
    are damaged or did not come out.
    """

    def __init__(self, stream: VideoStream, spans: Sequence[Span]) -> None:
        self.decoded = 0
        self.bad: list[int] = []
        self._context = stream.codec_context
        self._begins, self._ends = zip(*spans, strict=True)
        self._due: set[int] = set()
        self._group: list[Packet[VideoStream]] = []
        self._from = 0
        # With more, damage is told of too late to be seen every time.
        self._context.thread_type = ThreadType.NONE
        self._context.thread_count = 1
        # Smoothing the edges of blocks cannot fail, and nobody looks at these pictures.
        self._context.options = {"skip_loop_filter": "all"}
        self._can_skip = self._context.name in MARKS_UNREFERENCED

    def play(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        for packet in packets:
            if packet.pts is None or packet.dts is None:
                continue
            # No later packet is shown before it is decoded.
            if packet.dts > self._ends[-1]:
                break
            if packet.is_keyframe:
                self._begin_group(packet.pts)
            # Shown before the keyframe but stored after it: refers to pictures that were left out.
            if packet.pts >= self._from:
                self._group.append(packet)
            if self._wanted(packet.pts):
                self._feed()
        self._drain()

    def _begin_group(self, pts: int) -> None:
        """Leave out what was not needed of the group before; without such the decoder goes on as a player's does."""
        if self._group:
            self._drain()
            self._group.clear()
            self._from = pts

    def _wanted(self, pts: int) -> bool:
        place = bisect.bisect(self._begins, pts) - 1
        return place >= 0 and pts <= self._ends[place]

    def _feed(self) -> None:
        for packet in self._group:
            assert packet.pts is not None
            wanted = self._wanted(packet.pts)
            self._context.skip_frame = "DEFAULT" if wanted or not self._can_skip else "NONREF"
            if wanted:
                self._due.add(packet.pts)
            self._decode(packet)
        self._group.clear()

    def _drain(self) -> None:
        """Take what the decoder still holds, and make it ready for another place."""
        self._decode(None)
        self._context.flush_buffers()
        self.bad += self._due
        self._due.clear()

    def _decode(self, packet: "Packet[VideoStream] | None") -> None:
        try:
            frames = self._context.decode(packet)
        except av.error.InvalidDataError:
            if packet and packet.pts is not None:
                self.bad.append(packet.pts)
            return
        for frame in frames:
            self.decoded += 1
            if frame.pts is None:
                continue
            self._due.discard(frame.pts)
            if frame.is_corrupt:
                self.bad.append(frame.pts)


def played(path: Path, spans: Sequence[Span], task: Beside[Any]) -> tuple[int, list[int]]:
    """How many pictures were decoded for the spans, and the time stamps of the bad ones. Raises av.error.FFmpegError.

    `task` is the thread this runs in: it is told how far the work is, and can end it.
    """
    with opened(path) as (container, stream):
        player = Player(stream, spans)
        player.play(packets(container, stream, task.halt))
        return player.decoded, sorted(player.bad)


def packets(container: InputContainer, stream: VideoStream, halt: Halt) -> "Iterator[Packet[VideoStream]]":
    """The pictures as stored, to the end or to where the file can be read no further."""
    with contextlib.suppress(av.error.InvalidDataError):
        for packet in container.demux(stream):
            halt.check()
            if packet.size:
                yield packet
