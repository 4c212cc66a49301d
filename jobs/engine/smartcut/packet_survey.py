"""How the pictures of a recording are stored, read from the packets without decoding any."""

import dataclasses
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.runtime.threads import Halt
from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.bits import LONGEST
from jobs.engine.smartcut.codec import DISCARDED, KEY, LEADING, REFERENCED, RESTARTS, CannotCopy, Codec, Sequence
from jobs.engine.smartcut.x264 import H264
from jobs.engine.smartcut.x265 import Hevc
from jobs.engine.video.frame_index import FrameIndex, open_video

CODECS: dict[str, Codec] = {codec.name: codec for codec in (H264(), Hevc())}

# Of so many packets one is compared with what stands at its place in the file.
PROBE_EVERY = 100
# An H.264 track's header counts sequence parameter sets to 31 and others to 255, and ours have to fit in.
MOST_SEQUENCES, MOST_SETS = 30, 254
OUTSIDE = -1
"""Place of a stored picture that is never shown."""


@dataclasses.dataclass(frozen=True, eq=False)
class CodedOrder:
    """The pictures of one recording in the order they are stored and decoded.

    `pts` are the stream's time stamps, `places` those in the order of showing (in FrameIndex.pts, or OUTSIDE),
    `positions` where each lies in the file, and `sizes` of how many bytes. `restarts` marks pictures from which on all
    can be decoded but the `leading` ones that follow: these are shown before it, may need what was stored before it,
    and nobody else needs them. `referenced` are those that others may be predicted from, `keys` what the container
    calls keyframes. `checksums` tell pictures apart, `header` is what the container tells a decoder, and `sets` the
    parameter sets from there and from the packets.
    """

    codec: Codec
    pts: NDArray[np.int64]
    places: NDArray[np.int64]
    restarts: NDArray[np.bool_]
    leading: NDArray[np.bool_]
    referenced: NDArray[np.bool_]
    keys: NDArray[np.bool_]
    positions: NDArray[np.int64]
    sizes: NDArray[np.uint32]
    checksums: NDArray[np.uint32]
    length_bytes: int
    header: bytes
    sets: tuple[bytes, ...]
    bare: bool
    """Whether packets hold nothing but what MP4 stores, so that they can be copied as they are."""
    plain: bool
    """Whether packets stand in the file as they are, at their positions."""

    @property
    def sequences(self) -> list[Sequence]:
        """The sequence parameter sets, by number; all fit each other."""
        return self.codec.sequences_of(self.sets)

    @property
    def sequence(self) -> Sequence:
        """Speaks for all of them but the reordering, which some may leave open."""
        return self.sequences[0]

    @property
    def depth(self) -> int:
        """How many pictures at most are decoded before one that is shown before them."""
        shown = np.argsort(np.argsort(self.pts, kind="stable"), kind="stable")
        return int(max(0, (np.arange(len(shown)) - shown).max(initial=0)))


def checksum(units: Iterable[nal.Unit], codec: Codec) -> int:
    """Of a picture as MP4 stores it: the same in every container, and wherever a copy begins."""
    value = 0
    for unit in units:
        if codec.belongs(unit):
            stored = codec.begin(unit)
            value = zlib.crc32(stored, zlib.crc32(len(stored).to_bytes(4, "big"), value))
    return value


class Survey:
    """What the packets of a recording say, gathered one by one."""

    def __init__(self, codec: Codec, extradata: bytes) -> None:
        self.codec = codec
        self.header = extradata
        self.length_bytes, found = codec.configuration(extradata)
        self.sets: dict[tuple[int, int], bytes] = {}
        self.bare = self.length_bytes == 4
        # Hours of video have hundreds of thousands of pictures: numbers in a row, not objects.
        self.pts = array("q")
        self.positions = array("q")
        self.sizes = array("I")
        self.checksums = array("I")
        self.flags = bytearray()
        self._sequences: dict[int, Sequence] = {}
        self._sequence_of: dict[int, int] = {}
        self._is_header_read = False
        for unit in found:
            self.learn(unit)
        self._is_header_read = True

    def learn(self, unit: nal.Unit) -> None:
        """Keep what belongs in the header. Raises CannotCopy when it does not fit what was there before."""
        key = self.codec.key(unit)
        if key is None:
            return
        stored = bytes(unit).rstrip(b"\0")
        if key not in self.sets:
            self._add(key, stored)
        elif self.sets[key] != stored:
            raise CannotCopy("its coding changes on the way")

    def _add(self, key: tuple[int, int], unit: bytes) -> None:
        kind, number = key
        if kind == self.codec.sequence:
            found = self.codec.parse(unit)
            # Each smart cut adds one, made to fit. Decoders that begin anywhere must find it in the header.
            is_told = not self._sequences or not self._is_header_read or not self.length_bytes
            if not is_told or not all(found.fits(other) for other in self._sequences.values()):
                raise CannotCopy("its coding changes on the way")
            self._sequences[number] = found
        elif kind == self.codec.picture_set:
            self._sequence_of[number] = self.codec.pps_ids(unit)[1]
        self.sets[key] = unit
        if len(self._sequences) > MOST_SEQUENCES or len(self.sets) > MOST_SETS or len(unit) > LONGEST:
            raise CannotCopy("its coding is described in too many ways")

    def take(self, packet: Packet) -> None:
        """Raises CannotCopy, ValueError."""
        if packet.pts is None:
            raise CannotCopy("its pictures carry no times")
        if packet.has_sidedata("new_extradata"):
            raise CannotCopy("its coding changes on the way")
        marks: int | None = None
        units = list(nal.units(packet, self.length_bytes))  # type: ignore[arg-type]
        for unit in units:
            if not self.codec.belongs(unit):
                self.bare = False
            # The first slice speaks for all of a picture.
            if marks is None and self.codec.is_slice(unit):
                marks = self.codec.marks(unit, self._sequence(unit))
            else:
                self.learn(unit)
        if marks is None:
            raise CannotCopy("some of it holds no picture")
        self.pts.append(packet.pts)
        self.flags.append(marks | DISCARDED * packet.is_discard | KEY * packet.is_keyframe)
        self.sizes.append(packet.size)
        self.checksums.append(checksum(units, self.codec))
        self.positions.append(-1 if packet.pos is None else packet.pos)

    def _sequence(self, unit: nal.Unit) -> Sequence:
        """What a slice was coded with."""
        if len(self._sequences) == 1:
            return next(iter(self._sequences.values()))
        found = self._sequences.get(self._sequence_of.get(self.codec.pps_of(unit), -1))
        if found is None:
            raise CannotCopy("its coding is not described")
        return found


def survey(source: Path, info: MediaInfo, index: FrameIndex, *, halt: Halt | None = None) -> CodedOrder:
    """How the pictures are stored. Raises CannotCopy."""
    codec = CODECS.get(info.video.codec) if info.video else None
    if codec is None:
        raise CannotCopy(f"it is not {' or '.join(codec.label for codec in CODECS.values())}")
    try:
        container, stream = open_video(source, info)
        plain = True
        with container, source.open("rb") as file:
            found = Survey(codec, stream.codec_context.extradata or b"")
            for number, packet in enumerate(_packets(demuxing.packets(container, stream), halt or Halt())):
                found.take(packet)
                if number % PROBE_EVERY == 0:
                    plain &= _is_plain(packet, file)
    except (ValueError, IndexError) as error:
        raise CannotCopy("it is damaged") from error
    return _order(found, index, plain=plain)


def _is_plain(packet: Packet, file: BinaryIO) -> bool:
    if packet.pos is None or packet.pos < 0:
        return False
    return os.pread(file.fileno(), packet.size, packet.pos) == bytes(packet)


def _packets(packets: Iterator[Packet], halt: Halt) -> Iterator[Packet]:
    for packet in packets:
        halt.check()
        if packet.size:
            yield packet


def _order(found: Survey, index: FrameIndex, *, plain: bool) -> CodedOrder:
    pts = np.array(found.pts, np.int64)
    if len(np.unique(pts)) != len(pts):
        raise CannotCopy("two of its pictures are shown at once")
    flags = np.frombuffer(found.flags, np.uint8)
    restarts, referenced, leading, discarded, keys = (
        flags & mark != 0 for mark in (RESTARTS, REFERENCED, LEADING, DISCARDED, KEY)
    )
    places = np.minimum(np.searchsorted(index.pts, pts), len(index.pts) - 1)
    places = np.where((index.pts[places] == pts) & ~discarded, places, OUTSIDE)
    if np.count_nonzero(places != OUTSIDE) != len(index.pts):
        raise CannotCopy("not all of its pictures can be found")
    if (np.diff(places[restarts & (places != OUTSIDE)]) < 0).any():
        raise CannotCopy("it is damaged")
    ordered = tuple(unit for _, unit in sorted(found.sets.items()))
    positions = np.array(found.positions, np.int64)
    return CodedOrder(
        codec=found.codec,
        pts=pts,
        places=places,
        restarts=restarts,
        leading=leading,
        referenced=referenced,
        keys=keys,
        positions=positions,
        sizes=np.array(found.sizes, np.uint32),
        checksums=np.array(found.checksums, np.uint32),
        length_bytes=found.length_bytes,
        header=found.header,
        sets=ordered,
        bare=found.bare,
        plain=plain and bool((positions >= 0).all()),
    )
