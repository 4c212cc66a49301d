"""What the smart cut asks of a codec: to read what a recording says of its pictures, and to encode others to fit.

`x264` and `x265` (by way of `nal_codec`), `libvpx` and `svtav1` answer. To add a codec, write one more of them and
name it in `packet_survey.CODECS`.
"""

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from typing import ClassVar, NamedTuple, Protocol

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from jobs.engine.model.gop import KEYFRAME_SECONDS
from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.video.encoded_packets import Encoder

RANDOM_ACCESS, REFERENCE, LEADING, DISCARDED, KEYFRAME, RELEASING = 1, 2, 4, 8, 16, 32
"""Flags of a coded picture; CodedPictures says what they mean. RELEASING ends the use of others since the last random
access point."""


class CannotCopy(Exception):
    """Says why the pictures of a recording cannot be copied, in words that follow "because"."""


@dataclasses.dataclass(frozen=True)
class PatchSettings:
    """An encoder's preset, options that hold the quality, the most B-frames in a row, and what a picture costs.

    `cost` is processor time, measured in pictures decoded (720p). `finest` and `coarsest` are the quantizers (or rate
    factors, which are on the same scale) that may stand in the options for "{quantizer}".
    """

    preset: str
    options: str
    bframes: int
    cost: float
    finest: int = 0
    coarsest: int = 0

    def at(self, quantizer: int) -> "PatchSettings":
        """With this quantizer."""
        options = self.options.format(quantizer=quantizer)
        return dataclasses.replace(self, options=options, finest=quantizer, coarsest=quantizer)


class SequenceParameterSet(Protocol):
    """A sequence parameter set, as far as it says the same in every codec.

    Its place is taken by the header of a key frame in VP9, and by the sequence header in AV1.
    """

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels inside of the conformance window (H.264: the cropping rectangle)."""

    @property
    def video_full_range_flag(self) -> bool: ...

    @property
    def max_num_reorder(self) -> int | None:
        """How many pictures are decoded before one that is shown before them; None where it is left open."""


@dataclasses.dataclass(frozen=True)
class Coding:
    """How to encode pictures that fit copied ones: these are in a track with these parameter sets.

    `reorder_pictures` is how many pictures at most are decoded before one that is shown before them.
    """

    codec: "Codec"
    parameter_sets: tuple[bytes, ...]
    reorder_pictures: int
    track: VideoTrack
    clock_hz: int
    settings: PatchSettings
    quantizer: int | None = None
    """The source's, where that is known."""

    @property
    def decisive(self) -> tuple[object, ...]:
        """All that decides what the same frames are encoded as, as it looks in every process."""
        facts = (self.reorder_pictures, self.track, self.clock_hz, self.settings, self.quantizer)
        return (self.codec.name, self.parameter_sets, *facts)

    @property
    def bframes(self) -> int:
        return min(self.settings.bframes, 3) if self.reorder_pictures else 0

    @property
    def gop_pictures(self) -> int:
        """How many pictures lie between two keyframes at most."""
        if self.codec.encodes_intra_only(self.track):
            return 1
        return max(1, round((self.track.frame_rate or Fraction(30)) * KEYFRAME_SECONDS))

    @property
    def rate(self) -> Fraction:
        """Frames a second, as encoders take it."""
        return (self.track.frame_rate or Fraction(30)).limit_denominator(65_535)

    def context(self, encoder: str, pixel_format: str, options: dict[str, str]) -> VideoCodecContext:
        """An encoder, not opened yet, for pictures of the track's size and rate; nothing about it is left to chance."""
        context = av.CodecContext.create(encoder, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = self.track.width, self.track.height
        context.pix_fmt = pixel_format
        context.sample_aspect_ratio = self.track.sample_aspect
        context.time_base = Fraction(1, self.clock_hz)
        context.framerate = self.rate
        context.gop_size = self.gop_pictures
        context.thread_count = 1
        context.flags |= Flags.global_header
        context.options = {"preset": self.settings.preset, **options}
        return context


def first_free(numbers: Iterable[int], taken: set[int]) -> int:
    """The first number that is not taken. Raises CannotCopy."""
    found = next((number for number in numbers if number not in taken), None)
    if found is None:
        raise CannotCopy("its coding is described in too many ways")
    return found


class TrackReader(Protocol):
    """Reads the packets of one track in decoding order, and gathers what describes how they are coded.

    `parameter_sets` are those units, from the track's header and from packets; `length_bytes` is how many bytes tell a
    unit's length (0: start codes, or none of ours), and `copies_verbatim` whether packets hold nothing but what MP4
    stores.
    """

    length_bytes: int
    copies_verbatim: bool

    @property
    def stored_parameter_sets(self) -> tuple[bytes, ...]: ...

    def read(self, packet: Unit) -> "CodedPicture":
        """What a packet holds. Raises CannotCopy, ValueError."""


class StoredCopy(Protocol):
    def __call__(self, packet: Unit, *, begins: bool) -> bytes:
        """A packet of the source as MP4 stores it; those of one copy come in order. `begins`: it is the first."""


class CodedPicture(NamedTuple):
    """`quantizer` is the codec's own (of VP9 and AV1 base_q_idx), None where it is not told."""

    flags: int
    checksum: int
    quantizer: int | None = None


class Codec(ABC):
    """One codec. Everything it reads is hostile: what makes no sense raises ValueError, what is too rare CannotCopy."""

    name: ClassVar[str]
    """FFmpeg's."""
    decoder: ClassVar[str] = ""
    """FFmpeg's name of the decoder, where that is another."""
    label: ClassVar[str]
    """What people call it."""
    tag: ClassVar[str]
    """Of a track in MP4 whose parameter sets all stand in its header."""
    leads_by_time: ClassVar[bool] = False
    """Whether leading pictures are told by their times alone, and not by the bitstream."""
    bulk: ClassVar[PatchSettings]
    """Where nothing quicker does."""

    def steps(self, quantizer: int | None, track: VideoTrack) -> tuple[PatchSettings, ...]:
        """Settings between which `patch_quality` chooses, the quickest first, for a source with this quantizer."""
        return (self.bulk,)

    def encodes_intra_only(self, track: VideoTrack) -> bool:
        """Whether frames are so large that its encoder has to do without any that refer to others."""
        return False

    @abstractmethod
    def reader(self, extradata: bytes) -> TrackReader:
        """For a track whose header has these bytes. Raises CannotCopy, ValueError."""

    @abstractmethod
    def parse_all_sps(self, parameter_sets: tuple[bytes, ...]) -> list[SequenceParameterSet]:
        """The sequence parameter sets among them, one at least."""

    @abstractmethod
    def stored_copy(self, packet: Unit, parameter_sets: tuple[bytes, ...], length_bytes: int, *, begins: bool) -> bytes:
        """A packet of the source as MP4 stores it. `begins`: nothing before it is copied."""

    def copying(self, parameter_sets: tuple[bytes, ...], length_bytes: int) -> StoredCopy:
        """What stores the packets of one copy, where that depends on those before."""
        return functools.partial(self.stored_copy, parameter_sets=parameter_sets, length_bytes=length_bytes)

    @abstractmethod
    def stored_checksum(self, packet: Unit) -> int:
        """Of a packet as MP4 stores it, the same wherever a copy begins; negative for one that is torn."""

    @abstractmethod
    def open_encoder(self, coding: Coding) -> Encoder: ...

    @abstractmethod
    def stored_packet(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        """A packet of the encoder as it is stored among copied ones."""

    @abstractmethod
    def decoder_configuration(self, coding: Coding) -> bytes:
        """The track's decoder configuration record, for the source's pictures and ours. Raises CannotCopy."""
