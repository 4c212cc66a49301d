"""How a converted picture is framed: cropped, turned, scaled, in other steps of time. Sizes and filters, no files.

All is said of the picture as a viewer sees it: upright and in square pixels. It is cropped first, then turned, then
scaled; what is flipped is the turned picture.
"""

import dataclasses
import re
from fractions import Fraction
from typing import Literal

from jobs.engine.model.mediainfo import VideoTrack
from jobs.errors import InputError

Size = tuple[int, int]
ASPECT = re.compile(r"(\d{1,4})\s*:\s*(\d{1,4})", re.ASCII)
BOX = re.compile(r"(\d{1,5})\s*[x×]\s*(\d{1,5})\s*\+\s*(\d{1,5})\s*\+\s*(\d{1,5})", re.ASCII)
MINIMUM_SIDE, MAXIMUM_SIDE = 16, 16_384
"""Pixels a side of a result."""
TURNS = {90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}
Flip = Literal["none", "horizontal", "vertical"]
FLIPS: dict[Flip, str] = {"horizontal": "hflip", "vertical": "vflip"}
SCALING = "bicubic+accurate_rnd"


@dataclasses.dataclass(frozen=True)
class CropArea:
    """A part of the picture, in pixels from its upper left corner."""

    width: int
    height: int
    x: int = 0
    y: int = 0


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is asked for.

    `crop` is “16:9”, the largest middle part of that aspect, or “WIDTHxHEIGHT+X+Y” in pixels; empty for all. `rotate`
    is in degrees clockwise. `resolution` is the shorter side in pixels, None to leave it; a smaller picture grows to it
    only with `enlarge`. `frame_rate` is in pictures a second, None to leave every picture at its time. `flip` is
    “horizontal” for left and right, “vertical” for above and below.
    """

    crop: str = ""
    rotate: int = 0
    resolution: int | None = None
    enlarge: bool = False
    frame_rate: Fraction | None = None
    flip: Flip = "none"

    def at_most(self, resolution: int) -> "Shape":
        """The same, with a shorter side of no more than this."""
        return dataclasses.replace(self, resolution=min(resolution, self.resolution or resolution))


@dataclasses.dataclass(frozen=True)
class Framing:
    """A shape on a track: the result's `size` in pixels as they are stored, upright, and ffmpeg's `filters` for it.

    `filters` are for a picture that is upright already. `rate` is in pictures a second.
    """

    size: Size
    filters: tuple[str, ...]
    rate: Fraction

    @property
    def changes(self) -> bool:
        """Whether the picture is any other than the track's, upright."""
        return bool(self.filters)

    @property
    def short_side(self) -> int:
        return min(self.size)


def framing(track: VideoTrack, shape: Shape, *, square: bool = False) -> Framing:
    """What a shape means for a track. Pixels become square where it has to be measured in them, or with `square`.

    Raises InputError when it cannot be had: a part outside the picture, a result that is too small or too large.
    """
    square = square or bool(shape.crop or shape.resolution)
    size = track.display_size if square else upright(track)
    filters: list[str] = []
    rate = track.frame_rate or Fraction(30)
    if shape.frame_rate and (shape.frame_rate != track.frame_rate or track.variable_rate):
        rate = shape.frame_rate
        filters.append(f"fps={rate}")
    if square and track.sample_aspect != 1:
        filters.append(scaled(size))
    if shape.crop:
        box = cropped(shape.crop, size)
        size = box.width, box.height
        filters.append(f"crop={box.width}:{box.height}:{box.x}:{box.y}:exact=1")
    if shape.rotate:
        filters.append(TURNS[shape.rotate])
        size = size[::-1] if shape.rotate in (90, 270) else size
    if shape.flip != "none":
        filters.append(FLIPS[shape.flip])
    if (requested := resized(size, shape)) != size:
        size = requested
        filters.append(scaled(size))
    return _even(size, filters, rate)


def upright(track: VideoTrack) -> Size:
    return (track.height, track.width) if track.sideways else (track.width, track.height)


def scaled(size: Size) -> str:
    """The filter that makes a picture this large, in square pixels."""
    return f"scale={size[0]}:{size[1]}:flags={SCALING},setsar=1"


def resized(size: Size, shape: Shape) -> Size:
    """Width and height at the requested resolution, both even; `size` itself when it has that, or is smaller
    already."""
    short = min(size)
    if not shape.resolution or (shape.resolution >= short and not (shape.enlarge and shape.resolution > short)):
        return size
    width, height = (2 * round(Fraction(side * shape.resolution, 2 * short)) for side in size)
    if max(width, height) > MAXIMUM_SIDE:
        raise InputError(
            f"The picture would be {width} × {height}, which is too large. Choose a lower resolution.", code="too_large"
        )
    return width, height


def cropped(crop: str, size: Size) -> CropArea:
    """The part of a picture of this size. Raises InputError."""
    if match := BOX.fullmatch(crop.strip()):
        box = CropArea(*map(int, match.groups()))
    elif (match := ASPECT.fullmatch(crop.strip())) and int(match[1]) and int(match[2]):
        box = middle(Fraction(int(match[1]), int(match[2])), size)
    else:
        raise InputError(
            "The part to keep is an aspect like 16:9, or pixels like 640x360+10+20. Correct it.", code="bad_crop"
        )
    if box.x + box.width > size[0] or box.y + box.height > size[1]:
        raise InputError(
            f"The part to keep reaches over the edge of the picture, which is {size[0]} × {size[1]} pixels. Choose "
            "less.",
            code="outside",
        )
    return box


def middle(aspect: Fraction, size: Size) -> CropArea:
    """The largest part of an aspect, in the middle, its sides even."""
    width, height = min(size[0], int(size[1] * aspect)), min(size[1], int(size[0] / aspect))
    width, height = width & ~1, height & ~1
    return CropArea(width, height, (size[0] - width) // 2, (size[1] - height) // 2)


def _even(size: Size, filters: list[str], rate: Fraction) -> Framing:
    # 4:2:0 has one colour sample for two by two pixels. A line less is better than all of them scaled.
    even = size[0] & ~1, size[1] & ~1
    if min(even) < MINIMUM_SIDE:
        raise InputError(
            f"The picture would be {size[0]} × {size[1]}, which is too small. Keep more of it.", code="too_small"
        )
    cut = [f"crop={even[0]}:{even[1]}:0:0:exact=1"] if even != size else []
    return Framing(even, (*filters, *cut), rate)


def exact_rate(rate: float | str) -> Fraction:
    """Pictures a second from a number as people write it: 29.97 is 30000/1001."""
    requested = Fraction(str(rate))
    broadcast = Fraction(round(requested * 1001 / 1000) * 1000, 1001)
    return broadcast if 0 < abs(broadcast - requested) < Fraction(1, 100) and requested.denominator != 1 else requested
