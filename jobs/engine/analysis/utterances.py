"""Where somebody speaks, in utterances short enough for a recogniser, parted where the speaker pauses."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis import activity
from jobs.engine.analysis.activity import Range
from jobs.engine.analysis.vad import WINDOW, Voice

PADDING_SECONDS = Fraction(1, 5)
"""Seconds of audio left around speech: recognisers want to hear it begin and end."""


def utterances(voice: Voice, *, maximum: Fraction, pause: Fraction) -> list[Range]:
    """Ranges in seconds, ordered, disjoint, none longer than `maximum`, that hold all speech.

    They are parted at pauses of `pause` or more. One that is too long is parted where it sounds least like speech,
    late in the time that it may have.
    """
    speech = activity.voice_activity(voice)
    merged: list[Range] = []
    for start, end in speech.softened(speech.clips):
        begin, until = max(Fraction(0), start - PADDING_SECONDS), min(voice.duration, end + PADDING_SECONDS)
        if merged and begin - merged[-1][1] < pause - 2 * PADDING_SECONDS:
            merged[-1] = merged[-1][0], until
        elif begin < until:
            # Where pauses are short, what is left around two neighbours meets between them.
            merged.append((max(begin, merged[-1][1]) if merged else begin, until))
    return [part for one in merged for part in _parted(one, voice.probability, maximum)]


def packed(ranges: Sequence[Range], *, maximum: Fraction, pause: Fraction) -> list[Range]:
    """Neighbours taken together, with the pause between, as long as that is at most `pause`: context helps to hear."""
    packed_ranges: list[Range] = []
    for start, end in ranges:
        if packed_ranges and start - packed_ranges[-1][1] <= pause and end - packed_ranges[-1][0] <= maximum:
            packed_ranges[-1] = packed_ranges[-1][0], end
        else:
            packed_ranges.append((start, end))
    return packed_ranges


def _parted(one: Range, probability: NDArray[np.float32], maximum: Fraction) -> list[Range]:
    start, end = one
    parts = []
    while end - start > maximum:
        first, last = int((start + maximum / 2) / WINDOW), int((start + maximum) / WINDOW)
        here = probability[first:last]
        at = (first + int(np.argmin(here))) * WINDOW if len(here) else start + maximum
        parts.append((start, at))
        start = at
    return [*parts, (start, end)]
