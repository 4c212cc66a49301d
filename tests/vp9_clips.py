"""VP9 as libvpx makes it in two passes: with hidden frames, which others are predicted from, in superframes."""

from fractions import Fraction
from pathlib import Path

from tests.clips import Picture, make
from tests.media import run_ffmpeg


def with_hidden_frames(folder: Path, name: str = "hidden.webm", *, seconds: int = 4) -> Path:
    """Numbered pictures, a key frame each second."""
    plain, output = make(folder / "plain.mp4", Picture(Fraction(30), seconds)), folder / name
    options = ("-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "5", "-b:v", "0", "-crf", "30", "-g", "30")
    options += ("-lag-in-frames", "12", "-auto-alt-ref", "1", "-passlogfile", folder / "passes")
    run_ffmpeg("-i", plain, *options, "-pass", "1", "-f", "null", "-")
    run_ffmpeg("-i", plain, *options, "-pass", "2", output)
    return output
