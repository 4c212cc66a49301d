"""What converting a recording comes to: which tracks are copied, and at what rates the others are encoded.

Plain arithmetic on facts; no file is touched here.
"""

import dataclasses
import math
from fractions import Fraction

from jobs.engine.audio.decoder import output_channels
from jobs.engine.container import audio_files
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, demuxer
from jobs.engine.pipelines.convert.formats import OUTPUT_FORMATS, OutputFormat, Quality, Rate
from jobs.engine.pipelines.convert.framing import Framing, Shape, framing
from jobs.engine.video.color import Colours
from jobs.errors import InputError

TIMED = {"mov", "matroska", "mpegts", "flv"}
"""Containers that tell when each packet is shown, so that it can be copied."""
RUNGS = (2160, 1440, 1080, 720, 480, 360, 240, 144)
"""Usual resolutions, by the shorter side."""
OVERHEAD, OVERHEAD_KBPS = Fraction(1, 100), 8
"""What a container adds: a share of the file, and kbit/s for the places of a track's packets."""
MAXIMUM_AUDIO_SHARE = Fraction(1, 3)
"""Sound that takes more of a size limit than this is encoded to take no more."""
MINIMUM_CHANNEL_KBPS = 24
ROUGH_SHARE = 0.5
"""Of the bits that a pixel has in the recording itself: with fewer, it is time for fewer pixels."""


@dataclasses.dataclass(frozen=True)
class ConvertOptions:
    """What the file is to be.

    `target` is a name of `formats.OUTPUT_FORMATS`. `quality` None copies what already fits and encodes the rest well;
    any other encodes the picture. `limit_bytes` is what the file must not exceed. `keep_hdr` leaves HDR as it is where
    the target can hold it."""

    target: str = "mp4"
    quality: Quality | None = None
    limit_bytes: int | None = None
    shape: Shape = dataclasses.field(default_factory=Shape)
    keep_hdr: bool = False

    @property
    def kind(self) -> OutputFormat:
        return OUTPUT_FORMATS[self.target]

    @property
    def keeps_hdr(self) -> bool:
        return self.keep_hdr and self.kind.encoder.deep


@dataclasses.dataclass(frozen=True)
class ConversionPlan:
    """`framing` is None for a picture that is copied; `audio_kbps` has kbit/s for each track, None for those copied."""

    framing: Framing | None
    rate: Rate
    audio_kbps: tuple[int | None, ...]

    @property
    def copies_all(self) -> bool:
        return self.framing is None and not any(self.audio_kbps)

    @property
    def copies_any(self) -> bool:
        return self.framing is None or None in self.audio_kbps

    @property
    def passes(self) -> int:
        return 2 if self.rate.passes else 1


def check(info: MediaInfo, options: ConvertOptions) -> None:
    """Raise InputError when this recording cannot be converted like that."""
    if info.video is None:
        raise InputError(
            "This recording has no picture to convert. Take its sound with “Extract the audio”.", code="no_picture"
        )
    framing(info.video, options.shape)
    if options.limit_bytes and info.size_bytes > options.limit_bytes:
        plan_within(info, options, options.limit_bytes)


def plan(info: MediaInfo, colours: Colours, options: ConvertOptions, *, copy: bool = True) -> ConversionPlan:
    """What to do; without `copy` no track is copied. Raises InputError."""
    wanted = framing(info.require_video(), options.shape)
    copied = copy and fits(info, colours, options, wanted)
    audio_kbps = tuple(
        None if copy and holds(info, track, options) else usual_kbps(track, options) for track in info.audio
    )
    planned = ConversionPlan(None if copied else wanted, Rate(options.quality or "medium"), audio_kbps)
    if not options.limit_bytes or (planned.copies_all and info.size_bytes <= options.limit_bytes):
        return planned
    return plan_within(info, options, options.limit_bytes, copy=copy)


def fits(info: MediaInfo, colours: Colours, options: ConvertOptions, wanted: Framing) -> bool:
    """Whether the picture as it is already is what is asked for."""
    track, kind = info.video, options.kind
    assert track is not None
    if options.quality or wanted.changes or colours.interlaced or demuxer(info) not in TIMED:
        return False
    if colours.wide and not options.keeps_hdr:
        return False
    # WebM does not say which way is up, and not every player minds what is said of edges.
    is_odd = any(track.crop) or ((track.rotation or track.mirrored) and kind.muxer == "webm")
    return not is_odd and track.pixel_format in kind.video_codecs.get(track.codec, ())


def holds(info: MediaInfo, track: AudioTrack, options: ConvertOptions) -> bool:
    return track.codec in options.kind.audio_codecs and demuxer(info) in TIMED


def usual_kbps(track: AudioTrack, options: ConvertOptions) -> int:
    return audio_files.FORMATS[options.kind.audio_format].usual_kbps(output_channels(track))


def plan_within(info: MediaInfo, options: ConvertOptions, limit_bytes: int, *, copy: bool = True) -> ConversionPlan:
    """Rates and a size of the picture with which the file stays under a limit.

    A picture gets no more bits than it has, and becomes smaller where it would fall apart. Raises InputError.
    """
    video = info.require_video()
    total = limit_bytes * 8 * (1 - OVERHEAD) / info.duration / 1000
    share = total * MAXIMUM_AUDIO_SHARE / max(1, len(info.audio))
    audio_kbps = tuple(_audio_within(info, track, options, share, copy=copy) for track in info.audio)
    spent = sum(kbps or _kbps(track) for kbps, track in zip(audio_kbps, info.audio, strict=True))
    fixed = spent + OVERHEAD_KBPS * (1 + len(audio_kbps))
    kbps = math.floor(total - fixed)
    least = _least_bits(info, options)
    smallest = framing(video, options.shape.at_most(RUNGS[-1]))
    needed = _kbps_for(smallest, least)
    if kbps < needed:
        megabytes = (needed + fixed) * info.duration / 8 / 1000 / (1 - OVERHEAD)
        raise InputError(
            f"This recording is too long for so small a file. Allow at least {math.ceil(megabytes * 10) / 10:g} MB, or "
            "trim it first.",
            code="too_small",
        )
    if own := video.bit_rate // 1000:
        kbps = min(kbps, max(own, needed))
    wanted = framing(video, options.shape)
    smaller = (framing(video, options.shape.at_most(rung)) for rung in RUNGS if rung < wanted.short_side)
    chosen = next(one for one in (wanted, *smaller) if kbps >= _kbps_for(one, least) or one == smallest)
    return ConversionPlan(chosen, Rate(kbps=kbps), audio_kbps)


def _audio_within(
    info: MediaInfo, track: AudioTrack, options: ConvertOptions, maximum: Fraction, *, copy: bool
) -> int | None:
    if copy and holds(info, track, options) and _kbps(track) <= maximum:
        return None
    return max(MINIMUM_CHANNEL_KBPS * output_channels(track), min(int(maximum), usual_kbps(track, options)))


def _kbps(track: AudioTrack) -> int:
    # One that does not tell its rate counts as a large one.
    return math.ceil((track.bit_rate or 320_000) / 1000)


def _least_bits(info: MediaInfo, options: ConvertOptions) -> float:
    """Bits a pixel: what the encoder needs, or less for a picture that gets by with less already."""
    track = info.video
    assert track is not None
    own = track.bit_rate / (track.width * track.height * float(track.frame_rate or 30))
    usual = options.kind.encoder.least_bits
    return min(usual, own * ROUGH_SHARE) if own else usual


def _kbps_for(wanted: Framing, bits: float) -> int:
    return math.ceil(bits * wanted.size[0] * wanted.size[1] * float(wanted.rate) / 1000)
