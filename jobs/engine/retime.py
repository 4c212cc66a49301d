"""Sound as a clock of another pace would have taken it: resampling by a ratio that is next to one.

libswresample takes whole rates only, but any: rates a thousand times too high tell a ratio to a 48 millionth, which is
0.3 ms in four hours. Between the phases of its filter it interpolates.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from jobs.engine.placed import LAYOUTS, Samples

FINE_RATE = 48_000_000


def retimed(blocks: Iterable[Samples], pace: float, channels: int) -> Iterator[Samples]:
    """Sample n of the result is what lies at n * `pace` of the blocks, taken one after the other."""
    rate = round(FINE_RATE * pace)
    graph = Graph()
    begin = graph.add_abuffer(sample_rate=rate, format="flt", layout=LAYOUTS[channels], time_base=Fraction(1, rate))
    resample = graph.add("aresample", f"{FINE_RATE}:osf=flt:linear_interp=1")
    graph.link_nodes(begin, resample, graph.add("abuffersink")).configure()
    place = 0
    for block in blocks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block).reshape(1, -1), "flt", LAYOUTS[channels])
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), place
        place += len(block)
        graph.push(frame)
        yield from _ready(graph, channels)
    graph.push(None)
    yield from _ready(graph, channels)


def _ready(graph: Graph, channels: int) -> Iterator[Samples]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, AudioFrame)
        yield frame.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False)
