"""Where somebody speaks, in stretches short enough for a recogniser, parted where the speaker pauses."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis import activity
from jobs.engine.analysis.activity import Range
from jobs.engine.analysis.vad import WINDOW, Voice

AROUND = Fraction(1, 5)
"""Seconds of sound left around speech: recognisers want to hear it begin and end."""


def stretches(voice: Voice, *, longest: Fraction, pause: Fraction) -> list[Range]:
    """Ranges in seconds, ordered, disjoint, none longer than `longest`, that hold all speech.

    They are parted at pauses of `pause` or more. One that is too long is parted where it sounds least like speech,
    late in the time that it may have.
    """
    found = activity.voiced(voice)
    joined: list[Range] = []
    for start, end in found.softened(found.clips):
        begin, until = max(Fraction(0), start - AROUND), min(voice.duration, end + AROUND)
        if joined and begin - joined[-1][1] < pause - 2 * AROUND:
            joined[-1] = joined[-1][0], until
        elif begin < until:
            # Where pauses are short, what is left around two neighbours meets between them.
            joined.append((max(begin, joined[-1][1]) if joined else begin, until))
    return [part for one in joined for part in _parted(one, voice.probability, longest)]


def packed(ranges: Sequence[Range], *, longest: Fraction, pause: Fraction) -> list[Range]:
    """Neighbours taken together, with the pause between, as long as that is at most `pause`: context helps to hear."""
    found: list[Range] = []
    for start, end in ranges:
        if found and start - found[-1][1] <= pause and end - found[-1][0] <= longest:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


def _parted(one: Range, probability: NDArray[np.float32], longest: Fraction) -> list[Range]:
    start, end = one
    parts = []
    while end - start > longest:
        first, last = int((start + longest / 2) / WINDOW), int((start + longest) / WINDOW)
        here = probability[first:last]
        at = (first + int(np.argmin(here))) * WINDOW if len(here) else start + longest
        parts.append((start, at))
        start = at
    return [*parts, (start, end)]
