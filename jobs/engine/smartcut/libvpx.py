"""VP9 in the smart cut, encoded by libvpx.

A packet holds one frame that is shown and any number of hidden ones before it (a superframe), in the order of showing.
A key frame in front of it begins anew: all references and all probabilities that later frames adapt. So copies and what
is encoded need nothing in common but size and format, and no track header tells more.
"""

import zlib

from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.smartcut.bitstream import vp9
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
from jobs.engine.video.encoder_settings import is_deep
from jobs.engine.video.piped_vp9 import PipedVp9

PIXEL_FORMATS = {(True, True): "yuv420p", (True, False): "yuv422p", (False, True): "yuv440p", (False, False): "yuv444p"}
"""By subsampling_x and subsampling_y."""
MATRIX_COEFFICIENTS = (2, 5, 1, 6, 7, 9)
"""In ITU-T H.273, by color_space (7.2.2): unknown, BT.601, BT.709, SMPTE 170M, SMPTE 240M, BT.2020."""
QUANTIZER_STEP = 4
"""libvpx counts quantizers from 0 to 63 where base_q_idx counts to 255."""


class Vp9(Codec):
    name, label, tag = "vp9", "VP9", "vp09"
    # At the source's quantizer about its rate (35 KB a frame of noisy 720p for 33), and within 1 dB of "good" in a
    # sixth of its time.
    bulk = PatchSettings("realtime", "", bframes=0, cost=3.1)
    deep = PatchSettings("realtime", "", bframes=0, cost=6.0)
    """Of more than 8 bits."""

    def steps(self, quantizer: int | None, track: VideoTrack) -> tuple[PatchSettings, ...]:
        return (self.deep if is_deep(track.pixel_format) else self.bulk,)

    def reader(self, extradata: bytes) -> "Vp9Reader":
        return Vp9Reader()

    def parse_all_sps(self, parameter_sets: tuple[bytes, ...]) -> list[SequenceParameterSet]:
        return [found for header in parameter_sets if (found := vp9.parse_header(header).sequence)]

    def stored_copy(self, packet: Unit, parameter_sets: tuple[bytes, ...], length_bytes: int, *, begins: bool) -> bytes:
        return bytes(packet)

    def stored_checksum(self, packet: Unit) -> int:
        return zlib.crc32(packet)

    def stored_packet(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        return bytes(packet)

    def open_encoder(self, coding: Coding) -> Encoder:
        sequence = _sequence(coding)
        color = sequence.color_config
        if color.color_space >= len(MATRIX_COEFFICIENTS):
            raise CannotCopy("its colours are stored in a rare way")
        return _piped(coding, sequence) if color.bit_depth > 8 else _opened(coding, sequence)

    def decoder_configuration(self, coding: Coding) -> bytes:
        encoder = self.open_encoder(coding)
        if isinstance(encoder, PipedVp9):
            encoder.try_out()
        return b""


def _sequence(coding: Coding) -> vp9.Sequence:
    (sequence,) = coding.codec.parse_all_sps(coding.parameter_sets)
    assert isinstance(sequence, vp9.Sequence)
    return sequence


def _opened(coding: Coding, sequence: vp9.Sequence) -> VideoCodecContext:
    color = sequence.color_config
    context = coding.context("libvpx-vp9", PIXEL_FORMATS[color.subsampling_x, color.subsampling_y], {})
    context.color_range = ColorRange.JPEG if color.color_range else ColorRange.MPEG
    context.colorspace = MATRIX_COEFFICIENTS[color.color_space]
    context.bit_rate = 0
    context.qmin = context.qmax = _quantizer(coding)
    context.options = _options(coding, sequence)
    context.open()
    return context


def _piped(coding: Coding, sequence: vp9.Sequence) -> PipedVp9:
    color, quantizer = sequence.color_config, str(_quantizer(coding))
    fixed = {"b": "0", "qmin": quantizer, "qmax": quantizer, "g": str(coding.gop_pictures), "threads": "1"}
    options = {**_options(coding, sequence), **fixed}
    return PipedVp9(
        *sequence.size,
        f"{PIXEL_FORMATS[color.subsampling_x, color.subsampling_y]}{color.bit_depth}le",
        coding.rate,
        color.color_range,
        MATRIX_COEFFICIENTS[color.color_space],
        tuple(part for name, value in options.items() for part in (f"-{name}", value)),
    )


def _quantizer(coding: Coding) -> int:
    return (coding.quantizer or 0) // QUANTIZER_STEP


def _options(coding: Coding, sequence: vp9.Sequence) -> dict[str, str]:
    """Without looking ahead no frame is hidden."""
    return {
        "deadline": coding.settings.preset,
        "cpu-used": "8",
        "lag-in-frames": "0",
        "crf": str(_quantizer(coding)),
        "profile": str(sequence.profile),
    }


class Vp9Reader:
    """Keeps the header of the first key frame, which all others have to equal."""

    length_bytes = 0
    copies_verbatim = True

    def __init__(self) -> None:
        self._sequence: vp9.Sequence | None = None
        self._header = b""

    @property
    def stored_parameter_sets(self) -> tuple[bytes, ...]:
        return (self._header,)

    def read(self, packet: Unit) -> CodedPicture:
        frames = list(vp9.frames(packet))
        headers = [vp9.parse_header(frame) for frame in frames]
        if sum(header.is_shown for header in headers) != 1:
            raise CannotCopy("some of its packets show no picture, or several")
        for frame, header in zip(frames, headers, strict=True):
            self._check(frame, header)
        # What no reference is taken from may still have changed the probabilities that later frames are read with.
        flags = REFERENCE | RANDOM_ACCESS * headers[0].is_key
        return CodedPicture(flags, zlib.crc32(packet), headers[-1].base_q_idx)

    def _check(self, frame: Unit, header: vp9.FrameHeader) -> None:
        """Raises CannotCopy where size or format change on the way."""
        if header.sequence and self._sequence is None:
            self._sequence, self._header = header.sequence, bytes(frame[: vp9.HEADER_BYTES])
        if self._sequence is None:
            raise CannotCopy("it does not begin with a keyframe")
        if header.sequence not in (None, self._sequence) or header.size not in (None, self._sequence.size):
            raise CannotCopy("its coding changes on the way")
