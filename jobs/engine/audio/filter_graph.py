"""Samples through a chain of libavfilter's filters, block by block, in this process."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

from jobs.engine.audio.sample_clock import Samples, samples_of
from jobs.engine.model.audio_layout import LAYOUTS


class FilterChain:
    """Filters such as "highpass=f=80", one after the other. `rate` is what goes in, in Hz."""

    def __init__(self, filters: Sequence[str], rate: int, channels: int) -> None:
        self._rate, self._channels = rate, channels
        self._graph = Graph()
        self._position = 0
        begin = self._graph.add_abuffer(
            sample_rate=rate, format="flt", layout=LAYOUTS[channels], time_base=Fraction(1, rate)
        )
        shape = f"aformat=sample_fmts=flt:channel_layouts={LAYOUTS[channels]}"
        self._filters = [self._graph.add(*one.split("=", 1)) for one in (*filters, shape)]
        self._graph.link_nodes(begin, *self._filters, self._graph.add("abuffersink")).configure()

    def filter(self, index: int) -> FilterContext:
        """One of the filters, to send it commands."""
        return self._filters[index]

    def push(self, block: Samples) -> Iterator[Samples]:
        """What comes out when a block goes in: more, less or nothing."""
        if not len(block):
            return
        flat = np.ascontiguousarray(block, np.float32).reshape(1, -1)
        frame = AudioFrame.from_ndarray(flat, "flt", LAYOUTS[self._channels])
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._position
        self._position += len(block)
        self._graph.push(frame)
        yield from self._ready()

    def flush(self) -> Iterator[Samples]:
        """What is left in the filters at the end."""
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[Samples]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield samples_of(frame)


def filtered(blocks: Iterable[Samples], filters: Sequence[str], rate: int, channels: int) -> Iterator[Samples]:
    """All blocks through the filters."""
    if not filters:
        yield from blocks
        return
    chain = FilterChain(filters, rate, channels)
    for block in blocks:
        yield from chain.push(block)
    yield from chain.flush()
