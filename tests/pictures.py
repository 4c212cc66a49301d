"""Uploaded images for tests, made in memory."""

import io
from pathlib import Path
from typing import Any

from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


def logo(size: tuple[int, int] = (20, 10), colour: tuple[int, ...] = (255, 0, 0, 255), kind: str = "PNG") -> bytes:
    """One colour, with alpha where the format has it."""
    image = Image.new("RGBA", size, colour)
    return encoded(image.convert("RGB") if kind == "JPEG" else image, kind)


def written(path: Path, data: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(logo() if data is None else data)
    return path
