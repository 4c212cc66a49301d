"""What tests of thumbnails share."""

from fractions import Fraction
from pathlib import Path

from PIL import Image

from jobs.engine.probe.inspection import inspect
from jobs.engine.video import thumbnails

X264 = {"crf": "12", "preset": "veryfast"}
COLOUR_TOLERANCE = 4
"""Two rounds of 8 bit rounding, YUV and back, and a trace of compression; a wrong matrix is off by 12 and more."""


def seconds(*times: float) -> list[Fraction]:
    return [Fraction(str(time)) for time in times]


def grabbed(path: Path, *times: float, width: int = 160, **options: Fraction) -> list[thumbnails.Thumbnail]:
    return list(thumbnails.grab(path, inspect(path), seconds(*times), width=width, **options))


def middle(image: Image.Image) -> tuple[int, ...]:
    return image.getpixel((image.width // 2, image.height // 2))
