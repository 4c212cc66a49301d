"""A mark laid over frames: where it lies for a viewer, and its blending into the planes of coded frames.

Places are pixels of the frame as it is seen: upright, in square pixels, from the upper left. A frame is stored as the
camera was held, perhaps in oblong pixels; so the mark is turned and stretched the other way and laid over that.
"""

import dataclasses
import functools
import hashlib
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from numpy.typing import NDArray
from PIL import Image

from jobs.engine.model.colour import Matrix, matrix_of
from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.video import still, tonemap
from jobs.errors import InputError

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right", "center"]
Rectangle = tuple[int, int, int, int]
"""Left, top, width, height."""
PIXEL_FORMATS = ("yuv420p", "yuvj420p", "yuv420p10le")
"""Pixel formats that a mark can be laid over."""


@dataclasses.dataclass(frozen=True)
class OverlayOptions:
    """How a mark is laid over a frame.

    `x_offset` and `y_offset` are pixels from the chosen corner; from the centre they go right and down, and may be
    negative. `scale` is the mark's width as a share of the frame's, `opacity` 0 to 1. It shows from `start` to `end`,
    in seconds after the recording's start (None: to its end), fading in and out over `fade` seconds inside of that.
    """

    corner: Corner = "top-left"
    x_offset: int = 10
    y_offset: int = 10
    scale: float = 0.2
    opacity: float = 1.0
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    fade: Fraction = Fraction(0)

    def strength(self, time: Fraction, duration: Fraction) -> float:
        """How much of it shows in a frame that comes on show at `time`: 0 to 1, without the opacity."""
        end = duration if self.end is None else min(self.end, duration)
        if not self.start <= time < end:
            return 0.0
        return min(1.0, float((time - self.start) / self.fade), float((end - time) / self.fade)) if self.fade else 1.0


def upright_rectangle(look: OverlayOptions, frame_size: tuple[int, int], mark: tuple[int, int]) -> Rectangle:
    """Where a mark of `mark` pixels lies in a frame of `frame_size` pixels, upright. It always lies inside.

    A mark that is too high or wide for the room that the offsets leave becomes smaller. Raises InputError (`outside`)
    when they leave none.
    """
    width, height = frame_size
    centred = look.corner == "center"
    # From the centre an offset takes as much room away on both sides.
    room = (
        width - (2 * abs(look.x_offset) if centred else look.x_offset),
        height - (2 * abs(look.y_offset) if centred else look.y_offset),
    )
    if min(room) < 1:
        raise InputError(
            f"The mark would lie outside of the picture, which is {width} by {height} pixels. Choose smaller "
            "distances.",
            code="outside",
        )
    factor = min(look.scale * width / mark[0], room[0] / mark[0], room[1] / mark[1])
    across, down = (max(1, min(most, round(side * factor))) for side, most in zip(mark, room, strict=True))
    if centred:
        return (width - across) // 2 + look.x_offset, (height - down) // 2 + look.y_offset, across, down
    left = look.x_offset if look.corner.endswith("left") else width - across - look.x_offset
    top = look.y_offset if look.corner.startswith("top") else height - down - look.y_offset
    return left, top, across, down


def stored_rectangle(box: Rectangle, track: VideoTrack, coded: tuple[int, int]) -> Rectangle:
    """The place of an upright box in a frame as stored, of `coded` pixels."""
    left, top, across, down = box
    width, height = track.display_size
    if track.mirrored:
        left = width - left - across
    if track.rotation == 90:
        left, top, across, down = top, width - left - across, down, across
    elif track.rotation == 180:
        left, top = width - left - across, height - top - down
    elif track.rotation == 270:
        left, top, across, down = height - top - down, left, down, across
    full = (height, width) if track.sideways else (width, height)
    x, y = coded[0] / full[0], coded[1] / full[1]
    first = round(left * x), round(top * y)
    last = max(first[0] + 1, round((left + across) * x)), max(first[1] + 1, round((top + down) * y))
    return first[0], first[1], last[0] - first[0], last[1] - first[1]


class OverlayPainter:
    """Lays a mark over frames, each as its time asks for. Safe to share between threads.

    `mark` draws it in RGBA for a width; it may come out in other pixels, only its aspect counts.
    """

    def __init__(
        self, mark: Callable[[int], Image.Image], look: OverlayOptions, track: VideoTrack, duration: Fraction
    ) -> None:
        self.look, self.track, self.duration = look, track, duration
        image = mark(max(1, round(look.scale * track.display_size[0])))
        self.key = f"{look} {duration} {image.size} {hashlib.sha256(image.tobytes()).hexdigest()}"
        self.box = upright_rectangle(look, track.display_size, image.size)
        self._image = still.as_stored(image, track)
        self._layer = functools.lru_cache(maxsize=4)(self._made)
        self._last = LastFrame()

    def __call__(self, frame: VideoFrame, time: Fraction) -> VideoFrame:
        """The frame, of a format in PIXEL_FORMATS, with what of the mark shows in it at `time`, in seconds."""
        strength = self.look.strength(time, self.duration)
        comes_again = self._last.frame is frame
        if strength <= 0 and not comes_again:
            return frame
        # A decoder may still need this frame for predicting others, and an encoder what it was given.
        frame.make_writable()
        layer = self._layer(FrameFormat.of(frame))
        if comes_again:  # it stands in for the next one, which did not decode
            layer.restore(frame, self._last.clean)
        self._last.frame, self._last.clean = frame, layer.blend(frame, strength)
        return frame

    def _made(self, kind: "FrameFormat") -> "OverlayLayer":
        width, height = kind.size
        left, top, across, down = stored_rectangle(self.box, self.track, (width, height))
        across, down = min(across, width - left), min(down, height - top)
        fitted = self._image.resize((across, down), Image.Resampling.LANCZOS, reducing_gap=3.0)
        pixels = np.asarray(fitted, np.float32) / 255
        colours = tonemap.from_srgb(pixels[..., :3], kind.transfer, kind.primaries)
        planes = in_yuv(colours, matrix_of(kind.matrix, height), full=kind.full)
        largest = (1 << kind.bits) - 1
        scale = largest / 255 if kind.full else (1 << kind.bits) / 256
        return OverlayLayer(left, top, pixels[..., 3] * self.look.opacity, planes * scale, kind.bits)


class LastFrame(threading.local):
    """The last frame of a thread, and what was under the mark."""

    frame: VideoFrame | None = None
    clean: tuple[NDArray[Any], ...] = ()


@dataclasses.dataclass(frozen=True)
class FrameFormat:
    """What frames have in common that a mark is drawn for in the same way. Colours by their numbers in ITU-T H.273."""

    size: tuple[int, int]
    bits: int
    full: bool
    matrix: int
    transfer: int
    primaries: int

    @classmethod
    def of(cls, frame: VideoFrame) -> "FrameFormat":
        if frame.format.name not in PIXEL_FORMATS:
            raise ValueError(f"a mark cannot be laid over {frame.format.name}")
        return cls(
            (frame.width, frame.height),
            frame.format.components[0].bits,
            frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG,
            int(frame.colorspace),
            int(frame.color_trc),
            int(frame.color_primaries),
        )


def in_yuv(colours: NDArray[Any], matrix: Matrix, *, full: bool) -> NDArray[Any]:
    """R'G'B' of 0 to 1 (height x width x 3) as 8 bit Y'CbCr, not rounded."""
    red, blue = matrix.red, matrix.blue
    luma = colours @ np.array([red, 1 - red - blue, blue], np.float32)
    chroma = [(colours[..., 2] - luma) / (2 - 2 * blue), (colours[..., 0] - luma) / (2 - 2 * red)]
    if full:
        return np.stack([luma * 255, *(128 + part * 255 for part in chroma)]).clip(0, 255)
    return np.stack([16 + luma * 219, *(128 + part * 224 for part in chroma)])


class OverlayLayer:
    """A mark in the planes of frames of one kind, at its place. In 4:2:0 one colour sample is for two by two pixels."""

    def __init__(self, left: int, top: int, alpha: NDArray[Any], planes: NDArray[Any], bits: int = 8) -> None:
        bottom, right = -(top + alpha.shape[0]) % 2, -(left + alpha.shape[1]) % 2
        around = ((top % 2, bottom), (left % 2, right))
        few = _quartered(np.pad(alpha, around))
        weighted = [_quartered(np.pad(alpha * plane, around)) for plane in planes[1:]]
        colours = [np.divide(one, few, out=np.zeros_like(few), where=few > 0) for one in weighted]
        self._planes = [(left, top, alpha, planes[0]), *((left // 2, top // 2, few, colour) for colour in colours)]
        # Products with the 255 parts that opacity is counted in have to fit.
        self._stored: Any = np.uint8 if bits == 8 else np.uint16
        self._wide: Any = np.uint16 if bits == 8 else np.uint32
        self._mixed = functools.lru_cache(maxsize=2)(self._mix)

    def blend(self, frame: VideoFrame, strength: float) -> tuple[NDArray[Any], ...]:
        """Change the frame, which has to be writable. Returns what was there before, for `restore`."""
        clean = []
        for there, (rest, added) in zip(self._places(frame), self._mixed(strength), strict=True):
            clean.append(there.copy())
            total = there * rest + added
            # Division by 255, rounded, in no more bits than the products have.
            there[...] = (total + (total >> 8)) >> 8
        return tuple(clean)

    def restore(self, frame: VideoFrame, clean: tuple[NDArray[Any], ...]) -> None:
        for there, before in zip(self._places(frame), clean, strict=True):
            there[...] = before

    def _places(self, frame: VideoFrame) -> list[NDArray[Any]]:
        """The part of each plane that the mark lies over, not copied."""
        found = []
        for (left, top, alpha, _), plane in zip(self._planes, frame.planes, strict=True):
            rows = np.frombuffer(plane, self._stored).reshape(plane.height, -1)  # type: ignore[call-overload]
            found.append(rows[top : top + alpha.shape[0], left : left + alpha.shape[1]])
        return found

    def _mix(self, strength: float) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """For each plane how many of 255 parts of the frame are left, and what of the mark is added."""
        mixed = []
        for _, _, alpha, colour in self._planes:
            parts = np.rint(alpha * (255 * strength))
            mixed.append(((255 - parts).astype(self._wide), np.rint(parts * colour + 128).astype(self._wide)))
        return mixed


def _quartered(plane: NDArray[Any]) -> NDArray[Any]:
    """The means of two by two pixels."""
    height, width = plane.shape
    return plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
