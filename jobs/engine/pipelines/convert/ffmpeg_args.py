"""ffmpeg's command lines for converting a recording."""

import dataclasses
from fractions import Fraction
from pathlib import Path

from jobs.engine.audio.decoder import output_channels
from jobs.engine.audio.track_file import OWN_TAGS
from jobs.engine.captions import embedded_tracks
from jobs.engine.container import audio_files, ffmpeg
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, demuxer
from jobs.engine.model.progress import Advance
from jobs.engine.pipelines.convert.conversion import ConversionPlan, ConvertOptions
from jobs.engine.pipelines.convert.framing import Framing
from jobs.engine.render import sidetracks
from jobs.engine.render.sidetracks import SideTrack
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.video import color as looks
from jobs.engine.video import deinterlace
from jobs.engine.video.color import Colours
from jobs.engine.video.source import Source
from jobs.errors import InputError, ToolError

MOST_ERRORS = 0.05
"""Of the packets of a track: a recording with more that do not decode is damaged."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What is converted, and to what. `folder` is for files that commands need. A `picture` is the converted one by
    itself, which comes on show `picture_start` seconds after the recording's start."""

    source: Source
    colours: Colours
    options: ConvertOptions
    folder: Path
    bare: bool = False
    """Whether nothing comes along beside picture, sound and text."""
    picture: Path | None = None
    picture_start: Fraction = Fraction(0)

    @property
    def info(self) -> MediaInfo:
        return self.source.info


def opened(source: Source) -> list[str]:
    """How every command begins: the program, and the recording as its only input."""
    return [
        *(ffmpeg.program(), "-y", "-nostdin", "-hide_banner", "-loglevel", "warning", *ffmpeg.SAFE_INPUT),
        *ffmpeg.threads(),
        *("-max_error_rate", str(MOST_ERRORS), "-f", demuxer(source.info), "-i", f"file:{source.path}"),
    ]


def follow(command: list[str], info: MediaInfo, progress: Advance, log: CommandLog | None) -> None:
    """Run a command that `opened` begins. `progress` gets a fraction. Raises InputError, ToolError, ResourceError."""
    try:
        ffmpeg.follow(command, info.duration, progress, log=log)
    except ToolError as error:
        if "Decode error rate" not in error.detail:
            raise
        raise InputError(
            f"The recording is damaged: more than {MOST_ERRORS:.0%} of it cannot be decoded. If it plays well "
            "elsewhere, export it anew there and upload that.",
            detail=error.detail,
            code="damaged",
        ) from error


def argv(job: Job, plan: ConversionPlan, output: Path | None) -> list[str]:
    """ffmpeg's command line for a plan; without `output`, for the first of two passes."""
    kind, info = job.options.kind, job.info
    video = info.require_video()
    shown = _shown(job) if job.picture else ["-map", f"0:{video.index}", *video_options(job, plan)]
    command = [*opened(job.source), *shown, "-progress", "pipe:1"]
    if output is None:
        # Not every encoder gives packets in a first pass: the bare pictures tell how far it is.
        return [*command, "-map", f"0:{video.index}", "-c:v:1", "wrapped_avframe", "-f", "null", "-"]
    for place, (track, kbps) in enumerate(zip(info.audio, plan.audio_kbps, strict=True)):
        command += ["-map", f"0:{track.index}"]
        if track.title:
            # MP4's would be written as a name. The second one is what many players show of MP4.
            command += [f"-metadata:s:a:{place}", f"title={track.title}"]
        if track.title and kind.muxer == "mp4":
            command += [f"-metadata:s:a:{place}", f"handler_name={track.title}"]
        if kbps is None:
            command += [f"-c:a:{place}", "copy"]
        else:
            command += audio_options(kind.audio_format, track, place, kbps)
    texts_there = embedded_tracks.tracks(job.source.path, info)
    for text in texts_there:
        command += ["-map", f"0:{text.index}"]
    side = sidetracks.argv(kept(job), 0, kind.container, {"v": 1, "s": len(texts_there)})
    unwanted = (option for tag in OWN_TAGS for option in ("-metadata", f"{tag}="))
    texts = ["-c:s", kind.subtitle_codec]
    ending = ["-map_chapters", "0", *kind.options, "-f", kind.muxer, f"file:{output}"]
    return [*command, *texts, *side, *unwanted, *ending]


def _shown(job: Job) -> list[str]:
    """The picture that is there already, in place of the recording's."""
    assert job.picture
    late = ["-itsoffset", f"{float(job.picture_start):.6f}"] if job.picture_start else []
    named = ["-map_metadata:s:v:0", f"0:s:{job.info.require_video().index}"]
    tag = ["-tag:v:0", "hvc1"] if job.options.target == "hevc" else []
    return [*late, *ffmpeg.reading(job.picture, "mov"), "-map", "1:v:0", "-c:v:0", "copy", *tag, *named]


def kept(job: Job) -> list[SideTrack]:
    """What comes along beside picture, sound and text; nothing where the size of the file counts."""
    all_sidetracks = sidetracks.read(job.source)
    return [] if job.bare or job.options.limit_bytes else sidetracks.kept(all_sidetracks, job.options.kind.container)


def video_options(job: Job, plan: ConversionPlan) -> list[str]:
    if plan.framing is None:
        return [
            "-c:v:0",
            "copy",
            *(["-tag:v:0", "hvc1"] if job.info.video and job.info.video.codec == "hevc" else []),
        ]
    encoder = job.options.kind.encoder
    colouring = looks.filters(job.colours, job.folder, deep=encoder.deep, keep=job.options.keeps_hdr)
    filters = ",".join(chain(plan.framing, colouring, job.colours))
    # Every picture at its own time, on the clock of the recording.
    exact = ["-fps_mode:v:0", "vfr", "-enc_time_base:v:0", "filter"]
    return ["-filter:v:0", filters, *exact, *encoder.argv(plan.rate, plan.framing)]


def chain(framing: Framing, colouring: list[str], colours: Colours) -> list[str]:
    """All filters of a picture: first whole pictures of half ones, last its colours."""
    return [
        *([f"{deinterlace.BWDIF}={deinterlace.ONE_FOR_ONE}"] if colours.interlaced else []),
        *framing.filters,
        *colouring,
    ]


def audio_options(kind: str, track: AudioTrack, index: int, kbps: int) -> list[str]:
    """ffmpeg's options to encode a track of sound, the one at this place in the result, each sample at its time."""
    file = audio_files.FORMATS[kind]
    assert file.encoder is not None
    # What is said of the file's only track there is said of one of several here.
    coding = [
        f"{part.removesuffix(':a')}:a:{index}" if part.startswith("-") else part for part in file.encoder(track, kbps)
    ]
    return [
        f"-filter:a:{index}",
        audio_files.timestamp_sync_filter(min(output_channels(track), file.channels)),
        *coding,
    ]
