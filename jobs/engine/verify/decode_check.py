"""The pictures of a finished file: when each comes on show, and whether some of them decode cleanly."""

import contextlib
import dataclasses
import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream
from numpy.typing import NDArray

from jobs.engine.container import demuxing
from jobs.engine.runtime.threads import CancellationToken, WorkerThread
from jobs.engine.video.frame_reader import MARKS_UNREFERENCED


@dataclasses.dataclass(frozen=True, eq=False)
class Stamps:
    """Time stamps of a file's pictures in the order they are stored, in ticks of `time_base` seconds.

    `positions` and `sizes` say where in the file they are.
    """

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    keys: NDArray[np.bool_]
    positions: NDArray[np.int64]
    sizes: NDArray[np.int64]
    time_base: Fraction


@dataclasses.dataclass(frozen=True)
class Visit:
    """Pictures to decode in one go: those with the time stamps `wanted`. A seek to `aim` finds the keyframe before."""

    aim: int
    wanted: frozenset[int]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open an MP4 file for its pictures alone. Raises av.error.FFmpegError."""
    with demuxing.opened(path, "mov") as container:
        stream = container.streams.video[0]
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        yield container, stream


def stamps(path: Path, token: CancellationToken) -> Stamps:
    """When each picture is decoded and shown, and where it is stored. Raises av.error.FFmpegError."""
    with opened(path) as (container, stream):
        assert stream.time_base is not None
        # Hours of video have hundreds of thousands of pictures: numbers in a row, not objects.
        told = array("q")
        for packet in packets(container, stream, token):
            if packet.pts is not None and packet.dts is not None:
                told.extend((packet.pts, packet.dts, packet.is_keyframe, packet.pos or 0, packet.size))
        pts, dts, keys, positions, sizes = np.array(told, np.int64).reshape(-1, 5).T
        return Stamps(pts, dts, keys.astype(bool), positions, sizes, stream.time_base)


def visits(shown: Stamps, positions: Iterable[int]) -> list[Visit]:
    """How to get at the pictures at some positions in the order of showing.

    Those in one group of pictures, or in groups that follow each other, are decoded without a break, as a player does.
    """
    if not len(shown.pts):
        return []
    order = np.sort(shown.pts)
    asked = np.unique(np.fromiter(positions, np.int64).clip(0, len(order) - 1))
    # What comes before all keyframes cannot be decoded, and is to be asked for all the same.
    keys = np.union1d(np.flatnonzero(shown.keys), [0])
    keys = keys[np.argsort(shown.pts[keys])]
    group = (np.searchsorted(shown.pts[keys], order[asked], "right") - 1).clip(0)
    # A seek in MP4 counts decode times from when the first picture is shown.
    lead = int(shown.pts[0] - shown.dts[0])
    edges = [0, *(np.flatnonzero(np.diff(group) > 1) + 1).tolist(), len(asked)]
    return [
        Visit(int(shown.dts[keys[group[begin]]]) + lead, frozenset(order[asked[begin:end]].tolist()))
        for begin, end in itertools.pairwise(edges)
    ]


class Player:
    """Decodes the pictures that visits ask for and looks for damage; memory holds one group of pictures.

    `decoded` counts pictures that came out, `bad` are time stamps of those asked for, or on the way to them, that are
    damaged or did not come out.
    """

    def __init__(self, stream: VideoStream) -> None:
        self.decoded = 0
        self.bad: list[int] = []
        self._context = stream.codec_context
        self._wanted: frozenset[int] = frozenset()
        self._due: set[int] = set()
        self._awaited: set[int] = set()
        self._group: list[Packet[VideoStream]] = []
        self._from: int | None = None
        # With more, damage is told of too late to be seen every time.
        self._context.thread_type = ThreadType.NONE
        self._context.thread_count = 1
        # Smoothing the edges of blocks cannot fail, and nobody looks at these pictures.
        self._context.options = {"skip_loop_filter": "all"}
        self._can_skip = self._context.name in MARKS_UNREFERENCED

    def play(self, visit: Visit, packets: "Iterable[Packet[VideoStream]]") -> None:
        """Decode what is asked for of `packets`, which begin at a keyframe before it."""
        self._wanted, self._due, self._awaited = visit.wanted, set(visit.wanted), set(visit.wanted)
        self._group.clear()
        self._from = None
        last = max(visit.wanted)
        for packet in packets:
            if packet.pts is None or packet.dts is None:
                continue
            # No later packet is shown before it is decoded.
            if packet.dts > last:
                break
            if packet.is_keyframe:
                self._begin_group(packet.pts)
            # Shown before the keyframe but stored after it: refers to pictures that were left out.
            if self._from is not None and packet.pts >= self._from:
                self._group.append(packet)
            if packet.pts in self._awaited:
                self._awaited.discard(packet.pts)
                self._feed()
        self._drain()
        self.bad += self._due

    def _begin_group(self, pts: int) -> None:
        """Leave out what was not needed of the group before; without such the decoder goes on as a player's does.

        In open groups it may be needed still, by pictures that are stored after this one and shown before it.
        """
        if self._group and not any(awaited < pts for awaited in self._awaited):
            self._drain()
            self._group.clear()
            self._from = pts
        elif self._from is None:
            self._from = pts

    def _feed(self) -> None:
        for packet in self._group:
            self._context.skip_frame = "DEFAULT" if packet.pts in self._wanted or not self._can_skip else "NONREF"
            self._decode(packet)
        self._group.clear()

    def _drain(self) -> None:
        """Take what the decoder still holds, and make it ready for another place."""
        self._decode(None)
        self._context.flush_buffers()

    def _decode(self, packet: "Packet[VideoStream] | None") -> None:
        frames = demuxing.frames(self._context, packet)
        if frames is None and packet and packet.pts is not None:
            self.bad.append(packet.pts)
        for frame in frames or []:
            self.decoded += 1
            if frame.pts is None:
                continue
            self._due.discard(frame.pts)
            if frame.is_corrupt:
                self.bad.append(frame.pts)


def played(path: Path, asked: Sequence[Visit], task: WorkerThread[Any]) -> tuple[int, list[int]]:
    """How many pictures were decoded for the visits, and the time stamps of the bad ones. Raises av.error.FFmpegError.

    `task` is the thread this runs in: it is told how far the work is, and can end it.
    """
    with opened(path) as (container, stream):
        player = Player(stream)
        for number, visit in enumerate(asked):
            container.seek(visit.aim, stream=stream, backward=True)
            player.play(visit, packets(container, stream, task.token))
            task.fraction = (number + 1) / len(asked)
        return player.decoded, sorted(player.bad)


def packets(
    container: InputContainer, stream: VideoStream, token: CancellationToken
) -> "Iterator[Packet[VideoStream]]":
    """The pictures as stored, to the end or to where the file can be read no further."""
    for packet in demuxing.packets(container, stream):
        token.check()
        if packet.size:
            yield packet
