"""A recording in a few seconds: excerpts that fade into each other, with cards of text over the first and the last.

ffmpeg cuts the excerpts, upright, small and in the colours of BT.709; moviepy composes only these, and what it draws
goes straight into the encoder.
"""

import contextlib
import dataclasses
import itertools
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.engine.analysis import highlights
from jobs.engine.analysis.highlights import Excerpt
from jobs.engine.container import ffmpeg
from jobs.engine.container.audio_files import AAC_ARGUMENTS
from jobs.engine.model.colour import HDR_TRANSFERS, matrix_of
from jobs.engine.model.mediainfo import MediaInfo, demuxer
from jobs.engine.model.told import Told
from jobs.engine.render import render
from jobs.engine.runtime import processors, subprocess_runner
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import frame_picker, frame_reader, still, text_raster, tonemap
from jobs.engine.video.frame_cursor import can_jump
from jobs.engine.video.source import Source

if TYPE_CHECKING:
    from moviepy import CompositeVideoClip, VideoClip

CHOOSE_SHARE, CUT_SHARE = 0.4, 0.25
"""Of the time that the whole takes."""
FADE = Fraction(2, 5)
CARD_SECONDS, CARD_FADE = 2.2, 0.5
CARD_DARKNESS = 150
"""Of 255: how much of the picture below a card is taken away."""
CARD_WIDTH, CARD_HEIGHT = 0.8, 0.5
"""Of the picture: the most that the text of a card takes."""
LETTER = 1 / 22
"""Width of a letter as a share of the picture's width, so that short texts do not become huge."""
DUCKED = 0.3
"""Sound below a card; 0.3 is -10 dB."""
SPARE = Fraction(1, 5)
"""Seconds that are cut beyond the end of an excerpt: readers stop at the last picture."""
EARLY = Fraction(1, 2)
"""Seconds before a keyframe at which a reader that guesses surely stands before it."""
AUDIO_RATE = 48_000
AUDIO_CHUNK_SAMPLES = AUDIO_RATE // 10
"""Samples read at a time: moviepy (2.2) mixes up times where they are more than half of the shortest excerpt."""
MAXIMUM_RATE = 30
ANIMATED_RATE = 12
TAGS = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
"""Encoders take the tags from the frames, not from options."""
Format = Literal["mp4", "webp", "gif"]


@dataclasses.dataclass(frozen=True)
class TrailerOptions:
    """`seconds` is the length of the result, `count` how many excerpts it has, `width` its width in pixels.

    `title` and `closing` are texts over the beginning and the end, or empty. Without `audio` it is silent.
    `excerpts` are starts and ends of those that were chosen by hand, in seconds, in the order in which they come.
    """

    seconds: Fraction
    count: int
    width: int
    format: Format = "mp4"
    title: str = ""
    closing: str = ""
    audio: bool = True
    excerpts: tuple[tuple[Fraction, Fraction], ...] = ()

    @property
    def excerpt_seconds(self) -> Fraction:
        """How long each is, so that together and over each other by FADE they are `seconds` long."""
        return (self.seconds + (self.count - 1) * FADE) / self.count


@dataclasses.dataclass(frozen=True)
class Made:
    """The excerpts that it was made of, its size in pixels, its length in seconds, and its pictures a second."""

    excerpts: tuple[Excerpt, ...]
    size: tuple[int, int]
    seconds: Fraction
    rate: int

    def to_json(self) -> dict[str, Any]:
        width, height = self.size
        parts = [[round(float(one.start), 3), round(float(one.end), 3)] for one in self.excerpts]
        moments = "One moment" if len(parts) == 1 else f"{len(parts)} moments"
        told = Told(summary=f"{moments} in {float(self.seconds):.3g} s")
        length = round(float(self.seconds), 3)
        return {"excerpts": parts, "width": width, "height": height, **told.to_json(), "duration": length}


def trailer(source: Source, plan: TrailerOptions, output: Path, work: Workspace) -> Made:
    """Write what `plan` says of `source` to `output`, which appears when it is whole.

    A recording that is shorter than that makes a shorter one. Raises InputError, ToolError, ResourceError, and what
    `work.progress` raises.
    """
    chosen = _chosen(source, plan, work.share(0, CHOOSE_SHARE))
    picture = fitted(source.info, plan)
    begun = CHOOSE_SHARE + CUT_SHARE
    cutting, drawing = work.share(CHOOSE_SHARE, begun), work.share(begun, 1)
    with tempfile.TemporaryDirectory(dir=work.scratch, prefix=".trailer-") as folder:
        clips = []
        for number, excerpt in enumerate(chosen):
            cutting.progress(number / len(chosen), f"Cutting excerpt {number + 1} of {len(chosen)}")
            clips.append(Path(folder) / f"{number}.mkv")
            subprocess_runner.output(cut_argv(source, excerpt, clips[-1], picture, audio=plan.audio), log=work.log)
        count = max(1, round(shown_seconds(chosen) * picture.rate))
        with composed(clips, chosen, plan, picture.size) as film, render.whole(output) as part:
            write(film, count, picture.rate, plan.format, part, dataclasses.replace(drawing, scratch=Path(folder)))
    work.progress(1, "Putting it together")
    return Made(tuple(chosen), picture.size, Fraction(count, picture.rate), picture.rate)


def _chosen(source: Source, plan: TrailerOptions, work: Workspace) -> Sequence[Excerpt]:
    if plan.excerpts:
        duration = source.info.duration
        return [Excerpt(start, min(end, duration) - start) for start, end in plan.excerpts]
    stage = "Choosing the best moments"
    work.progress(0, stage)
    return highlights.choose(
        source.path,
        source.info,
        plan.count,
        plan.excerpt_seconds,
        progress=lambda done: work.progress(done, stage),
        log=work.log,
    )


def shown_seconds(chosen: Sequence[Excerpt]) -> Fraction:
    """How long excerpts are together, each FADE seconds over the one before."""
    return sum((one.length for one in chosen), Fraction(0)) - (len(chosen) - 1) * FADE


class Picture(NamedTuple):
    """Width and height in pixels, and frames a second."""

    size: tuple[int, int]
    rate: int


def fitted(info: MediaInfo, plan: TrailerOptions) -> Picture:
    """Even width and height, and a rate that the format is played at."""
    video = info.require_video()
    width, height = still.size(video, plan.width)
    maximum = MAXIMUM_RATE if plan.format == "mp4" else ANIMATED_RATE
    rate = max(1, min(maximum, round(video.frame_rate or 25)))
    return Picture((max(2, width & ~1), max(2, height & ~1)), rate)


def cut_argv(source: Source, excerpt: Excerpt, out: Path, picture: Picture, *, audio: bool) -> list[str]:
    """ffmpeg's command line for one excerpt: ffmpeg turns it upright, and the filters see to size, rate and colours."""
    info, length = source.info, excerpt.length + SPARE
    aim, lead = sought(source, excerpt.start)
    # Where the last picture or the last sound ends early, it stays until the end.
    colouring, staying = colours(source, excerpt, picture.size), "tpad=stop_mode=clone:stop=-1"
    steps = [colouring, TAGS, "setsar=1", f"fps={picture.rate}", staying]
    audio_output = []
    if audio and info.audio:
        audio_output = [
            "-map",
            f"0:{info.audio[0].index}",
            "-af",
            "aresample=async=1:first_pts=0,apad",
            "-c:a",
            "pcm_s16le",
        ]
        audio_output += ["-ar", str(AUDIO_RATE), "-ac", "2"]
    return [
        *(ffmpeg.program(), "-y", "-nostdin", "-hide_banner", "-loglevel", "error", *ffmpeg.SAFE_INPUT),
        *(*ffmpeg.threads(), "-ss", f"{float(aim):.6f}", "-f", demuxer(info), "-i", f"file:{source.path}"),
        *("-map", f"0:{info.require_video().index}", "-vf", ",".join(steps), "-pix_fmt", "yuv420p"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-bf", "0", "-threads", str(processors.available())),
        *audio_output,
        *("-map_metadata", "-1", "-map_chapters", "-1", "-ss", f"{float(lead):.6f}", "-t", f"{float(length):.6f}"),
        *("-f", "matroska", f"file:{out}"),
    ]


def sought(source: Source, start: Fraction) -> tuple[Fraction, Fraction]:
    """Where ffmpeg has to begin to read for an excerpt, and how much of what it decodes then is not wanted.

    In a container without an index ffmpeg lands between two keyframes, and has no whole picture up to the next.
    """
    if can_jump(source.info):
        return start, Fraction(0)
    with frame_reader.FrameReader.opened(source.path, source.info) as reader:
        aim = max(Fraction(0), start - reader.preroll(start) - EARLY)
    return aim, start - aim


def colours(source: Source, excerpt: Excerpt, size: tuple[int, int]) -> str:
    """The filters that make `size` and BT.709 of the recording's pictures, HDR rolled off into what screens show."""
    frame = next(frame_picker.frames_at(source.path, source.info, [excerpt.start])).frame
    width, height = size
    if frame.color_trc in HDR_TRANSFERS and tonemap.concerns(frame.color_trc, frame.color_primaries):
        light = f"zscale=w={width}:h={height}:t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:desat=0"
        return f"{light},zscale=t=bt709:m=bt709:r=tv"
    matrix = matrix_of(frame.colorspace, frame.height)
    input_matrix = "" if frame.format.is_rgb else f":in_color_matrix={matrix.name}"
    return f"scale={width}:{height}:flags=bicubic{input_matrix}:out_color_matrix=bt709:out_range=tv"


# With moviepy ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def composed(
    clips: Sequence[Path], chosen: Sequence[Excerpt], plan: TrailerOptions, size: tuple[int, int]
) -> Iterator["CompositeVideoClip"]:
    """The film, ready to be drawn; all that it reads is closed after the block."""
    # A second to import, for those alone who compose.
    from moviepy import CompositeVideoClip, VideoFileClip

    with contextlib.ExitStack() as stack:
        layers: list[VideoClip] = []
        start = 0.0
        for path, excerpt in zip(clips, chosen, strict=True):
            opened = stack.enter_context(contextlib.closing(VideoFileClip(str(path), audio=plan.audio)))
            layers.append(faded(opened.subclipped(0, float(excerpt.length)), first=not layers).with_start(start))
            start += float(excerpt.length - FADE)
        total = float(shown_seconds(chosen))
        layers += cards(plan, size, total)
        film = stack.enter_context(contextlib.closing(CompositeVideoClip(layers, size=size, bg_color=(0, 0, 0))))
        if film.audio is not None:
            film = film.with_audio(film.audio.transform(lambda get, time: get(time) * gain(plan, time, total)))
        yield film.with_duration(total)


def faded(clip: "VideoClip", *, first: bool) -> "VideoClip":
    """Picture that comes up over the one before, sound that comes up and goes down."""
    from moviepy import afx, vfx

    fade = float(FADE)
    effects: list[Any] = [] if first else [vfx.CrossFadeIn(fade)]
    if clip.audio is not None:
        effects += [afx.AudioFadeIn(fade), afx.AudioFadeOut(fade)]
    return clip.with_effects(effects)


def cards(plan: TrailerOptions, size: tuple[int, int], total: float) -> list["VideoClip"]:
    """The texts over the beginning and the end."""
    from moviepy import ImageClip, vfx

    seconds = min(CARD_SECONDS, total / 2)
    made = []
    if plan.title:
        made.append(ImageClip(card(plan.title, size), duration=seconds).with_effects([vfx.CrossFadeOut(CARD_FADE)]))
    if plan.closing:
        closing = ImageClip(card(plan.closing, size), duration=seconds).with_effects([vfx.CrossFadeIn(CARD_FADE)])
        made.append(closing.with_start(total - seconds))
    return made


def card(text: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The text in the middle of a picture that is otherwise half dark, in RGBA."""
    width, height = size
    columns = max(len(line) for line in text.split("\n"))
    ink = text_raster.drawn(text, round(width * min(CARD_WIDTH, columns * LETTER)))
    ink.thumbnail((round(width * CARD_WIDTH), round(height * CARD_HEIGHT)), Image.Resampling.LANCZOS)
    image = Image.new("RGBA", size, (0, 0, 0, CARD_DARKNESS))
    image.alpha_composite(ink, ((width - ink.width) // 2, (height - ink.height) // 2))
    return np.asarray(image)


def gain(plan: TrailerOptions, time: Any, total: float) -> NDArray[np.float64]:
    """What the sound is multiplied with at a time, or at each of several: less below the cards."""
    seconds = min(CARD_SECONDS, total / 2)
    moments = np.asarray(time, np.float64)
    full = np.ones_like(moments)
    if plan.title:
        full = np.minimum(full, np.interp(moments, [seconds - CARD_FADE, seconds], [DUCKED, 1]))
    if plan.closing:
        begin = total - seconds
        full = np.minimum(full, np.interp(moments, [begin, begin + CARD_FADE], [1, DUCKED]))
    return full[..., np.newaxis]


def write(film: "VideoClip", count: int, rate: int, format: Format, out: Path, work: Workspace) -> None:
    """Draw `count` pictures into ffmpeg, with the sound beside them where the format has any."""
    audio_file = None
    if film.audio is not None and format == "mp4":
        audio_file = work.scratch / "sound.f32"
        samples = film.audio.to_soundarray(fps=AUDIO_RATE, buffersize=AUDIO_CHUNK_SAMPLES)
        np.clip(samples, -1, 1).astype("<f4").tofile(audio_file)
    with subprocess_runner.started(
        write_argv(film.size, rate, audio_file, out, format), log=work.log, stdin=subprocess.PIPE
    ) as child:
        with contextlib.suppress(BrokenPipeError):  # it ended, and `wait` tells why
            for number, frame in enumerate(itertools.islice(film.iter_frames(fps=rate, dtype="uint8"), count), 1):
                child.stdin.write(frame.tobytes())
                work.progress(number / count, "Putting it together")
            child.stdin.close()
        child.wait()


def write_argv(size: tuple[int, int], rate: int, audio_file: Path | None, out: Path, format: Format) -> list[str]:
    """ffmpeg's command line for pictures from its standard input."""
    video_input = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", str(rate), "-i", "pipe:0"]
    audio_input = ["-f", "f32le", "-ar", str(AUDIO_RATE), "-ac", "2", "-i", f"file:{audio_file}"] if audio_file else []
    return [
        *(ffmpeg.program(), "-y", "-hide_banner", "-loglevel", "error", *video_input, *audio_input),
        *ENCODERS[format],
        *([*AAC_ARGUMENTS, "-b:a", "128k", "-shortest"] if audio_file else []),
        *("-f", format, f"file:{out}"),
    ]


ENCODERS: dict[Format, tuple[str, ...]] = {
    "mp4": (
        *("-vf", f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{TAGS}"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-movflags", "+faststart"),
    ),
    "webp": ("-c:v", "libwebp_anim", "-quality", "65", "-compression_level", "3", "-loop", "0"),
    "gif": ("-vf", "split[one][two];[one]palettegen=stats_mode=diff[colours];[two][colours]paletteuse=dither=bayer"),
}
