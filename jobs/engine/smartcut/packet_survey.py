"""How the pictures of a recording are coded, read from the packets without decoding any."""

import dataclasses
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from jobs.engine.container import demuxing
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.bits import MAXIMUM_UNIT_BYTES
from jobs.engine.smartcut.codec import (
    DISCARDED,
    KEYFRAME,
    LEADING,
    RANDOM_ACCESS,
    REFERENCE,
    CannotCopy,
    Codec,
    SequenceParameterSet,
)
from jobs.engine.smartcut.x264 import H264
from jobs.engine.smartcut.x265 import Hevc
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.source import Source
from jobs.engine.video.video_stream import open_video

CODECS: dict[str, Codec] = {codec.name: codec for codec in (H264(), Hevc())}

# Of so many packets one is compared with what stands at its offset in the file.
COMPARED_EVERY_PACKETS = 100
# An H.264 track's header counts sequence parameter sets to 31 and others to 255, and ours have to fit in.
MAXIMUM_SPS, MAXIMUM_PARAMETER_SETS = 30, 254
NOT_SHOWN = -1
"""Frame number of a coded picture that is never shown."""


@dataclasses.dataclass(frozen=True, eq=False)
class CodedPictures:
    """The coded pictures of one recording in decoding order; where one comes in that is called its decode index.

    `pts` are the stream's time stamps, `frame_numbers` say which frame of FrameIndex.pts each is shown as (or
    NOT_SHOWN), `file_offsets` where each lies in the file, and `sizes` of how many bytes. `random_access` marks random
    access points: from there on all can be decoded but the `leading` pictures that follow; these are shown before it,
    may need what was decoded before it (in an open GOP), and nobody else needs them. `reference` are those that others
    may be predicted from, `keyframes` what the container calls so. `checksums` tell pictures apart, `extradata` is what
    the container tells a decoder, and `parameter_sets` are those from there and from the packets.
    """

    codec: Codec
    pts: NDArray[np.int64]
    frame_numbers: NDArray[np.int64]
    random_access: NDArray[np.bool_]
    leading: NDArray[np.bool_]
    reference: NDArray[np.bool_]
    keyframes: NDArray[np.bool_]
    file_offsets: NDArray[np.int64]
    sizes: NDArray[np.uint32]
    checksums: NDArray[np.uint32]
    length_bytes: int
    extradata: bytes
    parameter_sets: tuple[bytes, ...]
    copies_verbatim: bool
    """Whether packets hold nothing but what MP4 stores, so that they can be copied as they are."""
    readable_in_place: bool
    """Whether packets stand in the file as they are, at their offsets."""

    @property
    def all_sps(self) -> list[SequenceParameterSet]:
        """The sequence parameter sets, by id; all fit each other."""
        return self.codec.parse_all_sps(self.parameter_sets)

    @property
    def sps(self) -> SequenceParameterSet:
        """Speaks for all of them but the reordering, which some may leave open."""
        return self.all_sps[0]

    @property
    def reorder_pictures(self) -> int:
        """How many pictures at most are decoded before one that is shown before them."""
        shown = np.argsort(np.argsort(self.pts, kind="stable"), kind="stable")
        return int(max(0, (np.arange(len(shown)) - shown).max(initial=0)))


def checksum(units: Iterable[nal.Unit], codec: Codec) -> int:
    """Of a picture as MP4 stores it: the same in every container, and wherever a copy begins."""
    value = 0
    for unit in units:
        if codec.stays_in_packet(unit):
            stored = codec.as_broken_link(unit)
            value = zlib.crc32(stored, zlib.crc32(len(stored).to_bytes(4, "big"), value))
    return value


class Survey:
    """What the packets of a recording say, gathered one by one."""

    def __init__(self, codec: Codec, extradata: bytes) -> None:
        self.codec = codec
        self.extradata = extradata
        self.length_bytes, found = codec.parse_extradata(extradata)
        self.parameter_sets: dict[tuple[int, int], bytes] = {}
        self.copies_verbatim = self.length_bytes == 4
        # Hours of video have hundreds of thousands of pictures: numbers in a row, not objects.
        self.pts = array("q")
        self.file_offsets = array("q")
        self.sizes = array("I")
        self.checksums = array("I")
        self.flags = bytearray()
        self._sps: dict[int, SequenceParameterSet] = {}
        self._sps_id_of_pps: dict[int, int] = {}
        self._is_header_read = False
        for unit in found:
            self.add_parameter_set(unit)
        self._is_header_read = True

    def add_parameter_set(self, unit: nal.Unit) -> None:
        """Keep what belongs in the header. Raises CannotCopy when it does not fit what was there before."""
        key = self.codec.parameter_set_key(unit)
        if key is None:
            return
        stored = bytes(unit).rstrip(b"\0")
        if key not in self.parameter_sets:
            self._add(key, stored)
        elif self.parameter_sets[key] != stored:
            raise CannotCopy("its coding changes on the way")

    def _add(self, key: tuple[int, int], unit: bytes) -> None:
        kind, parameter_set_id = key
        if kind == self.codec.sps_type:
            found = self.codec.parse_sps(unit)
            # Each smart cut adds one, made to fit. Decoders that begin anywhere must find it in the header.
            is_told = not self._sps or not self._is_header_read or not self.length_bytes
            if not is_told or not all(found.fits(other) for other in self._sps.values()):
                raise CannotCopy("its coding changes on the way")
            self._sps[parameter_set_id] = found
        elif kind == self.codec.pps_type:
            self._sps_id_of_pps[parameter_set_id] = self.codec.pps_ids(unit)[1]
        self.parameter_sets[key] = unit
        if (
            len(self._sps) > MAXIMUM_SPS
            or len(self.parameter_sets) > MAXIMUM_PARAMETER_SETS
            or len(unit) > MAXIMUM_UNIT_BYTES
        ):
            raise CannotCopy("its coding is described in too many ways")

    def add_packet(self, packet: Packet) -> None:
        """Raises CannotCopy, ValueError."""
        if packet.pts is None:
            raise CannotCopy("its pictures carry no times")
        if packet.has_sidedata("new_extradata"):
            raise CannotCopy("its coding changes on the way")
        flags: int | None = None
        units = list(nal.units(packet, self.length_bytes))  # type: ignore[arg-type]
        for unit in units:
            if not self.codec.stays_in_packet(unit):
                self.copies_verbatim = False
            # The first slice speaks for all of a picture.
            if flags is None and self.codec.is_slice(unit):
                flags = self.codec.picture_flags(unit, self._sps_of_slice(unit))
            else:
                self.add_parameter_set(unit)
        if flags is None:
            raise CannotCopy("some of it holds no picture")
        self.pts.append(packet.pts)
        self.flags.append(flags | DISCARDED * packet.is_discard | KEYFRAME * packet.is_keyframe)
        self.sizes.append(packet.size)
        self.checksums.append(checksum(units, self.codec))
        self.file_offsets.append(-1 if packet.pos is None else packet.pos)

    def _sps_of_slice(self, unit: nal.Unit) -> SequenceParameterSet:
        """The one that a slice was coded with."""
        if len(self._sps) == 1:
            return next(iter(self._sps.values()))
        found = self._sps.get(self._sps_id_of_pps.get(self.codec.slice_pps_id(unit), -1))
        if found is None:
            raise CannotCopy("its coding is not described")
        return found


def survey(source: Source, token: CancellationToken | None = None) -> CodedPictures:
    """How the pictures are coded. Raises CannotCopy."""
    video = source.info.video
    codec = CODECS.get(video.codec) if video else None
    if codec is None:
        raise CannotCopy(f"it is not {' or '.join(codec.label for codec in CODECS.values())}")
    try:
        container, stream = open_video(source.path, source.info)
        in_place = True
        with container, source.path.open("rb") as file:
            found = Survey(codec, stream.codec_context.extradata or b"")
            for number, packet in enumerate(
                _packets(demuxing.packets(container, stream), token or CancellationToken())
            ):
                found.add_packet(packet)
                if number % COMPARED_EVERY_PACKETS == 0:
                    in_place &= _stands_in_place(packet, file)
    except (ValueError, IndexError) as error:
        raise CannotCopy("it is damaged") from error
    return _coded_pictures(found, source.require_index(), in_place=in_place)


def _stands_in_place(packet: Packet, file: BinaryIO) -> bool:
    if packet.pos is None or packet.pos < 0:
        return False
    return os.pread(file.fileno(), packet.size, packet.pos) == bytes(packet)


def _packets(packets: Iterator[Packet], token: CancellationToken) -> Iterator[Packet]:
    for packet in packets:
        token.check()
        if packet.size:
            yield packet


def _coded_pictures(found: Survey, index: FrameIndex, *, in_place: bool) -> CodedPictures:
    pts = np.array(found.pts, np.int64)
    if len(np.unique(pts)) != len(pts):
        raise CannotCopy("two of its pictures are shown at once")
    flags = np.frombuffer(found.flags, np.uint8)
    random_access, reference, leading, discarded, keyframes = (
        flags & flag != 0 for flag in (RANDOM_ACCESS, REFERENCE, LEADING, DISCARDED, KEYFRAME)
    )
    numbers = np.minimum(np.searchsorted(index.pts, pts), len(index.pts) - 1)
    frame_numbers = np.where((index.pts[numbers] == pts) & ~discarded, numbers, NOT_SHOWN)
    if np.count_nonzero(frame_numbers != NOT_SHOWN) != len(index.pts):
        raise CannotCopy("not all of its pictures can be found")
    if (np.diff(frame_numbers[random_access & (frame_numbers != NOT_SHOWN)]) < 0).any():
        raise CannotCopy("it is damaged")
    parameter_sets = tuple(unit for _, unit in sorted(found.parameter_sets.items()))
    file_offsets = np.array(found.file_offsets, np.int64)
    return CodedPictures(
        codec=found.codec,
        pts=pts,
        frame_numbers=frame_numbers,
        random_access=random_access,
        leading=leading,
        reference=reference,
        keyframes=keyframes,
        file_offsets=file_offsets,
        sizes=np.array(found.sizes, np.uint32),
        checksums=np.array(found.checksums, np.uint32),
        length_bytes=found.length_bytes,
        extradata=found.extradata,
        parameter_sets=parameter_sets,
        copies_verbatim=found.copies_verbatim,
        readable_in_place=in_place and bool((file_offsets >= 0).all()),
    )
