"""Time stretching by WSOLA: audio runs faster or slower with its pitch kept, to an exact length, to the very first and
last sample.

Short pieces follow each other, each faded into the next; and each is taken from where it goes on best from the one
before, near to where it belongs (W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity
(WSOLA) for high quality time-scale modification of speech", ICASSP 1993). Played faster, the source is left out
between the pieces; played slower, they overlap in it, and some of it is heard again:

    source    [ piece ]-----[ piece ]------[ piece ]----[ piece ]
    result    [ piece ][ piece ][ piece ]      each sample is a mix of two neighbours

Both ends are the source's own, so that what sounds before and after at its own speed goes on without a seam. Nothing
sounds further from its position than half a piece and, divided by the speed, the reach of the search: 9 ms at
most where it runs faster, and where it runs slower 5 ms and 6 ms of the source.
ffmpeg's atempo was measured before: up to 14 ms from its position, up to 20 ms too long or short, and at some speeds an
assertion in it ends the process.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio.sample_clock import Samples

HOP_SECONDS = 0.010
# Half a period of the lowest hum, so that there is always an offset at which it goes on.
SEARCH_SECONDS = 0.010
# Played slower, all of that would be as a shift in the result. Half a period of a low voice.
SLOWER_SEARCH_SECONDS = 0.006
# The search goes in steps of such a rate first.
COARSE_SEARCH_HZ = 12_000
BLOCK_HOPS = 100
MINIMUM_ENERGY = 1e-12


class SampleSource(Protocol):
    """Samples by their position, in rising order; silence after the end."""

    def read(self, start: int, count: int) -> Samples: ...


def stretched(source: SampleSource, start: int, count: int, lasts: int, rate: int) -> Iterator[Samples]:
    """`lasts` samples, in blocks, made of the `count` from `start` on."""
    if not lasts:
        return
    if count < 2:
        # There is nothing to go on to.
        held = source.read(start, count)
        yield np.concatenate([held, np.zeros((lasts, held.shape[1]), np.float32)])[:lasts]
        return
    hops = _hops(count, lasts, rate)
    edges = [lasts * number // hops for number in range(hops + 1)]
    window = SlidingWindow(source, start)
    search = round((SEARCH_SECONDS if lasts <= count else SLOWER_SEARCH_SECONDS) * rate)
    fading = window.read(0, edges[1])
    made: list[Samples] = []
    for begin, edge, end in zip(edges, edges[1:], [*edges[2:], lasts], strict=False):
        length, follows = edge - begin, end - edge
        low = high = count
        if follows:
            ideal = count * edge // lasts
            low = min(max(length, ideal - search), count - follows)
            high = max(low, min(count - follows, ideal + search))
        around = window.read(low - length, high + follows)
        offset = best_offset(fading, around[: high - low + length], max(1, rate // COARSE_SEARCH_HZ))
        made.append(cross_faded(fading, around[offset : offset + length]))
        fading = around[offset + length : offset + length + follows]
        if len(made) == BLOCK_HOPS:
            yield np.concatenate(made)
            made.clear()
    if made:
        yield np.concatenate(made)


def _hops(count: int, lasts: int, rate: int) -> int:
    """How many pieces there are. Played slower, two of them fit into the source, so that one can go on to the other."""
    usual = max(1, round(lasts / (HOP_SECONDS * rate)))
    return usual if lasts <= count else max(usual, -(-lasts // (count // 2)))


class SlidingWindow:
    """Samples in front of a position that only moves on: some of them are looked at more than once."""

    def __init__(self, source: SampleSource, start: int) -> None:
        self._source = source
        self._start = start
        self._held = source.read(start, 0)
        self._from = 0

    def read(self, begin: int, end: int) -> Samples:
        """Samples from `begin` to `end` after the start; `begin` may fall by one, by which pieces differ."""
        first = max(self._from, begin - 1)
        held = self._held[first - self._from :]
        self._from = first
        here = first + len(held)
        if end > here:
            held = np.concatenate([held, self._source.read(self._start + here, end - here)])
        self._held = held
        return held[begin - first : end - first]


def best_offset(piece: Samples, around: Samples, coarse: int) -> int:
    """Where in `around` it sounds most like `piece`: in steps of `coarse` samples first, then to the sample.

    In the middle where there is nothing to go by.
    """
    room = len(around) - len(piece)
    wanted, there = piece.mean(axis=1), around.mean(axis=1)
    steps = _normalized_correlation(_coarser(wanted, coarse), _coarser(there, coarse))
    if not len(steps) or steps.max() <= 0:
        return room // 2
    near = int(steps.argmax()) * coarse
    first, last = max(0, near - coarse), min(room, near + coarse)
    return first + int(_normalized_correlation(wanted, there[first : last + len(piece)]).argmax())


def _coarser(samples: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    return samples[: len(samples) // step * step].reshape(-1, step).mean(axis=1)


def _normalized_correlation(piece: NDArray[np.float32], around: NDArray[np.float32]) -> NDArray[np.float64]:
    """-1 to 1 for each offset at which the piece can lie."""
    if not 0 < len(piece) <= len(around):
        return np.empty(0)
    energy = np.concatenate(([0.0], np.cumsum(np.square(around, dtype=np.float64))))
    energies = np.maximum(energy[len(piece) :] - energy[: len(energy) - len(piece)], MINIMUM_ENERGY)
    own = max(float(np.dot(piece, piece)), MINIMUM_ENERGY)
    return np.asarray(np.correlate(around, piece, "valid") / np.sqrt(energies * own))


def cross_faded(fading: Samples, rising: Samples) -> Samples:
    """One faded into the other, as loud as both are: their likeness tells how much of them adds up."""
    share = (np.arange(len(fading), dtype=np.float32)[:, None] + 0.5) / len(fading)
    rise = np.sin(share * (np.pi / 2)) ** 2
    fall = 1 - rise
    norms = max(float(np.linalg.norm(fading)) * float(np.linalg.norm(rising)), MINIMUM_ENERGY)
    alike = min(1.0, max(0.0, float(np.vdot(fading, rising)) / norms))
    power = fall**2 + rise**2 + 2 * alike * fall * rise
    return ((fading * fall + rising * rise) / np.sqrt(power)).astype(np.float32)
