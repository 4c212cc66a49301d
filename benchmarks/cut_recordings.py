"""Recordings that the silence cut is measured on, made of one with picture, sound and silences."""

import argparse
import dataclasses
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Self

from jobs.engine.container import ffmpeg

CODERS = {
    "h264": ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20"),
    "hevc10": (
        *("-c:v", "libx265", "-preset", "ultrafast", "-crf", "22", "-tag:v", "hvc1", "-pix_fmt", "yuv420p10le"),
        *("-x265-params", "log-level=error"),
    ),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "5", "-row-mt", "1", "-b:v", "0", "-crf", "32"),
    "av1": ("-c:v", "libsvtav1", "-preset", "8", "-crf", "35", "-svtav1-params", "lp=2"),
}
"""How recordings are encoded first; the one-liner's own is H.264, and what the recording is."""
ROWS: dict[str, dict[str, object]] = {
    "short": {"seconds": 5},
    "looped": {"loops": 20},
    "still": {"loops": 5, "keyframe_every": 250},
    "noise": {"seconds": 28, "height": 1080, "frame_rate": 60, "noise": 8, "keyframe_every": 250, "cut_every": 7},
    "4k": {"seconds": 8, "height": 2160, "noise": 12, "codec": "hevc10", "keyframe_every": 60, "cut_every": 4},
    "variable": {"loops": 5, "variable": True, "keyframe_every": 60},
    "stereo": {"loops": 20, "stereo": True},
    "sound": {"loops": 256, "sound_alone": True, "cut_every": 20},
    "many": {"loops": 215, "cut_every": 3},
    "vp9": {"loops": 3, "codec": "vp9", "keyframe_every": 60},
    "av1": {"loops": 3, "codec": "av1", "keyframe_every": 60},
}
"""Options of `silence_cut.py` by the kind of recording that they make."""

ROOM = (
    "[0:a]aresample=48000,pan=mono|c0=c0,asplit[one][later];[later]atrim=start=7,asetpts=PTS-STARTPTS,volume=0.7[two];"
    "[one]asplit[one1][one2];[two]asplit[two1][two2];[one2]adelay=38S,volume=0.6[far1];[two1]adelay=45S,volume=0.5[far2];"
    "[one1][far2]amix=normalize=0,aecho=0.8:0.7:11|23:0.25|0.15[left];"
    "[far1][two2]amix=normalize=0,aecho=0.8:0.7:14|19:0.25|0.15[right];[left][right]join=inputs=2:channel_layout=stereo"
)
"""Two voices in two places of a room, heard by two microphones: earlier and louder by the nearer one, with echoes."""


def generated(seconds: int, folder: Path) -> Path:
    """A moving picture of 720p, and a wavering tone that pauses for a third of the time."""
    output = folder / "generated.mp4"
    tone = "0.3*sin(2*PI*300*t)*(0.6+0.4*sin(2*PI*3*t))*lt(mod(t,9.3),6.2)"
    sources = ["-i", f"testsrc2=size=1280x720:rate=30:duration={seconds}", "-f", "lavfi"]
    sources += ["-i", f"aevalsrc='{tone}|{tone}':sample_rate=48000:duration={seconds}"]
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    run([ffmpeg.program(), "-v", "error", "-f", "lavfi", *sources, *coding, str(output)])
    return output


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a recording is encoded first: so many frames between keyframes, seconds, pixels in height, frames a second.

    `noise` is its strength by ffmpeg's filter, and `variable` takes a third of the frames away. `stereo` puts two
    voices in a room in place of its sound (`ROOM`), and `sound_alone` leaves the picture out. What is not said stays.
    """

    keyframe_every: int | None = None
    height: int | None = None
    seconds: float | None = None
    frame_rate: int | None = None
    noise: int | None = None
    variable: bool = False
    codec: str = "h264"
    stereo: bool = False
    sound_alone: bool = False

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        return cls(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(cls)})


def encoded(media: Path, recipe: Recipe, folder: Path) -> Path:
    """The recording as a phone or a screen recorder stores it: a keyframe every so many frames."""
    if recipe.stereo or recipe.sound_alone:
        return with_other_sound(media, recipe, folder)
    every, height = recipe.keyframe_every, recipe.height
    begin = ["-t", str(recipe.seconds)] if recipe.seconds else []
    if not every and not height and not begin:
        return media
    output = folder / "encoded.mp4"
    filters = [f"scale=-2:{height}"] * bool(height) + [f"fps={recipe.frame_rate}"] * bool(recipe.frame_rate)
    filters += [f"noise=alls={recipe.noise}:allf=t"] * bool(recipe.noise)
    filters += ["select='mod(n*7,11)-gt(mod(n*5,9),5)'"] * recipe.variable
    coding = [*(["-vf", ",".join(filters)] if filters else []), *CODERS[recipe.codec], "-fps_mode", "vfr"]
    coding = [*coding, *(["-g", str(every)] if every else [])] if every or height else ["-c:v", "copy"]
    run([ffmpeg.program(), "-v", "error", *begin, "-i", str(media), *coding, "-c:a", "copy", str(output)])
    return output


def with_other_sound(media: Path, recipe: Recipe, folder: Path) -> Path:
    output = folder / ("other.m4a" if recipe.sound_alone else "other.mp4")
    picture = [] if recipe.sound_alone else ["-map", "0:v", "-c:v", "copy"]
    room = ["-filter_complex", f"{ROOM}[room]", "-map", "[room]", "-c:a", "aac", "-b:a", "192k"]
    sound = room if recipe.stereo else ["-map", "0:a", "-c:a", "copy"]
    run([ffmpeg.program(), "-v", "error", "-i", str(media), *picture, *sound, "-shortest", str(output)])
    return output


def regular(duration: Fraction, every: Fraction) -> tuple[tuple[Fraction, Fraction], ...]:
    """All but a second of each stretch, at times that no keyframe knows of."""
    begin, length = Fraction(37, 100), every - 1
    starts = [begin + number * every for number in range(int((duration - begin) / every))]
    return tuple((start, start + length) for start in starts)


def looped(media: Path, loops: int, folder: Path) -> Path:
    if loops <= 1:
        return media
    output = folder / f"looped{media.suffix}"
    run([ffmpeg.program(), "-v", "error", "-stream_loop", str(loops - 1), "-i", str(media), "-c", "copy", str(output)])
    return output


def run(argv: list[str], timeout: float | None = None) -> None:
    # What they tell of their progress is not for the table.
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=timeout)
