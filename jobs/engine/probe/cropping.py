"""Edges that a container says are not to be seen: Matroska's PixelCrop, the `clap` of MP4.

ffmpeg leaves them out by itself; libavcodec, and so PyAV, does not.
"""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.error
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.model.mediainfo import ContainerCrop

MASTER_ELEMENTS = {0x18538067, 0x1654AE6B, 0xAE, 0xE0}
"""Of the sizes of a frame: Segment, Tracks, TrackEntry, Video."""
CROP_ELEMENTS = {0x54CC: "left", 0x54BB: "top", 0x54DD: "right", 0x54AA: "bottom"}


def container_crop(stream: VideoStream) -> ContainerCrop:
    """What the container of a stream takes off the edges of its frames."""
    # PyAV keeps what libavformat found to itself, but hands it on: to a header in a form that is easy to read.
    header = io.BytesIO()
    try:
        with av.open(header, "w", format="matroska") as container:
            container.add_stream_from_template(stream, opaque=True)
            container.start_encoding()
            written = header.getvalue()
    except (av.error.FFmpegError, ValueError):
        # Nothing that Matroska can hold.
        return ContainerCrop()
    return ContainerCrop(**dict(_edges(written, 0, len(written))))


def _edges(data: bytes, begin: int, end: int) -> Iterator[tuple[str, int]]:
    """What is said of edges in the elements between two offsets."""
    while begin < end:
        name, begin = _vint(data, begin, keep=True)
        size, begin = _vint(data, begin, keep=False)
        stop = min(begin + size, end)
        if name in MASTER_ELEMENTS:
            yield from _edges(data, begin, stop)
        elif name in CROP_ELEMENTS:
            yield CROP_ELEMENTS[name], int.from_bytes(data[begin:stop])
        begin = stop


def _vint(data: bytes, offset: int, *, keep: bool) -> tuple[int, int]:
    """A number of EBML and where it ends: its first bits tell its length, and belong to names alone."""
    length = 9 - data[offset].bit_length()
    number = int.from_bytes(data[offset : offset + length])
    return number if keep else number & ((1 << 7 * length) - 1), offset + length


class Cropper:
    """Takes the edges off frames, one after the other."""

    def __init__(self, crop: ContainerCrop) -> None:
        self._crop = crop
        self._graph: Graph | None = None
        self._like: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """A frame without its edges; one that is too small for that stays as it is."""
        if not self._crop.fits(frame.width, frame.height):
            return frame
        like = frame.width, frame.height, frame.format.name
        if self._graph is None or like != self._like:
            self._graph, self._like = self._made(frame), like
        clock = frame.time_base
        self._graph.vpush(frame)
        cropped = self._graph.vpull()
        if clock is not None:
            cropped.time_base = clock
        return cropped

    def _made(self, frame: VideoFrame) -> Graph:
        left, top, right, bottom = self._crop
        size = f"{frame.width - left - right}:{frame.height - top - bottom}:{left}:{top}"
        graph = Graph()
        graph.link_nodes(
            # Its clock is not looked at.
            graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1)
            ),
            graph.add("crop", f"{size}:exact=1"),
            graph.add("buffersink"),
        ).configure()
        return graph


def all_cropped(frames: Iterable[VideoFrame], crop: ContainerCrop) -> Iterator[VideoFrame]:
    """The frames without what their container crops."""
    return map(Cropper(crop), frames)
