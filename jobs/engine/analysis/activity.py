"""Where there is something worth keeping: stretches of time, from levels or from voice.

A stretch is found by what is surely sound and begins and ends where that fades away, so that a word that starts softly
and one that trails off are whole (hysteresis). With h for surely sound, s for what may belong to it and . for silence:

    what was measured      . s . s s h h h s h s s s s . . . s s . .
    found, `clips`         . . . . . # # # . # . . . . . . . . . . .
    with its soft edges    . . . # # # # # # # # # # # . . . . . . .
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis.peak_levels import STEP, Levels, auto_thresholds
from jobs.engine.analysis.vad import WINDOW, Voice

Range = tuple[Fraction, Fraction]
"""From the first instant, included, to the second, excluded, in seconds after the recording's start."""
Run = tuple[int, int]
"""The first place of a row of values, and the one after the last."""

# How far a soft edge reaches at most: softer stretches than that are not the end of a word.
MAXIMUM_SOFT_EDGE_SECONDS = Fraction(2, 5)
# Probabilities of voice: what is one beyond doubt, and what may belong to it. Silero's own tools begin at 0.5, which
# loses some short words in noise; none of the noises tried here reaches 0.4. The model is slow to believe in a word
# that begins softly, and quick to see that one is over: such beginnings stay at 0.03, pauses at about 0.002.
SURELY_VOICE = 0.4
MAYBE_VOICE_BEFORE = 0.02
MAYBE_VOICE_AFTER = 0.15
# What may be a voice is one when so soon after it somebody surely speaks: pauses hardly ever reach that.
LEAD_IN_SECONDS = Fraction(7, 10)
# A hiss or a stop inside a word has no voice for so long.
WITHIN_WORD_SECONDS = Fraction(3, 10)


@dataclasses.dataclass(frozen=True)
class Activity:
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

    def length_of(self, clip: Range) -> Fraction:
        """How long a clip is, to be told from a click: what may be voice around what surely is makes a soft word."""
        ((start, end),) = self.softened([clip]) if self.threshold_db is None else [clip]
        return end - start


def loud_activity(levels: Levels, threshold_db: float | Literal["auto"]) -> Activity:
    """Runs of steps at the threshold or above it. Only "auto" knows soft edges: a given level is the border itself."""
    if threshold_db == "auto":
        threshold, soft = auto_thresholds(levels)
    else:
        threshold = soft = float(threshold_db)
    if threshold == -np.inf:
        return Activity([], threshold_db=threshold)
    activity = _activity(levels.db, runs_of(levels.db >= threshold), soft, soft, STEP, levels.duration)
    return dataclasses.replace(activity, threshold_db=threshold)


def voice_activity(voice: Voice) -> Activity:
    """Runs of windows that surely are voice, with those around them that may be."""
    probability = whole_words(voice.probability)
    runs = runs_of(probability >= SURELY_VOICE)
    return _activity(probability, runs, MAYBE_VOICE_BEFORE, MAYBE_VOICE_AFTER, WINDOW, voice.duration)


def whole_words(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of voice without the dips inside words, and after soft words that lead up to others."""
    filled = probability.copy()
    ended = -len(filled)
    for start, end in runs_of(probability >= SURELY_VOICE):
        first = max(0, ended, start - int(LEAD_IN_SECONDS / WINDOW))
        suspected = np.flatnonzero(probability[first:start] >= MAYBE_VOICE_AFTER)
        if start - ended <= WITHIN_WORD_SECONDS / WINDOW:
            filled[ended:start] = SURELY_VOICE
        elif len(suspected):
            filled[first + suspected[0] : start] = SURELY_VOICE
        ended = end
    return filled


def _activity(
    values: NDArray[np.float32], runs: list[Run], before: float, after: float, step: Fraction, duration: Fraction
) -> Activity:
    """Runs of values as stretches of time with edges as `grown` finds them; the sound's end may cut the last short."""
    softened = grown(values, runs, before, after, int(MAXIMUM_SOFT_EDGE_SECONDS / step))

    def time(index: int) -> Fraction:
        return min(index * step, duration)

    clips = [(time(start), time(end)) for start, end in runs]
    begins, ends = {}, {}
    for run, soft_run, (start, end) in zip(runs, softened, clips, strict=True):
        if soft_run[0] < run[0]:
            begins[start] = time(soft_run[0])
        if soft_run[1] > run[1]:
            ends[end] = time(soft_run[1])
    return Activity(clips, begins, ends)


def runs_of(mask: NDArray[np.bool_]) -> list[Run]:
    """Where a mask is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def grown(
    values: NDArray[np.float32], runs: Sequence[Run], before: float, after: float, maximum_steps: int
) -> list[Run]:
    """Runs made longer by up to `maximum_steps`, back while values are `before` or above, on while they are `after`."""
    if not runs:
        return []
    starts, ends = np.array(runs).T
    indexes = np.arange(len(values))
    # Up to each place the last value below; from each place on the first one.
    last = np.maximum.accumulate(np.where(values < before, indexes, -1))
    first = np.minimum.accumulate(np.where(values < after, indexes, len(values))[::-1])[::-1]
    begins = np.maximum(np.concatenate(([-1], last))[starts] + 1, starts - maximum_steps)
    stops = np.minimum(np.concatenate((first, [len(values)]))[ends], ends + maximum_steps)
    return list(zip(begins.tolist(), stops.tolist(), strict=True))
