"""One image of many: frames of a recording in rows, each with its time."""

import math
from collections.abc import Iterable
from fractions import Fraction

from PIL import Image, ImageDraw, ImageFont

GAP = 8
MAXIMUM_SIDE_PIXELS = 8192
"""Pixels of either side, which every format and every program can hold."""
LABEL = 1 / 16
"""Height of the letters, as a share of a frame's width."""
MINIMUM_LETTER_PIXELS = 10
PAPER, INK, SHADE = (19, 20, 22), (255, 255, 255), (0, 0, 0, 190)


def layout(count: int, size: tuple[int, int], width: int) -> tuple[int, int]:
    """Columns, and the width of each frame, for `count` frames of `size` (their shape counts) at best `width` wide.

    A sheet is about as wide as high, counted in frames, and no side of it is longer than MAXIMUM_SIDE_PIXELS.
    """
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    across = (MAXIMUM_SIDE_PIXELS - GAP * (columns + 1)) // columns
    down = (MAXIMUM_SIDE_PIXELS - GAP * (rows + 1)) // rows
    return columns, max(1, min(width, across, down * size[0] // size[1]))


def sheet(pictures: Iterable[tuple[Fraction, Image.Image]], columns: int) -> Image.Image:
    """The frames, all of one size, in rows from the left, each with its time (seconds) in its corner."""
    labelled = [_labelled(picture, clock(time)) for time, picture in pictures]
    width, height = labelled[0].size
    rows = math.ceil(len(labelled) / columns)
    whole = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP), PAPER)
    for position, picture in enumerate(labelled):
        whole.paste(picture, (GAP + position % columns * (width + GAP), GAP + position // columns * (height + GAP)))
    return whole


def clock(time: Fraction) -> str:
    """Hours, minutes and whole seconds: "0:01:05"."""
    whole = int(time)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _labelled(picture: Image.Image, words: str) -> Image.Image:
    font = ImageFont.load_default(max(MINIMUM_LETTER_PIXELS, round(picture.width * LABEL)))
    picture = picture.convert("RGB")
    draw = ImageDraw.Draw(picture, "RGBA")
    left, top, right, bottom = draw.textbbox((0, 0), words, font)
    pad = (bottom - top) // 2
    corner = picture.width - (right - left) - 2 * pad, picture.height - (bottom - top) - 2 * pad
    draw.rectangle((*corner, *picture.size), SHADE)
    draw.text((corner[0] + pad - left, corner[1] + pad - top), words, INK, font)
    return picture
