"""Frames turned upright, for containers that cannot say which way is up."""

from av.filter import Graph
from av.video.frame import VideoFrame

from jobs.engine.model.mediainfo import VideoTrack

FILTERS = {90: ("transpose=clock",), 180: ("hflip", "vflip"), 270: ("transpose=cclock",)}
"""By clockwise degrees."""


class Turner:
    """Turns and mirrors a track's frames, one at a time, so that they are stored as they are seen."""

    def __init__(self, track: VideoTrack) -> None:
        self._filters = (*FILTERS.get(track.rotation, ()), *(("hflip",) if track.mirrored else ()))
        self._graph: Graph | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        if not self._filters:
            return frame
        if self._graph is None:
            self._graph = self._made(frame)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _made(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        graph.link_nodes(
            graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base),
            *(graph.add(*one.split("=")) for one in self._filters),
            graph.add("buffersink"),
        ).configure()
        return graph
