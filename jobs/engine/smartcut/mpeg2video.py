"""MPEG-2 in the smart cut, encoded by libavcodec's mpeg2video.

A packet holds one picture, before it perhaps a group's header and a sequence header, which tells the matrices that all
pictures behind it are quantized with. So each copy begins with the source's sequence header, and each encoded keyframe
with one that says the same but for the matrices. Any intra picture is a random access point: what follows it, and is
shown after it, refers to nothing before.
"""

import zlib

from av.codec.context import Flags
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from jobs.engine.smartcut.bitstream import mpeg2
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.smartcut.codec import (
    RANDOM_ACCESS,
    REFERENCE,
    CannotCopy,
    Codec,
    CodedPicture,
    Coding,
    PatchSettings,
    SequenceParameterSet,
)
from jobs.engine.video.encoded_packets import Encoder

PIXEL_FORMATS = {mpeg2.CHROMA_420: "yuv420p", mpeg2.CHROMA_422: "yuv422p"}
FINEST_SCALE, COARSEST_SCALE = 2, 31
USUAL_QUANTIZER = 4
"""Where the source's is not known."""
OPTIONS = {
    # Groups are closed only without a search for changes of scene.
    "sc_threshold": "1000000000",
    # Pictures that nobody refers to are as fine as others. Ten bits for the mean of a block.
    "b_qfactor": "1",
    "b_qoffset": "0",
    "i_qfactor": "1",
    "dc": "2",
}


class Mpeg2(Codec):
    name, label, tag = "mpeg2video", "MPEG-2", "mp4v"
    leads_by_time = True
    bulk = PatchSettings("", "", bframes=2, cost=0.7)

    def reader(self, extradata: bytes) -> "Mpeg2Reader":
        return Mpeg2Reader()

    def parse_all_sps(self, parameter_sets: tuple[bytes, ...]) -> list[SequenceParameterSet]:
        return [mpeg2.parse_sequence(header) for header in parameter_sets]

    def stored_copy(self, packet: Unit, parameter_sets: tuple[bytes, ...], length_bytes: int, *, begins: bool) -> bytes:
        stored = bytes(mpeg2.without_end(packet))
        if not begins:
            return stored
        picture = mpeg2.parse_picture(stored)
        begin = picture.picture_at if picture.group_at is None else picture.group_at
        group_at = None if picture.group_at is None else picture.group_at - begin
        return parameter_sets[0] + mpeg2.broken_link(stored[begin:], group_at)

    def stored_checksum(self, packet: Unit) -> int:
        """Of the picture alone: what leads it in differs where a copy begins."""
        stored = bytes(mpeg2.without_end(packet))
        at = stored.find(mpeg2.START + bytes([mpeg2.PICTURE]))
        return zlib.crc32(stored[at:]) if at >= 0 else -1

    def stored_packet(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        stored = bytes(mpeg2.without_end(packet))
        if not is_key:
            return stored
        picture = mpeg2.parse_picture(stored)
        begin = picture.picture_at if picture.group_at is None else picture.group_at
        return _sequence(coding).with_default_matrices + stored[begin:]

    def open_encoder(self, coding: Coding) -> Encoder:
        return _NumberingEncoder(_opened(coding))

    def decoder_configuration(self, coding: Coding) -> bytes:
        _opened(coding)
        (header,) = coding.parameter_sets
        return header


def _sequence(coding: Coding) -> mpeg2.Sequence:
    (header,) = coding.parameter_sets
    return mpeg2.parse_sequence(header)


def _opened(coding: Coding) -> VideoCodecContext:
    sequence = _sequence(coding)
    if sequence.chroma_format not in PIXEL_FORMATS:
        raise CannotCopy("its colours are stored in a rare way")
    context = coding.context("mpeg2video", PIXEL_FORMATS[sequence.chroma_format], {})
    # Its clock is that of its frame rate, whatever the recording's is.
    context.framerate, context.time_base = sequence.frame_rate, 1 / sequence.frame_rate
    context.max_b_frames = coding.bframes
    # As headers stand in packets they are found where decoders begin; groups are closed, so that nothing is needed.
    context.flags = Flags.closed_gop | Flags.bitexact
    if not sequence.progressive_sequence:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    context.qmin = context.qmax = coding.quantizer or USUAL_QUANTIZER
    context.options = OPTIONS
    context.open()
    return context


class _NumberingEncoder:
    """An encoder that is told numbers of frames in place of times, which need not lie on its clock."""

    def __init__(self, context: VideoCodecContext) -> None:
        self._context = context
        self._times: list[int] = []

    @property
    def extradata(self) -> bytes | None:
        return self._context.extradata

    def encode(self, frame: VideoFrame | None = None) -> list[Packet]:
        if frame is not None:
            assert frame.pts is not None
            self._times.append(frame.pts)
            frame.pts, frame.time_base = len(self._times) - 1, self._context.time_base
        packets = list(self._context.encode(frame))
        for packet in packets:
            assert packet.pts is not None
            packet.pts = self._times[packet.pts]
        return packets


class Mpeg2Reader:
    """Keeps the first sequence header, which all others have to equal."""

    length_bytes = 0

    def __init__(self) -> None:
        self._header = b""
        self.copies_verbatim = True

    @property
    def stored_parameter_sets(self) -> tuple[bytes, ...]:
        return (self._header,)

    def read(self, packet: Unit) -> CodedPicture:
        picture = mpeg2.parse_picture(packet)
        self._check(picture)
        stored = mpeg2.without_end(packet)
        if len(stored) != len(packet):
            self.copies_verbatim = False
        is_reference = picture.picture_coding_type != mpeg2.BIDIRECTIONAL
        flags = REFERENCE * is_reference | RANDOM_ACCESS * (picture.picture_coding_type == mpeg2.INTRA)
        # Those of what others refer to speak for all.
        scale = min(max(picture.quantiser_scale // 2, FINEST_SCALE), COARSEST_SCALE) if is_reference else None
        return CodedPicture(flags, zlib.crc32(bytes(stored)[picture.picture_at :]), scale)

    def _check(self, picture: mpeg2.Picture) -> None:
        """Raises CannotCopy for what is not handled, and where the coding changes on the way."""
        if picture.sequence and not self._header:
            self._header = picture.sequence
        if not self._header:
            raise CannotCopy("it does not begin with a keyframe")
        if picture.sequence not in (b"", self._header) or picture.loads_matrices:
            raise CannotCopy("its coding changes on the way")
        if picture.picture_structure != mpeg2.FRAME_PICTURE:
            raise CannotCopy("its fields are coded apart")
        if picture.repeat_first_field:
            raise CannotCopy("its fields are repeated (pulldown)")
        if picture.picture_coding_type not in (mpeg2.INTRA, mpeg2.PREDICTED, mpeg2.BIDIRECTIONAL):
            raise CannotCopy("its coding is rare")
