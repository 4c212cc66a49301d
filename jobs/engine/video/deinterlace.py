"""Progressive frames out of those whose odd and even rows were taken one after the other (interlaced)."""

import contextlib
from collections.abc import Iterable, Iterator

from av.filter import Graph
from av.video.frame import VideoFrame

BWDIF = "bwdif"
# One frame for one, at the time of its first half.
ONE_FOR_ONE = "mode=send_frame"


def deinterlaced(frames: Iterable[VideoFrame], *, alone: bool) -> Iterator[VideoFrame]:
    """Each frame at its time; those that say they are interlaced are made whole by means of their neighbours.

    Costs nothing until there is such a one. `alone`: no other work keeps the cores busy.
    """
    filtering: Deinterlacer | None = None
    for frame in frames:
        if filtering and not filtering.fits(frame):
            yield from filtering.finish()
            filtering = None
        if filtering is None and frame.interlaced_frame and frame.pts is not None:
            filtering = Deinterlacer(frame, alone=alone)
        yield from filtering.take(frame) if filtering else [frame]
    if filtering:
        yield from filtering.finish()


class Deinterlacer:
    """A filter for frames like this one. It gives out each when it has the one after it."""

    def __init__(self, frame: VideoFrame, *, alone: bool) -> None:
        self._like = _shape(frame)
        self._clock = frame.time_base
        self._graph = Graph()
        self._graph.threads = 0 if alone else 1
        self._graph.link_nodes(
            self._graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            ),
            self._graph.add(BWDIF, f"{ONE_FOR_ONE}:deint=interlaced"),
            self._graph.add("buffersink"),
        ).configure()

    def fits(self, frame: VideoFrame) -> bool:
        return _shape(frame) == self._like

    def take(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        # Nobody could tell when it is shown.
        if frame.pts is not None:
            self._graph.vpush(frame)
            yield from self._made()

    def finish(self) -> Iterator[VideoFrame]:
        self._graph.vpush(None)
        yield from self._made()

    def _made(self) -> Iterator[VideoFrame]:
        with contextlib.suppress(BlockingIOError, EOFError):
            while True:
                made = self._graph.vpull()
                # The filter counts halves of frames.
                assert made.pts is not None
                made.pts, made.time_base = made.pts // 2, self._clock
                yield made


def _shape(frame: VideoFrame) -> tuple[str, int, int]:
    return frame.format.name, frame.width, frame.height
