"""Muting ranges of a stream of samples, which stays as long as it was."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from jobs.engine.audio.sample_clock import Samples

# Inside each muted range at either end, so that nothing outside it is touched.
FADE_SECONDS = Fraction(10, 1000)


def muted_blocks(blocks: Iterable[Samples], muted: Sequence[tuple[Fraction, Fraction]], rate: int) -> Iterator[Samples]:
    """The blocks of one stream from its start, silent in the ranges of seconds in `muted` (ordered and disjoint)."""
    positions, gains = envelope(muted, rate)
    position = 0
    for block in blocks:
        if len(positions):
            gain = np.interp(np.arange(position, position + len(block)), positions, gains)
            # In the middle of a fade half of the power is left.
            block = block * np.sin(gain * (np.pi / 2)).astype(np.float32)[:, None]
        position += len(block)
        yield block


def envelope(muted: Sequence[tuple[Fraction, Fraction]], rate: int) -> tuple[list[int], list[float]]:
    """Samples between which the gain goes in a straight line, and the gain at each."""
    positions: list[int] = []
    gains: list[float] = []
    for start, end in ((round(start * rate), round(end * rate)) for start, end in muted):
        fade = min(int(FADE_SECONDS * rate), (end - start) // 2)
        positions += [start, start + fade, end - fade, end]
        gains += [1.0, 0.0, 0.0, 1.0]
    return positions, gains
