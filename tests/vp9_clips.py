"""VP9 as libvpx makes it: in two passes, with hidden frames in superframes, which others are predicted from; of more
than 8 bits."""

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


def deep(path: Path, pixel_format: str = "yuv420p10le", *options: str, picture: Picture | None = None) -> Path:
    """Numbered pictures of more than 8 bits, a key frame each second."""
    plain = make(path.with_name("plain.mkv"), picture or Picture(Fraction(30)))
    coding = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "0", "-crf", "20", "-g", "30")
    # What says which way is up is no part of the frames.
    run_ffmpeg(
        "-noautorotate", "-i", plain, "-pix_fmt", pixel_format, *coding, *options, "-fps_mode", "passthrough", path
    )
    return path
