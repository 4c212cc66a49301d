"""What the smart cut asks of a codec: to read what a recording says of its pictures, and to encode others to fit.

`x264` and `x265` answer. To add a codec, write one more of them and name it in `coded.CODECS`.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from typing import ClassVar, Protocol, Self

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.smartcut.bitstream.nal import Unit

RESTARTS, REFERENCED, LEADING, DISCARDED, KEY = 1, 2, 4, 8, 16
"""Marks of a stored picture; CodedOrder says what they mean."""

KEY_SECONDS = 4


class CannotCopy(Exception):
    """Says why the pictures of a recording cannot be copied, in words that follow "because"."""


@dataclasses.dataclass(frozen=True)
class Quality:
    """An encoder's preset, options that hold the quality, the most B-frames in a row, and what a picture costs.

    `cost` is processor time, measured in pictures decoded (720p).
    """

    preset: str
    options: str
    bframes: int
    cost: float


class Sequence(Protocol):
    """A sequence parameter set, as far as it says the same in every codec."""

    @property
    def id(self) -> int: ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of what is shown."""

    @property
    def full_range(self) -> bool: ...

    @property
    def reorder(self) -> int | None:
        """How many pictures are decoded before one that is shown before them; None where it is left open."""

    def fits(self, other: Self) -> bool:
        """Whether decoders go from pictures of one to those of the other without setting up anew."""


@dataclasses.dataclass(frozen=True)
class Coding:
    """How to encode pictures that fit copied ones: these are in a track with the parameter sets `sets`.

    `depth` is how many pictures at most are decoded before one that is shown before them.
    """

    codec: "Codec"
    sets: tuple[bytes, ...]
    depth: int
    track: VideoTrack
    clock_hz: int
    quality: Quality

    @property
    def bframes(self) -> int:
        return min(self.quality.bframes, 3) if self.depth else 0

    def context(self, encoder: str, pixel_format: str, options: dict[str, str]) -> VideoCodecContext:
        """An encoder, not opened yet, for pictures of the track's size and rate; nothing about it is left to chance."""
        context = av.CodecContext.create(encoder, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = self.track.width, self.track.height
        context.pix_fmt = pixel_format
        context.sample_aspect_ratio = self.track.sample_aspect
        context.time_base = Fraction(1, self.clock_hz)
        rate = self.track.frame_rate or Fraction(30)
        context.framerate = rate.limit_denominator(65_535)
        context.gop_size = max(1, round(rate * KEY_SECONDS))
        context.thread_count = 1
        context.flags |= Flags.global_header
        context.options = {"preset": self.quality.preset, **options}
        return context


def free(numbers: Iterable[int], taken: set[int]) -> int:
    """The first number that is not taken. Raises CannotCopy."""
    found = next((number for number in numbers if number not in taken), None)
    if found is None:
        raise CannotCopy("its coding is described in too many ways")
    return found


class Codec(ABC):
    """One codec. Everything it reads is hostile: what makes no sense raises ValueError, what is too rare CannotCopy."""

    name: ClassVar[str]
    """FFmpeg's."""
    label: ClassVar[str]
    """What people call it."""
    tag: ClassVar[str]
    """Of a track in MP4 whose parameter sets all stand in its header."""
    sequence: ClassVar[int]
    """Kind of a sequence parameter set."""
    picture_set: ClassVar[int]
    """Kind of a picture parameter set."""
    # A few pictures at a join: no time to spend on making them small, and nobody is to see that they were encoded.
    seam: ClassVar[Quality]
    # When they are a good part of the result.
    bulk: ClassVar[Quality]

    @abstractmethod
    def configuration(self, extradata: bytes) -> tuple[int, list[bytes]]:
        """Bytes of a unit's length (0: start codes) and the parameter sets of a track's header."""

    @abstractmethod
    def key(self, unit: Unit) -> tuple[int, int] | None:
        """Kind and number of a unit that belongs in a track's header; None for others."""

    @abstractmethod
    def parse(self, unit: bytes) -> Sequence:
        """Read a sequence parameter set."""

    @abstractmethod
    def pps_ids(self, unit: bytes) -> tuple[int, int]:
        """Of a picture parameter set: its own number and that of the sequence's."""

    @abstractmethod
    def is_slice(self, unit: Unit) -> bool: ...

    @abstractmethod
    def pps_of(self, unit: Unit) -> int:
        """Number of the picture parameter set that a slice was coded with."""

    @abstractmethod
    def marks(self, unit: Unit, sequence: Sequence) -> int:
        """Those of the picture that a slice belongs to."""

    @abstractmethod
    def belongs(self, unit: Unit) -> bool:
        """Whether a unit stands in a packet as MP4 stores it; parameter sets do not, they stand in the header."""

    def begin(self, unit: Unit) -> Unit:
        """A unit of the picture at which a copy begins, changed to say that nothing before it may be needed."""
        return unit

    @abstractmethod
    def encoder(self, coding: Coding) -> VideoCodecContext: ...

    @abstractmethod
    def fitted(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        """A packet of the encoder as it is stored among copied ones."""

    @abstractmethod
    def header(self, coding: Coding) -> bytes:
        """The track's header, with the source's parameter sets and ours. Raises CannotCopy."""

    def sequences_of(self, sets: tuple[bytes, ...]) -> list[Sequence]:
        return [self.parse(unit) for unit in sets if (key := self.key(unit)) and key[0] == self.sequence]
