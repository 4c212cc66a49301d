"""From a decoded frame to an image as a viewer would see it: upright, in square pixels, in sRGB; and to a file."""

import errno
from pathlib import Path

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image

from jobs.engine.model.colour import matrix_of
from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.runtime.subprocess_runner import disk_full
from jobs.engine.video import tonemap

# Full chroma resolution and exact rounding cost nothing noticeable on single frames.
SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
MIRROR = Image.Transpose.FLIP_LEFT_RIGHT
ROTATIONS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
"""Pillow turns the other way than a track's rotation."""
SAVED_AS = {
    "jpeg": {"quality": 88, "optimize": True, "progressive": True},
    "webp": {"quality": 82, "method": 4},
    "png": {"compress_level": 6},
}


def size(track: VideoTrack, width: int) -> tuple[int, int]:
    """Width and height in square pixels, upright: as wide as asked for, no wider than the recording."""
    full_width, full_height = track.display_size
    width = max(1, min(width, full_width))
    return width, max(1, round(full_height * width / full_width))


def drawn(frame: VideoFrame, track: VideoTrack, width: int) -> Image.Image:
    """The frame in sRGB, upright, `width` pixels wide or as wide as the recording, in the right aspect."""
    shown = size(track, width)
    across, down = reversed(shown) if track.sideways else shown
    converted = tonemap.concerns(frame.color_trc, frame.color_primaries)
    scaled = frame.reformat(
        width=across,
        height=down,
        format="rgb48le" if converted else "rgb24",
        src_colorspace=None if frame.format.is_rgb else Colorspace(matrix_of(frame.colorspace, frame.height).swscale),
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALING,
    ).to_ndarray()
    if converted:
        scaled = tonemap.to_srgb(scaled, frame.color_trc, frame.color_primaries)
    return upright(Image.fromarray(scaled), track)


def upright(image: Image.Image, track: VideoTrack) -> Image.Image:
    """A frame as it is stored, as it should be seen."""
    turned = image.transpose(ROTATIONS[track.rotation]) if track.rotation else image
    return turned.transpose(MIRROR) if track.mirrored else turned


def as_stored(image: Image.Image, track: VideoTrack) -> Image.Image:
    """A frame as it should be seen, as it has to be stored."""
    plain = image.transpose(MIRROR) if track.mirrored else image
    return plain.transpose(ROTATIONS[360 - track.rotation]) if track.rotation else plain


def save(image: Image.Image, out: Path, kind: str) -> None:
    """Write a jpeg, webp or png to `out`. Raises ResourceError when the disk is full."""
    try:
        image.save(out, format=kind, **SAVED_AS[kind])
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full(f"{out}: {error}") from error
        raise
