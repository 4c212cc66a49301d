"""AV1 as SVT-AV1 and libaom make it."""

from fractions import Fraction
from pathlib import Path

from tests.clips import Picture, make
from tests.media import run_ffmpeg


def av1(*arguments, params: str = "lp=1", g: int = 30, **changed) -> Picture:
    options = {"preset": "10", "crf": "20", "g": str(g), "svtav1-params": params}
    return Picture(*arguments, codec="libsvtav1", options=options, **changed)


def by_libaom(folder: Path, name: str = "aom.webm", *options: str, seconds: float = 4) -> Path:
    """Numbered pictures, a key frame each second, with more of the sequence's tools than SVT-AV1 uses."""
    plain, output = make(folder / "plain.mp4", Picture(Fraction(30), seconds)), folder / name
    coded = ("-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "20", "-b:v", "0", "-g", "30", "-lag-in-frames", "12")
    run_ffmpeg("-i", plain, *coded, *options, output)
    return output
