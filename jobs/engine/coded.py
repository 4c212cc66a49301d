"""How the pictures of an H.264 recording are stored, read from the packets without decoding any."""

import dataclasses
from array import array
from collections.abc import Iterator
from pathlib import Path

import av.error
import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from jobs.engine import h264
from jobs.engine.media import MediaInfo
from jobs.engine.parallel import Halt
from jobs.engine.timeline import FrameIndex, open_picture

OUTSIDE = -1
"""Place of a stored picture that is never shown."""

RESTARTS, REFERENCED, DISCARDED = 1, 2, 4


class CannotCopy(Exception):
    """Says why the pictures of a recording cannot be copied, in words that follow "because"."""


@dataclasses.dataclass(frozen=True, eq=False)
class CodedOrder:
    """The pictures of one recording in the order they are stored and decoded.

    `pts` are the stream's time stamps, `places` those in the order of showing (in FrameIndex.pts, or OUTSIDE),
    `positions` where each lies in the file, in bytes. `restarts` marks pictures before which a decoder may know nothing
    and after which it shows no earlier one (IDR), `referenced` those that others may be predicted from. `sets` are the
    parameter sets, the sequence's first.
    """

    pts: NDArray[np.int64]
    places: NDArray[np.int64]
    restarts: NDArray[np.bool_]
    referenced: NDArray[np.bool_]
    positions: NDArray[np.int64]
    length_bytes: int
    sets: tuple[bytes, ...]
    bare: bool
    """Whether packets hold nothing but what MP4 stores, so that they can be copied as they are."""

    @property
    def sps(self) -> h264.Sps:
        return h264.parse_sps(self.sets[0])

    @property
    def depth(self) -> int:
        """How many pictures at most are decoded before one that is shown before them."""
        shown = np.argsort(np.argsort(self.pts, kind="stable"), kind="stable")
        return int(max(0, (np.arange(len(shown)) - shown).max(initial=0)))


class Survey:
    """What the packets of a recording say, gathered one by one."""

    def __init__(self, extradata: bytes) -> None:
        self.length_bytes, found = h264.configuration(extradata)
        self.sets: dict[tuple[int, int], bytes] = {}
        self.bare = self.length_bytes == 4
        # Hours of video have hundreds of thousands of pictures: numbers in a row, not objects.
        self.pts = array("q")
        self.positions = array("q")
        self.flags = bytearray()
        self._sps: h264.Sps | None = None
        for unit in found:
            self._learn(unit)

    def _learn(self, unit: bytes) -> None:
        """Keep a parameter set. Raises CannotCopy when another with its number was there before."""
        unit = unit.rstrip(b"\0")
        if h264.kind(unit) == h264.SPS:
            sps = h264.parse_sps(unit)
            _require_known(sps)
            key = (h264.SPS, sps.id)
            self._sps = self._sps or sps
        elif h264.kind(unit) == h264.PPS:
            key = (h264.PPS, h264.pps_ids(unit)[0])
        else:
            return
        if self.sets.setdefault(key, unit) != unit or sum(kind == h264.SPS for kind, _ in self.sets) > 1:
            raise CannotCopy("its coding changes on the way")

    def take(self, packet: Packet) -> None:
        """Raises CannotCopy, ValueError."""
        if packet.pts is None:
            raise CannotCopy("its pictures carry no times")
        if packet.has_sidedata("new_extradata"):
            raise CannotCopy("its coding changes on the way")
        # The first slice speaks for all of a picture.
        for unit in h264.units(packet, self.length_bytes):  # type: ignore[arg-type]
            kind = h264.kind(unit)
            if kind in h264.PICTURE_UNITS:
                self._take_slice(packet, unit)
                return
            if kind in (h264.SPS, h264.PPS):
                self.bare = False
                self._learn(bytes(unit))
        raise CannotCopy("some of it holds no picture")

    def _take_slice(self, packet: Packet, unit: memoryview) -> None:
        if self._sps is None:
            raise CannotCopy("its coding is not described")
        restarts = h264.kind(unit) == h264.IDR_SLICE and not h264.drops_earlier(bytes(unit[:40]), self._sps)
        self.pts.append(packet.pts)  # type: ignore[arg-type]
        self.flags.append(RESTARTS * restarts | REFERENCED * h264.is_reference(unit) | DISCARDED * packet.is_discard)
        self.positions.append(-1 if packet.pos is None else packet.pos)


def _require_known(sps: h264.Sps) -> None:
    if sps.profile not in h264.PROFILES or not sps.is_420:
        raise CannotCopy("its colours are stored in a rare way")
    if not sps.progressive:
        raise CannotCopy("it is interlaced")
    if sps.crop[0] or sps.crop[2]:
        raise CannotCopy("it is cropped in a rare way")


def survey(source: Path, info: MediaInfo, index: FrameIndex, *, halt: Halt | None = None) -> CodedOrder:
    """How the pictures are stored. Raises CannotCopy."""
    if info.video is None or info.video.codec != "h264":
        raise CannotCopy("it is not H.264")
    try:
        container, stream = open_picture(source, info)
        with container:
            found = Survey(stream.codec_context.extradata or b"")
            for packet in _packets(container.demux(stream), halt or Halt()):
                found.take(packet)
    except (ValueError, av.error.InvalidDataError) as error:
        raise CannotCopy("it is damaged") from error
    return _order(found, index)


def _packets(packets: Iterator[Packet], halt: Halt) -> Iterator[Packet]:
    for packet in packets:
        halt.check()
        if packet.size:
            yield packet


def _order(found: Survey, index: FrameIndex) -> CodedOrder:
    pts = np.array(found.pts, np.int64)
    if len(np.unique(pts)) != len(pts):
        raise CannotCopy("two of its pictures are shown at once")
    flags = np.frombuffer(found.flags, np.uint8)
    restarts, referenced, discarded = (flags & flag != 0 for flag in (RESTARTS, REFERENCED, DISCARDED))
    places = np.minimum(np.searchsorted(index.pts, pts), len(index.pts) - 1)
    places = np.where((index.pts[places] == pts) & ~discarded, places, OUTSIDE)
    if np.count_nonzero(places != OUTSIDE) != len(index.pts):
        raise CannotCopy("not all of its pictures can be found")
    if (np.diff(places[restarts & (places != OUTSIDE)]) < 0).any():
        raise CannotCopy("it is damaged")
    ordered = tuple(unit for _, unit in sorted(found.sets.items()))
    positions = np.array(found.positions, np.int64)
    return CodedOrder(pts, places, restarts, referenced, positions, found.length_bytes, ordered, found.bare)
