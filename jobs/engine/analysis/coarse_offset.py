"""The rough offset of one recording in another, by cross-correlation of their envelopes: to a few hundredths of a
second, anywhere.

Windows of the shorter one are looked for in the whole of the longer one; the line on which most of the best offsets
lie wins, so that an overlap of a part is enough, and hours between the two starts do not matter.
"""

import dataclasses
import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis import ransac
from jobs.engine.analysis.band_envelope import STEPS_PER_SECOND, Envelope

Times = NDArray[np.float64]

MAXIMUM_WINDOW_STEPS = 20 * STEPS_PER_SECOND
MINIMUM_WINDOW_STEPS = 2 * STEPS_PER_SECOND
MAXIMUM_WINDOWS = 200
# Windows on which the first try is made: enough where the overlap is not a small part.
FEW_WINDOWS = 32
ENOUGH_AGREE = 6
# An envelope is sure to a step or two.
TOLERANCE_SECONDS = 0.06
# Below this part of a window's usual strength there is nothing to compare with.
MINIMUM_STRENGTH = 0.25


class ClockLine(NamedTuple):
    """other = offset + pace * own, in seconds."""

    offset: float
    pace: float

    def at(self, own: Times) -> Times:
        return self.offset + self.pace * own

    def inverse(self) -> "ClockLine":
        return ClockLine(-self.offset / self.pace, 1 / self.pace)


def rough_line(own: Envelope, other: Envelope, *, maximum_drift: float) -> ClockLine:
    """The line from the one's seconds to the other's that most windows vote for, right or not. Both must have steps."""
    if len(own) > len(other):
        return rough_line(other, own, maximum_drift=maximum_drift).inverse()
    length = min(MAXIMUM_WINDOW_STEPS, max(MINIMUM_WINDOW_STEPS, len(own) // 4), len(own))
    search = _Search(other, length)
    for count in (FEW_WINDOWS, MAXIMUM_WINDOWS):
        starts = np.unique(np.linspace(0, len(own) - length, count).astype(int))
        matches = [search.best(own[start : start + length]) for start in starts]
        offsets, weights = np.array(matches).T
        own_seconds, lag = starts / STEPS_PER_SECOND, (offsets - starts) / STEPS_PER_SECOND
        vote = ransac.line(own_seconds, lag, weights, tolerance=TOLERANCE_SECONDS, maximum_slope=maximum_drift)
        if int(vote.agree.sum()) >= ENOUGH_AGREE or len(starts) < count:
            break
    return ClockLine(vote.offset, 1 + vote.slope)


class _Search:
    """Windows of one length, looked for in one envelope; they may stick out over its ends by half."""

    def __init__(self, envelope: Envelope, length: int) -> None:
        self._margin = length // 2
        padded = np.pad(envelope, ((self._margin, self._margin), (0, 0)))
        self._offsets = len(padded) - length + 1
        self._size = 1 << (len(padded) - 1).bit_length()
        self._spectrum = np.fft.rfft(padded, self._size, axis=0)
        energy = np.concatenate(([0.0], np.cumsum(np.sum(padded * padded, axis=1, dtype=np.float64))))
        there = energy[length:] - energy[: self._offsets]
        # Where a window sticks out, or there is next to no audio, little that fits must not count for much.
        self._strength = np.sqrt(np.maximum(there, MINIMUM_STRENGTH * max(float(np.median(there)), 1e-6)))

    def best(self, window: Envelope) -> tuple[float, float]:
        """The step at which the window begins where it fits best, and its likeness there, 0 to 1."""
        product = self._spectrum * np.conj(np.fft.rfft(window, self._size, axis=0))
        fits = np.fft.irfft(product.sum(axis=1), self._size)[: self._offsets] / self._strength
        offset_steps = int(np.argmax(fits))
        strength = float(np.sqrt(np.sum(window * window)))
        return float(offset_steps - self._margin), max(0.0, float(fits[offset_steps]) / max(strength, 1e-6))


@dataclasses.dataclass(frozen=True, eq=False)
class ComparisonWindows:
    """Where to compare: windows of `seconds` from each of `starts` on; `begin` to `end` is the whole overlap.

    All are seconds of the first recording.
    """

    starts: Times
    seconds: float
    begin: float
    end: float


def most_similar_windows(
    own: Envelope, other: Envelope, line: ClockLine, *, maximum_seconds: float, minimum_count: int, maximum_count: int
) -> ComparisonWindows:
    """The windows in which the two have most in common if `line` is right: one in each equal part of the overlap.

    They are `maximum_seconds` long, or shorter for there to be `minimum_count`; where nothing overlaps, there are none.
    """
    there = np.rint(line.at(np.arange(len(own)) / STEPS_PER_SECOND) * STEPS_PER_SECOND).astype(int)
    inside = np.flatnonzero((there >= 0) & (there < len(other)))
    first, last = (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)
    length = min(round(maximum_seconds * STEPS_PER_SECOND), (last - first) // minimum_count)
    common = np.sum(own[first:last] * other[there[first:last]], axis=1)
    total = np.concatenate(([0.0], np.cumsum(common, dtype=np.float64)))
    # No two share any audio: they are to witness each by itself.
    parts = min(maximum_count, len(common) // length) if length else 0
    best = []
    for low, high in itertools.pairwise(np.linspace(0, len(common), parts + 1).astype(int)):
        likeness = total[low + length : high + 1] - total[low : high + 1 - length]
        best.append(first + low + int(np.argmax(likeness)))
    steps = STEPS_PER_SECOND
    return ComparisonWindows(np.array(best, float) / steps, length / steps, first / steps, last / steps)
