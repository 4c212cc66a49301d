"""Clips whose pictures are known: the brightness of the left half counts the frames, the right half is a pattern."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

SIZE = (160, 96)
STEP, FIRST = 4, 20
Painter = Callable[[int], np.ndarray]


def solid(rgb: Iterable[int], size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((size[1], size[0], 3), list(rgb), np.uint8)


def counted(frame: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Frame number `frame` (below 56), told by its left half; the pattern keeps it from being blank."""
    picture = solid([0, 0, 0], size)
    picture[:, size[0] // 2 :] = np.where(np.arange(size[0] - size[0] // 2) // 8 % 2, 220, 40)[None, :, None]
    picture[:, : size[0] // 2] = FIRST + STEP * frame
    return picture


def count_of(image: Image.Image) -> int:
    """The number of the frame that this picture of a `counted` clip shows."""
    left = np.asarray(image.convert("RGB"))[:, : image.width // 2 - image.width // 10]
    return round((float(left.mean()) - FIRST) / STEP)


def clip(
    path: Path,
    frames: int,
    paint: Painter = counted,
    *,
    rate: int = 10,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    matrix: int = 6,
    full: bool = False,
    tags: dict[str, int] | None = None,
    times: list[int] | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """Encode `frames` pictures. `matrix` and `full` are how RGB becomes YUV, `tags` what the stream says of it.

    `times` are the time stamps of the frames, in steps of 1/rate.
    """
    size = paint(0).shape[1::-1]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for tag, value in (tags or {}).items():
            setattr(stream.codec_context, tag, value)
        for number in range(frames):
            picture = paint(number)
            raw = av.VideoFrame.from_ndarray(picture, format="rgb48le" if picture.dtype == np.uint16 else "rgb24")
            if not pixels.startswith("rgb"):
                raw = raw.reformat(
                    format=pixels, dst_colorspace=matrix, dst_color_range=2 if full else 1, interpolation="BICUBIC"
                )
            for tag, value in (tags or {}).items():
                setattr(raw, tag, value)
            raw.pts = times[number] if times else number
            raw.time_base = Fraction(1, rate)
            container.mux(stream.encode(raw))
        container.mux(stream.encode(None))
    return path
