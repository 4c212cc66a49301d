"""What a recording can be converted to: the containers, what each takes as it is, and how the encoders are asked."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from jobs.engine.container import muxers
from jobs.engine.container.muxers import Container
from jobs.engine.model.gop import KEYFRAME_SECONDS
from jobs.engine.pipelines.convert.framing import Framing
from jobs.engine.runtime import processors

Quality = Literal["high", "medium", "small"]
EIGHT_BITS = frozenset({"yuv420p", "yuvj420p"})
TEN_BITS = EIGHT_BITS | {"yuv420p10le"}
MOST_PARALLEL = 6
"""The highest that SVT-AV1 knows."""


@dataclasses.dataclass(frozen=True)
class Rate:
    """What an encoder is to aim at: a `quality`, or so many `kbps`, in one go or in one of two `passes` (1 or 2).

    `log` is where the first pass leaves what the second needs.
    """

    quality: Quality = "medium"
    kbps: int | None = None
    passes: int | None = None
    log: Path | None = None


@dataclasses.dataclass(frozen=True)
class VideoEncoder:
    """An encoder of pictures.

    `options` turns a rate and a framing into ffmpeg's output options. `two_pass` says whether it can. `least_bits` is
    what a pixel of a picture needs, or it falls apart.
    """

    name: str
    options: Callable[[Rate], list[str]]
    deep: bool
    two_pass: bool
    least_bits: float

    def argv(self, rate: Rate, framing: Framing) -> list[str]:
        """ffmpeg's options for a keyframe each 4 s, so that a player can jump and a cut can copy, by as many threads as
        there are processors for this process."""
        threads = ["-threads:v:0", str(processors.available())]
        return [*self.options(rate), *threads, "-g", str(max(1, round(framing.rate * KEYFRAME_SECONDS)))]


def _passes(rate: Rate) -> list[str]:
    return ["-pass", str(rate.passes), "-passlogfile", str(rate.log)] if rate.passes else []


def _aim(rate: Rate, crf: Mapping[Quality, int]) -> list[str]:
    return ["-b:v:0", f"{rate.kbps}k"] if rate.kbps else ["-crf", str(crf[rate.quality])]


def _x264(rate: Rate) -> list[str]:
    aim = _aim(rate, {"high": 18, "medium": 21, "small": 26})
    return ["-c:v:0", "libx264", "-preset", "fast", "-profile:v:0", "high", *aim, *_passes(rate)]


def _x265(rate: Rate) -> list[str]:
    params = f"log-level=error:pools={processors.available()}"  # its threads are none of libavcodec's
    if rate.passes:
        # libavcodec hands the passes of other encoders down, but not this one's.
        log = str(rate.log).replace("\\", "\\\\").replace(":", "\\:")
        params += f":pass={rate.passes}:stats={log}"
    aim = _aim(rate, {"high": 20, "medium": 24, "small": 28})
    return ["-c:v:0", "libx265", "-preset", "fast", "-tag:v:0", "hvc1", *aim, "-x265-params", params]


def _svt(rate: Rate) -> list[str]:
    parallel = ["-svtav1-params", f"lp={min(processors.available(), MOST_PARALLEL)}"]
    return ["-c:v:0", "libsvtav1", "-preset", "8", *_aim(rate, {"high": 24, "medium": 32, "small": 42}), *parallel]


def _vp9(rate: Rate) -> list[str]:
    aim = _aim(rate, {"high": 25, "medium": 31, "small": 38})
    free = [] if rate.kbps else ["-b:v:0", "0"]
    speed = ["-deadline", "good", "-cpu-used", "4", "-row-mt", "1", "-tile-columns", "2"]
    return ["-c:v:0", "libvpx-vp9", *speed, *aim, *free, *_passes(rate)]


H264 = VideoEncoder("H.264", _x264, deep=False, two_pass=True, least_bits=0.03)
HEVC = VideoEncoder("HEVC", _x265, deep=True, two_pass=True, least_bits=0.02)
AV1 = VideoEncoder("AV1", _svt, deep=True, two_pass=False, least_bits=0.015)
VP9 = VideoEncoder("VP9", _vp9, deep=True, two_pass=True, least_bits=0.02)


@dataclasses.dataclass(frozen=True)
class OutputFormat:
    """A kind of file.

    `video_codecs` are the codecs (libavcodec's names) and pixel formats that are copied, `audio_codecs` those of audio.
    `audio_format` is a name of `audio_files.FORMATS`, whose encoder makes the others; `subtitle_codec` is the codec of
    text tracks.
    """

    encoder: VideoEncoder
    video_codecs: Mapping[str, frozenset[str]]
    audio_codecs: frozenset[str]
    audio_format: str
    suffix: str = ".mp4"
    muxer: str = "mp4"
    subtitle_codec: str = "mov_text"
    # By itself MP4 counts milliseconds, to which the start of a track would be rounded.
    options: tuple[str, ...] = ("-movie_timescale", "90000", "-movflags", "+faststart")

    @property
    def container(self) -> Container:
        return muxers.WEBM if self.muxer == "webm" else muxers.MP4

    @property
    def media_type(self) -> str:
        return self.container.media_type


AAC, OPUS = frozenset({"aac"}), frozenset({"opus", "vorbis"})
OUTPUT_FORMATS = {
    "mp4": OutputFormat(H264, {"h264": EIGHT_BITS}, AAC, "m4a"),
    "hevc": OutputFormat(HEVC, {"hevc": TEN_BITS}, AAC, "m4a"),
    "av1": OutputFormat(AV1, {"av1": TEN_BITS}, AAC, "m4a"),
    "webm": OutputFormat(
        VP9,
        {"vp8": EIGHT_BITS, "vp9": TEN_BITS, "av1": TEN_BITS},
        OPUS,
        "opus",
        ".webm",
        "webm",
        "webvtt",
        ("-cues_to_front", "1"),
    ),
}
