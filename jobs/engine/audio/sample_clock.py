"""Decoded audio at its position on the clock, with its gaps, in large blocks of one rate and layout.

Frames that follow each other go through one chain of libavfilter's (`aresample`, `asetnsamples`), so that Python looks
at each frame but touches no sample: the audio of an hour takes two seconds.
"""

import contextlib
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from jobs.engine.model.audio_layout import HOLE_SECONDS, LAYOUTS

Samples = NDArray[np.float32]
"""Shape (samples, channels); 1.0 is full scale, and lossy codecs go beyond it."""
Positioned = tuple[int, Samples]
"""How many samples after time stamp zero the first of these sounds."""


def samples_of(frame: AudioFrame | VideoFrame) -> Samples:
    """The samples of a frame that came out of a filter as packed floats.

    None but these become arrays: PyAV counts planes up to an empty pointer, and eight channels or more in planes have
    none. It would read on into memory that is not the frame's.
    """
    if not isinstance(frame, AudioFrame) or frame.format.name != "flt":
        raise ValueError(f"{frame.format.name} instead of packed floats")
    return frame.to_ndarray().reshape(-1, frame.layout.nb_channels).astype(np.float32, copy=False)


def positioned(frames: Iterable[AudioFrame], rate: int, channels: int, *, block: int) -> Iterator[Positioned]:
    """The audio of frames in rising order, in blocks of `block` samples, fewer before a gap and at the end.

    Time stamps tell where audio begins, at the start and after each gap; between, samples follow each other. Where
    frames go back in time, so do the positions.
    """
    run: GaplessRun | None = None
    for frame in frames:
        if run is None or not run.continues_with(frame):
            if run:
                yield from run.flush()
            run = GaplessRun(frame, run.end_seconds if run else 0.0, rate, channels, block)
        yield from run.push(frame)
    if run:
        yield from run.flush()


class GaplessRun:
    """Frames without a gap between them."""

    def __init__(self, frame: AudioFrame, begins: float, rate: int, channels: int, block: int) -> None:
        """`begins` is the time in seconds of a first frame that does not tell its own."""
        self._sample_format = _sample_format(frame)
        self._tick = float(frame.time_base or 0)
        self._begin = begins if frame.pts is None else frame.pts * self._tick
        self._position = round(self._begin * rate)
        self._count = 0
        self._channels = channels
        self._block = block
        self._waiting = 0
        self._graph = _graph(frame, rate, channels, block)

    @property
    def end_seconds(self) -> float:
        """When the frames so far have ended, in seconds."""
        return self._begin + self._count / self._sample_format[0]

    def continues_with(self, frame: AudioFrame) -> bool:
        near = frame.pts is None or abs(frame.pts * self._tick - self.end_seconds) <= HOLE_SECONDS
        return near and self._sample_format == _sample_format(frame)

    def push(self, frame: AudioFrame) -> Iterator[Positioned]:
        self._graph.push(frame)
        self._count += frame.samples
        self._waiting += frame.samples
        # Asking in vain costs more than a frame.
        if self._waiting >= self._block:
            self._waiting = 0
            yield from self._ready()

    def flush(self) -> Iterator[Positioned]:
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[Positioned]:
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                samples = samples_of(self._graph.pull())
                yield self._position, samples
                self._position += len(samples)


def _sample_format(frame: AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.format.name, frame.layout.name


def _graph(frame: AudioFrame, rate: int, channels: int, block: int) -> Graph:
    graph = Graph()
    count = frame.layout.nb_channels
    # Some files tell how many channels there are, but not which.
    layout = {"channels": count} if frame.layout.name == f"{count} channels" else {"layout": frame.layout.name}
    begin = graph.add_abuffer(
        sample_rate=frame.sample_rate,
        format=frame.format.name,
        time_base=Fraction(1, frame.sample_rate),
        **layout,
    )
    graph.link_nodes(
        begin,
        graph.add("aresample", f"{rate}:osf=flt:ochl={LAYOUTS[channels]}"),
        graph.add("asetnsamples", f"{block}:pad=0"),
        graph.add("abuffersink"),
    ).configure()
    return graph
