"""Text as an image: drawn by Pillow with a font that is there, so that no text is ever part of a command."""

import functools
import math
import unicodedata
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from jobs.errors import InputError

FONTS = (
    "DejaVuSans-Bold.ttf",
    "DejaVuSans.ttf",
    "NotoSans-Bold.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Bold.ttf",
)
"""Looked for in the folders that the system keeps fonts in. Pillow carries one of its own for Latin letters."""
FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts")
MEASURED_AT = 100
MAXIMUM_FONT_PIXELS = 2000
"""Font sizes in pixels."""
MAXIMUM_CHARACTERS = 200
OUTLINE = 1 / 14
"""Of the font size: white letters keep legible on white."""
SPACING = 0.2
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NOT_A_CHARACTER = "\U0010ffff"
"""No font draws it, so it shows what this one draws for what it lacks."""
Font = ImageFont.FreeTypeFont


def tidy(text: str) -> str:
    """Lines without what cannot be drawn: control characters, marks that turn the direction, blank lines around."""
    kept = "".join(char for char in text.replace("\t", " ") if char == "\n" or _is_drawn(char))
    return "\n".join(line.rstrip() for line in kept.split("\n")).strip("\n")


def _is_drawn(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs", "Cn", "Co") and char not in BIDI_CONTROLS


def drawn(text: str, width: int) -> Image.Image:
    """The text in white with a black outline, on nothing, as RGBA about `width` pixels wide and cut to its ink.

    Raises InputError when it is empty or no font here has its letters.
    """
    text = tidy(text)
    if not text.strip():
        raise InputError("There is nothing to read in this text. Write at least one letter.", code="no_text")
    path = font_for(text)
    at_measure = _extent(text, _font(path, MEASURED_AT))
    size = max(4, min(MAXIMUM_FONT_PIXELS, round(MEASURED_AT * width / max(1, at_measure[2] - at_measure[0]))))
    return _ink(text, _font(path, size))


def written(text: str, size: int) -> Image.Image:
    """As `drawn`, with letters of so many pixels. Raises InputError."""
    text = tidy(text)
    if not text.strip():
        return Image.new("RGBA", (1, 1))
    return _ink(text, _font(font_for(text), min(MAXIMUM_FONT_PIXELS, size)))


def font_for(text: str) -> Path | None:
    """The first font that has every letter; None stands for Pillow's own."""
    letters = {char for char in text if not char.isspace() and unicodedata.category(char) != "Cf"}
    lacking: list[set[str]] = []
    for path in [*installed(), None]:
        lacking.append({char for char in letters if _lacks(path, char)})
        if not lacking[-1]:
            return path
    fewest = "".join(sorted(sorted(lacking, key=len)[0]))[:10]
    raise InputError(
        f"The fonts of this server cannot write “{fewest}”. Leave that out, or upload the text as an image.",
        code="no_font",
    )


@functools.cache
def installed() -> tuple[Path, ...]:
    """The fonts of FONTS that are there."""
    found = {path.name: path for folder in FOLDERS for path in Path(folder).rglob("*.ttf")}
    return tuple(found[name] for name in FONTS if name in found)


@functools.lru_cache(maxsize=32)
def _font(path: Path | None, size: int) -> Font:
    if path is not None:
        return ImageFont.truetype(str(path), size)
    font = ImageFont.load_default(size)
    assert isinstance(font, Font), "Pillow's wheels come with FreeType"
    return font


def _lacks(path: Path | None, char: str) -> bool:
    font = _font(path, 40)
    missing, found = font.getmask(NOT_A_CHARACTER), font.getmask(char)
    return found.size == missing.size and bytes(found) == bytes(missing)


def _outline(font: Font) -> int:
    return max(1, round(font.size * OUTLINE))


def _spacing(font: Font) -> int:
    return round(font.size * SPACING)


def _extent(text: str, font: Font) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the ink, outwards to whole pixels."""
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = draw.multiline_textbbox(
        (0, 0), text, font=font, spacing=_spacing(font), align="center", stroke_width=_outline(font)
    )
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)


def _ink(text: str, font: Font) -> Image.Image:
    left, top, right, bottom = _extent(text, font)
    size = max(1, right - left), max(1, bottom - top)

    def mask(stroke: int) -> Image.Image:
        drawn = Image.new("L", size)
        # Also for the fills alone with an outline, of nothing: Pillow sets lines with one further apart.
        ImageDraw.Draw(drawn).multiline_text(
            (-left, -top),
            text,
            255,
            font,
            spacing=_spacing(font),
            align="center",
            stroke_width=_outline(font),
            stroke_fill=stroke,
        )
        return drawn

    # The outlines of all letters of a line lie below all fills: no outline eats into a neighbour.
    grey, alpha = mask(0), mask(255)
    image = Image.merge("RGBA", (grey, grey, grey, alpha))
    return image.crop(alpha.getbbox() or (0, 0, 1, 1))
