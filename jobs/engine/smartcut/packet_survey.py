"""How the pictures of a recording are coded, read from the packets without decoding any."""

import contextlib
import dataclasses
import os
from array import array
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from jobs.engine.container import demuxing
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut.codec import (
    DISCARDED,
    KEYFRAME,
    LEADING,
    RANDOM_ACCESS,
    REFERENCE,
    RELEASING,
    CannotCopy,
    Codec,
    SequenceParameterSet,
)
from jobs.engine.smartcut.libvpx import Vp9
from jobs.engine.smartcut.mpeg2video import Mpeg2
from jobs.engine.smartcut.svtav1 import Av1
from jobs.engine.smartcut.x264 import H264
from jobs.engine.smartcut.x264_open import OpenH264
from jobs.engine.smartcut.x265 import Hevc
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.source import Source
from jobs.engine.video.video_stream import open_video

CODECS: dict[str, Codec] = {codec.name: codec for codec in (H264(), Hevc(), Vp9(), Av1(), Mpeg2())}

# Of so many packets one is compared with what stands at its offset in the file.
COMPARED_EVERY_PACKETS = 100
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
    quantizer: int | None = None
    """That of most pictures, where the codec tells it."""

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


class Survey:
    """What the packets of a recording say, gathered one by one."""

    def __init__(self, codec: Codec, extradata: bytes) -> None:
        self.codec = codec
        self.extradata = extradata
        self.reader = codec.reader(extradata)
        # Hours of video have hundreds of thousands of pictures: numbers in a row, not objects.
        self.pts = array("q")
        self.file_offsets = array("q")
        self.sizes = array("I")
        self.checksums = array("I")
        self.quantizers = array("h")
        self.flags = bytearray()

    def add_packet(self, packet: Packet) -> None:
        """Raises CannotCopy, ValueError."""
        if packet.pts is None:
            raise CannotCopy("its pictures carry no times")
        if packet.has_sidedata("new_extradata"):
            raise CannotCopy("its coding changes on the way")
        picture = self.reader.read(memoryview(packet))
        self.pts.append(packet.pts)
        self.flags.append(picture.flags | DISCARDED * packet.is_discard | KEYFRAME * packet.is_keyframe)
        self.sizes.append(packet.size)
        self.checksums.append(picture.checksum)
        if picture.quantizer is not None:
            self.quantizers.append(picture.quantizer)
        self.file_offsets.append(-1 if packet.pos is None else packet.pos)


def survey(source: Source, token: CancellationToken | None = None, *, open_groups: bool = True) -> CodedPictures:
    """How the pictures are coded. Raises CannotCopy. `open_groups`: those of H.264 are entered, too."""
    video = source.info.video
    codec = CODECS.get(video.codec) if video else None
    if codec is None:
        *labels, last = [codec.label for codec in CODECS.values()]
        raise CannotCopy(f"it is not {', '.join(labels)} or {last}")
    found = _surveyed(source, codec, token)
    if open_groups and isinstance(codec, H264) and (found.keyframes & ~found.random_access).any():
        with contextlib.suppress(CannotCopy):
            return _surveyed(source, OpenH264(), token)
    return found


def _surveyed(source: Source, codec: Codec, token: CancellationToken | None) -> CodedPictures:
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
    if found.codec.leads_by_time:
        leading = _earlier_than_entry(pts, random_access)
        random_access = _well_led(random_access, leading, leading & (flags & RELEASING != 0))
    if np.count_nonzero(frame_numbers != NOT_SHOWN) != len(index.pts):
        raise CannotCopy("not all of its pictures can be found")
    if (np.diff(frame_numbers[random_access & (frame_numbers != NOT_SHOWN)]) < 0).any():
        raise CannotCopy("it is damaged")
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
        length_bytes=found.reader.length_bytes,
        extradata=found.extradata,
        parameter_sets=found.reader.stored_parameter_sets,
        copies_verbatim=found.reader.copies_verbatim,
        readable_in_place=in_place and bool((file_offsets >= 0).all()),
        quantizer=int(np.median(found.quantizers)) if found.quantizers else None,
    )


def _earlier_than_entry(pts: NDArray[np.int64], random_access: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pictures are shown before the last random access point that is decoded before them."""
    entries = np.flatnonzero(random_access)
    before = np.searchsorted(entries, np.arange(len(pts)), "right") - 1
    return (before >= 0) & (pts < pts[entries[before]]) if len(entries) else np.zeros(len(pts), bool)


def _well_led(
    random_access: NDArray[np.bool_], leading: NDArray[np.bool_], releasing: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Random access points whose leading pictures all come right behind them, and can be left out: none of those in
    `releasing` is among them."""
    entries = np.flatnonzero(random_access)
    begins = np.flatnonzero(leading & ~np.roll(leading, 1))
    late = np.union1d(np.setdiff1d(begins, entries + 1), np.flatnonzero(releasing))
    found = random_access.copy()
    found[entries[np.searchsorted(entries, late, "right") - 1]] = False
    return found
