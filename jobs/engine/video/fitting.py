"""Frames of one recording brought to the shape of another: its size by fitting and padding, its pixels, its colours."""

import dataclasses
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from jobs.engine.model.colour import MATRICES, matrix_of
from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.video import tonemap
from jobs.engine.video.color import EXACT, escaped
from jobs.engine.video.upright import FILTERS

BACK = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}
"""From upright to how a track with such a rotation stores its frames."""
MAXIMUM_SQUEEZE = Fraction(1, 50)
"""Bars narrower than this share of a side are not worth having: the frame is stretched by so little instead."""


@dataclasses.dataclass(frozen=True)
class FrameShape:
    """What frames of a track are like: as it stores them, with their colours by numbers of ITU-T H.273."""

    width: int
    height: int
    pixel_format: str
    rotation: int = 0
    mirrored: bool = False
    sample_aspect: Fraction = Fraction(1)
    full_range: bool = False
    matrix: int = 2
    primaries: int = 2
    transfer: int = 2

    @classmethod
    def of(cls, frame: VideoFrame, track: VideoTrack) -> "FrameShape":
        """That of a track's decoded frame."""
        is_full = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        return cls(
            *(frame.width, frame.height, frame.format.name, track.rotation, track.mirrored, track.sample_aspect),
            full_range=is_full or frame.format.is_rgb,
            matrix=int(frame.colorspace),
            primaries=int(frame.color_primaries),
            transfer=int(frame.color_trc),
        )

    @property
    def is_sideways(self) -> bool:
        return self.rotation in (90, 270)

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in pixels as they are seen."""
        return (self.height, self.width) if self.is_sideways else (self.width, self.height)

    @property
    def upright_aspect(self) -> Fraction:
        """How much wider than high a pixel is seen."""
        return 1 / self.sample_aspect if self.is_sideways else self.sample_aspect

    @property
    def is_wide(self) -> bool:
        """Whether its colours are those of HDR or of a wide gamut."""
        return tonemap.concerns(self.transfer, self.primaries)

    @property
    def matrix_name(self) -> str:
        return MATRICES[self.matrix].name if self.matrix in MATRICES else matrix_of(self.matrix, self.height).name


def fitted_size(source: FrameShape, target: FrameShape) -> tuple[int, int]:
    """Width and height, both even, that upright frames get inside of the target's upright frames."""
    (width, height), (room_width, room_height) = source.upright_size, target.upright_size
    aspect = Fraction(width, height) * source.upright_aspect / target.upright_aspect
    wide, high = min(Fraction(room_width), room_height * aspect), min(Fraction(room_height), room_width / aspect)
    if wide >= room_width * (1 - MAXIMUM_SQUEEZE) and high >= room_height * (1 - MAXIMUM_SQUEEZE):
        return room_width, room_height
    return max(2, 2 * round(wide / 2)), max(2, 2 * round(high / 2))


class FrameFitter:
    """Brings a track's frames to a shape, one at a time; one that has it is given back as it is.

    Tables of colours go to the existing folder `scratch`. Raises av.error.FFmpegError.
    """

    def __init__(self, track: VideoTrack, target: FrameShape, scratch: Path) -> None:
        self._track = track
        self._target = target
        self._scratch = scratch
        self._source: FrameShape | None = None
        self._graph: Graph | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        source = FrameShape.of(frame, self._track)
        if source != self._source:
            self._source, self._graph = source, self._made(source, frame) if self._differs(source) else None
        if self._graph is None:
            return frame
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _differs(self, source: FrameShape) -> bool:
        same = self._target
        untold = {
            name: getattr(same, name) for name in ("matrix", "primaries", "transfer") if getattr(source, name) == 2
        }
        return dataclasses.replace(source, **untold) != same

    def _made(self, source: FrameShape, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        aspect = source.sample_aspect
        begin = graph.add(
            "buffer",
            width=str(source.width),
            height=str(source.height),
            pix_fmt=frame.format.name,
            time_base="1/90000" if frame.time_base is None else str(frame.time_base),
            sar=f"{aspect.numerator}/{aspect.denominator}",
        )
        # Several threads fit frames of one recording at a time.
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix=".colours-") as folder:
            steps = (graph.add(*one.split("=", 1)) for one in filters(source, self._target, Path(folder)))
            graph.link_nodes(begin, *steps, graph.add("buffersink")).configure()
        return graph


def filters(source: FrameShape, target: FrameShape, scratch: Path) -> list[str]:
    """libavfilter's filters from frames of one shape to another."""
    is_same_way = (source.rotation, source.mirrored) == (target.rotation, target.mirrored)
    up = [] if is_same_way else [*FILTERS.get(source.rotation, ()), *(["hflip"] if source.mirrored else [])]
    down = [] if is_same_way else [*(["hflip"] if target.mirrored else []), *BACK.get(target.rotation, ())]
    seen, room = (source, target) if not is_same_way else (_unturned(source), _unturned(target))
    width, height = fitted_size(seen, room)
    room_width, room_height = room.upright_size
    pads = [] if (width, height) == (room_width, room_height) else [_pad(room_width, room_height, width, height)]
    aspect = target.sample_aspect
    return [
        *up,
        *_colours(source, target, (width, height), scratch),
        *pads,
        *down,
        f"format={target.pixel_format}",
        f"setsar={aspect.numerator}/{aspect.denominator}",
        f"setparams=range={'full' if target.full_range else 'limited'}",
    ]


def _unturned(shape: FrameShape) -> FrameShape:
    return dataclasses.replace(shape, rotation=0, mirrored=False)


def _pad(room_width: int, room_height: int, width: int, height: int) -> str:
    x, y = (room_width - width) // 2 & ~1, (room_height - height) // 2 & ~1
    return f"pad={room_width}:{room_height}:{x}:{y}:black"


def _colours(source: FrameShape, target: FrameShape, size: tuple[int, int], scratch: Path) -> list[str]:
    """To the target's size, matrix and range; where one of both is HDR or wide, through sRGB."""
    scale = f"scale={size[0]}:{size[1]}:flags={EXACT}"
    matrix_in = (
        "" if source.pixel_format.startswith(("gbr", "rgb", "bgr")) else f":in_color_matrix={source.matrix_name}"
    )
    given = f"{matrix_in}:in_range={'full' if source.full_range else 'limited'}"
    wanted = f":out_color_matrix={target.matrix_name}:out_range={'full' if target.full_range else 'limited'}"
    is_same_light = (source.transfer, source.primaries) == (target.transfer, target.primaries)
    if is_same_light or not (source.is_wide or target.is_wide):
        return [f"{scale}{given}{wanted}"]
    tables = []
    if source.is_wide:
        tables.append(scratch / f"from-{source.transfer}-{source.primaries}.cube")
        tonemap.write_cube(tables[-1], source.transfer, source.primaries)
    if target.is_wide:
        tables.append(scratch / f"to-{target.transfer}-{target.primaries}.cube")
        tonemap.write_cube(tables[-1], target.transfer, target.primaries, inverse=True)
    luts = [f"lut3d=file={escaped(str(table))}" for table in tables]
    return [f"{scale}{given}:out_range=full", "format=gbrp16le", *luts, f"scale=flags={EXACT}{wanted}"]


def black_frame(target: FrameShape) -> VideoFrame:
    """A frame of the shape in which nothing is seen."""
    dark = VideoFrame.from_ndarray(np.zeros((target.height, target.width), np.uint8), format="gray")
    return dark.reformat(
        format=target.pixel_format,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG if target.full_range else ColorRange.MPEG,
    )
