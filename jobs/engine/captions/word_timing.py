"""When each word is said: a recogniser's rough times, refined against the levels of the audio.

Whisper places words by where its attention lies while it writes them (dynamic time warping over cross-attention, as
OpenAI's `timing.py` does). Its words meet each other, so that a pause belongs to one of them; they are a tenth to half
a second off; and some real words get no length at all. Pauses between words show in the levels, and there the edges go.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STEP_SECONDS = 0.01
AUDIBLE_DB = 35.0
"""A word ends where the level is so far below that of its loudest step."""
ABOVE_NOISE_DB = 6.0
"""Or where it comes so near to the noise, which the quietest tenth of the audio is."""
NOISE_SHARE = 0.1
MINIMUM_DIP_DB = 12.0
"""In loud noise a pause is at least so much softer than the words beside it."""
SILENT_DB = -90.0
FAR_SECONDS = 0.6
"""How far an edge may move."""
LONG_SECONDS = 0.4
"""A pause of this length is as good as any."""
LATER_COST, EARLIER_COST, CHANGE_COST, DISORDER_COST = 0.2, 0.5, 0.2, 20.0
"""In seconds of pause: for a second of shift to either side (attention runs ahead, hardly behind), for a second that a
border shifts more or less than the one before, and for a second that a word would lack."""
EARLY_SECONDS = 0.08
"""So much earlier than in the audio words meet each other where a recogniser has them (Whisper, on read English)."""
DIP_STEPS, SHALLOW_DB, DEEP_DB = 10, 4.0, 20.0
"""How far to either side a minimum of the level is compared, and which ones count."""
DIP_GAIN = 0.003
"""In seconds of pause for a dB of depth."""
RUMBLE_SECONDS = 0.0025
"""What is even over so long (below some 200 Hz) is taken away: in a room's rumble pauses would not show."""
MINIMUM_PAUSE_STEPS = 3
CLICK_SECONDS, STOP_SECONDS = 0.06, 0.15
"""A sound shorter than any word, between two pauses longer than a stop, belongs to neither."""
STACKED = 3
"""So many words without length at one instant are no words."""
SURE = 0.5
"""Confidence from which a word without length is one."""
SLIVER_SECONDS = 0.06
"""How long a word is that the recogniser gave no length."""


@dataclasses.dataclass(frozen=True)
class TimedWord:
    """`start` and `end` in seconds after the start of what was listened to; `text` begins with a space unless the word
    is glued to the one before; `confidence` from 0 to 1."""

    start: float
    end: float
    text: str
    confidence: float

    def at(self, start: float, end: float) -> "TimedWord":
        return dataclasses.replace(self, start=start, end=end)

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


Pause = tuple[float, float]


def timed(words: Sequence[TimedWord], samples: NDArray[np.int16], rate: int) -> list[TimedWord]:
    """The words of some audio with a length each, disjoint, their edges where the levels have them."""
    # Whisper's window is longer than most audio, and it may have words behind the end.
    end = len(samples) / rate
    inside = [word.at(min(word.start, end), min(word.end, end)) for word in words]
    return refined(with_lengths(inside), levels(samples, rate))


def levels(samples: NDArray[np.int16], rate: int) -> NDArray[np.float64]:
    """RMS in dBFS for each whole step, without rumble."""
    step, width = round(STEP_SECONDS * rate), round(RUMBLE_SECONDS * rate)
    if len(samples) < step:
        return np.zeros(0)
    plain = samples.astype(np.float64) / 32768
    plain -= np.convolve(plain, np.ones(width) / width, "same")
    steps = plain[: len(plain) // step * step].reshape(-1, step)
    return np.maximum(SILENT_DB, 10 * np.log10((steps**2).mean(axis=1) + 1e-12))


def with_lengths(words: Sequence[TimedWord]) -> list[TimedWord]:
    """A sliver for each word without length; those that are stacked at one instant or unsure go."""
    believed = []
    for _, group in itertools.groupby(words, key=lambda word: word.start if word.start >= word.end else None):
        here = list(group)
        if here[0].start < here[0].end or len(here) < STACKED:
            believed += [word for word in here if word.start < word.end or word.confidence >= SURE]
    for index, word in enumerate(believed):
        if word.end - word.start < SLIVER_SECONDS:
            _lend(believed, index)
    return [word for word in believed if word.start < word.end]


def _lend(words: list[TimedWord], index: int) -> None:
    """Make a word as long as a sliver, by the pause around it or by its longer neighbour."""
    word = words[index]
    before = words[index - 1] if index else TimedWord(0, 0, "", 1)
    after = words[index + 1] if index + 1 < len(words) else word.at(word.end, word.end + SLIVER_SECONDS)
    lacking = SLIVER_SECONDS - (word.end - word.start)
    start = max(before.end, word.start - lacking / 2)
    end = min(max(word.end, after.start), start + SLIVER_SECONDS)
    if (missing := SLIVER_SECONDS - (end - start)) > 0:
        if before.end - before.start >= after.end - after.start:
            start -= min(missing, (before.end - before.start) / 2)
        else:
            end += min(missing, (after.end - after.start) / 2)
    words[index] = word.at(start, end)
    if index and before.end > start:
        words[index - 1] = before.at(before.start, start)
    if index + 1 < len(words) and after.start < end:
        words[index + 1] = after.at(end, after.end)


def refined(words: Sequence[TimedWord], db: NDArray[np.float64]) -> list[TimedWord]:
    """Words whose edges lie at the pauses beside them, where the levels `db` (one a step) have one.

    Which pause belongs to which border between words is decided for all of them together (Viterbi): a long pause is
    likelier to be one than a short one, which may be a stop inside a word; borders move little; and neighbours move by
    about as much, since a recogniser is late or early for a while.
    """
    if not len(db) or not words:
        return list(words)
    borders = [_border(words, index, db) for index in range(len(words) + 1)]
    chosen = _best_path(borders)
    return _ordered(words, [one.end for one in chosen[:-1]], [one.start for one in chosen[1:]])


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a border between two words may lie: the first ends at `start`, the second begins at `end`.

    `shift` is how far that is from where the recogniser had it, in seconds, later positive; `gain` what speaks for it.
    """

    start: float
    end: float
    shift: float = 0.0
    gain: float = 0.0


def _border(words: Sequence[TimedWord], index: int, db: NDArray[np.float64]) -> list[Place]:
    """The places for the border before the word at `index`, in the order of time."""
    left = words[index - 1] if index else None
    right = words[index] if index < len(words) else None
    end = left.end if left else right.start if right else 0.0
    start = right.start if right else end
    start, end = max(start, end), min(start, end)
    if start == end:
        start = end = start + EARLY_SECONDS
    low, high = max(0.0, end - FAR_SECONDS), min(len(db) * STEP_SECONDS, start + FAR_SECONDS)
    pauses = pauses_between(db, _threshold(db, left, right), low, high)
    within = [pause for pause in pauses if pause[0] < start and pause[1] > end]
    if len(within) > 1:
        # What is heard between two pauses that the recogniser took for one is a breath or a noise.
        pauses = [pause for pause in pauses if pause not in within] + [(within[0][0], within[-1][1])]
    gains = [((first, last), min(LONG_SECONDS, last - first)) for first, last in pauses]
    gains += [((time, time), DIP_GAIN * depth) for time, depth in dips(db, low, high)]
    places = [Place(end, start)]
    for (first, last), gain in gains:
        shift = max(0.0, first - start) + min(0.0, last - end)
        places.append(Place(first, last, shift, gain - LATER_COST * max(0.0, shift) + EARLIER_COST * min(0.0, shift)))
    return sorted(places, key=lambda place: (place.start, place.end))


def dips(db: NDArray[np.float64], low: float, high: float) -> list[tuple[float, float]]:
    """Where the level has a minimum between two times, and how deep that is, in dB below both sides, at most
    DEEP_DB."""
    first, last = int(low / STEP_SECONDS), int(high / STEP_SECONDS)
    here = np.convolve(db[first:last], np.ones(3) / 3, "same") if last - first > 4 else np.zeros(0)
    found = []
    for place in range(2, len(here) - 2):
        if here[place] <= here[place - 1] and here[place] < here[place + 1]:
            sides = here[max(0, place - DIP_STEPS) : place], here[place + 1 : place + 1 + DIP_STEPS]
            depth = min(DEEP_DB, float(min(side.max() for side in sides) - here[place]))
            if depth >= SHALLOW_DB:
                found.append(((first + place + 0.5) * STEP_SECONDS, depth))
    return found


def _threshold(db: NDArray[np.float64], *beside: TimedWord | None) -> float:
    """The level in dBFS below which it is a pause, beside these words."""
    noise = float(np.quantile(db, NOISE_SHARE))
    peak = min(_loudest(db, word) for word in beside if word)
    return min(max(peak - AUDIBLE_DB, noise + ABOVE_NOISE_DB), peak - MINIMUM_DIP_DB)


def _best_path(borders: Sequence[Sequence[Place]]) -> list[Place]:
    """One place for each border, in the order of time, with the most gain."""
    scores = [place.gain for place in borders[0]]
    came_from: list[list[int]] = []
    for before, here in itertools.pairwise(borders):
        best = []
        for place in here:
            options = [
                (score - CHANGE_COST * abs(place.shift - other.shift) - DISORDER_COST * _crossed(other, place), index)
                for index, (other, score) in enumerate(zip(before, scores, strict=True))
            ]
            best.append(max(options))
        came_from.append([index for _, index in best])
        scores = [score + place.gain for (score, _), place in zip(best, here, strict=True)]
    index = int(np.argmax(scores))
    path = [borders[-1][index]]
    for before, origins in zip(reversed(borders[:-1]), reversed(came_from), strict=True):
        index = origins[index]
        path.append(before[index])
    return path[::-1]


def _crossed(before: Place, after: Place) -> float:
    """Seconds that a word between two borders would lack."""
    return max(0.0, before.end + SLIVER_SECONDS / 2 - after.start)


def _loudest(db: NDArray[np.float64], word: TimedWord) -> float:
    first = min(len(db) - 1, int(word.start / STEP_SECONDS))
    return float(db[first : max(first + 1, round(word.end / STEP_SECONDS))].max())


def pauses_between(db: NDArray[np.float64], threshold: float, low: float, high: float) -> list[Pause]:
    """Stretches below the threshold that touch the time from `low` to `high`, whole."""
    first, last = int(low / STEP_SECONDS), min(len(db), round(high / STEP_SECONDS))
    while first > 0 and db[first - 1] < threshold:
        first -= 1
    while last < len(db) and db[last] < threshold:
        last += 1
    edges = np.flatnonzero(np.diff(np.concatenate(([False], db[first:last] < threshold, [False]))))
    pauses: list[Pause] = []
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        pause = (first + begin) * STEP_SECONDS, (first + end) * STEP_SECONDS
        if (
            pauses
            and pause[0] - pauses[-1][1] < CLICK_SECONDS
            and min(_length(pauses[-1]), _length(pause)) > STOP_SECONDS
        ):
            pauses[-1] = pauses[-1][0], pause[1]
        elif end - begin >= MINIMUM_PAUSE_STEPS:
            pauses.append(pause)
    return pauses


def _length(pause: Pause) -> float:
    return pause[1] - pause[0]


def _ordered(words: Sequence[TimedWord], starts: Sequence[float], ends: Sequence[float]) -> list[TimedWord]:
    """Words at their new edges; one that would have no time there stays as it was, as far as the others leave room."""
    placed: list[TimedWord] = []
    for index, word in enumerate(words):
        before = placed[-1].end if placed else 0.0
        start, end = max(before, starts[index]), ends[index]
        if end - start < SLIVER_SECONDS / 2:
            start = max(before, min(word.start, starts[index]))
            end = max(word.end, start + SLIVER_SECONDS / 2)
        placed.append(word.at(start, end))
    return placed
