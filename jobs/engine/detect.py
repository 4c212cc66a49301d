"""Where there is something worth keeping: stretches of time, from levels or from voice.

A stretch is found by what is surely sound and begins and ends where that fades away, so that a word that starts softly
and one that trails off are whole (hysteresis). With h for surely sound, s for what may belong to it and . for silence:

    what was measured      . s . s s h h h s h s s s s . . . s s . .
    found, `clips`         . . . . . # # # . # . . . . . . . . . . .
    with its soft edges    . . . # # # # # # # # # # # . . . . . . .
"""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jobs.engine.levels import STEP, Levels, auto_thresholds
from jobs.engine.voice import WINDOW, Voice

Range = tuple[Fraction, Fraction]
"""From the first instant, included, to the second, excluded, in seconds after the recording's start."""
Run = tuple[int, int]
"""The first place of a row of values, and the one after the last."""

# How far a soft edge reaches at most: softer stretches than that are not the end of a word.
REACH = Fraction(2, 5)
# Probabilities of voice: what is one beyond doubt, and what may belong to it. Silero's own tools begin at 0.5, which
# loses some short words in noise; none of the noises tried here reaches 0.4.
SURELY_VOICE = 0.4
MAYBE_VOICE = 0.15
# A hiss or a stop inside a word has no voice for so long.
WITHIN_WORD = Fraction(3, 10)


@dataclasses.dataclass(frozen=True)
class Found:
    """`clips` are ordered and disjoint. `begins` and `ends` move edges of clips outwards, to where they fade away.

    `threshold_db` is the level that was used; None for voice.
    """

    clips: list[Range]
    begins: Mapping[Fraction, Fraction] = dataclasses.field(default_factory=dict)
    ends: Mapping[Fraction, Fraction] = dataclasses.field(default_factory=dict)
    threshold_db: float | None = None

    def softened(self, clips: Iterable[Range]) -> list[Range]:
        """Clips that were made of the found ones, from where they fade in to where they have faded out."""
        return [(self.begins.get(start, start), self.ends.get(end, end)) for start, end in clips]


def loud(levels: Levels, threshold_db: float | Literal["auto"]) -> Found:
    """Runs of steps at the threshold or above it. Only "auto" knows soft edges: a given level is the border itself."""
    if threshold_db == "auto":
        threshold, soft = auto_thresholds(levels)
    else:
        threshold = soft = float(threshold_db)
    if threshold == -np.inf:
        return Found([], threshold_db=threshold)
    found = _found(levels.db, runs_of(levels.db >= threshold), soft, STEP, levels.duration)
    return dataclasses.replace(found, threshold_db=threshold)


def voiced(voice: Voice) -> Found:
    """Runs of windows that surely are voice, with those around them that may be."""
    probability = whole_words(voice.probability)
    return _found(probability, runs_of(probability >= SURELY_VOICE), MAYBE_VOICE, WINDOW, voice.duration)


def whole_words(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of voice without the dips inside words."""
    filled = probability.copy()
    runs = runs_of(probability >= SURELY_VOICE)
    for (_, end), (start, _) in itertools.pairwise(runs):
        if start - end <= WITHIN_WORD / WINDOW:
            filled[end:start] = SURELY_VOICE
    return filled


def _found(values: NDArray[np.float32], runs: list[Run], soft: float, step: Fraction, duration: Fraction) -> Found:
    """Runs of values as stretches of time with edges down to `soft`; the end of the sound may cut the last short."""
    softened = grown(values, runs, soft, int(REACH / step))

    def time(place: int) -> Fraction:
        return min(place * step, duration)

    clips = [(time(start), time(end)) for start, end in runs]
    begins, ends = {}, {}
    for run, soft_run, (start, end) in zip(runs, softened, clips, strict=True):
        if soft_run[0] < run[0]:
            begins[start] = time(soft_run[0])
        if soft_run[1] > run[1]:
            ends[end] = time(soft_run[1])
    return Found(clips, begins, ends)


def runs_of(mask: NDArray[np.bool_]) -> list[Run]:
    """Where a mask is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def grown(values: NDArray[np.float32], runs: Sequence[Run], least: float, reach: int) -> list[Run]:
    """Runs made longer on either side by up to `reach` places, as long as the values there are `least` or above."""
    if not runs:
        return []
    starts, ends = np.array(runs).T
    places = np.arange(len(values))
    below = values < least
    # Up to each place the last value below; from each place on the first one.
    last = np.maximum.accumulate(np.where(below, places, -1))
    first = np.minimum.accumulate(np.where(below, places, len(values))[::-1])[::-1]
    before = np.concatenate(([-1], last))[starts] + 1
    after = np.concatenate((first, [len(values)]))[ends]
    begins, stops = np.maximum(before, starts - reach), np.minimum(after, ends + reach)
    return list(zip(begins.tolist(), stops.tolist(), strict=True))
