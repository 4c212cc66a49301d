"""The words at the joins of a cut: which stand next to each, how close, and whether one was cut into."""

import bisect
import dataclasses
import itertools
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from jobs.engine.captions.transcript import Transcript, Word
from jobs.engine.model.report import counted
from jobs.engine.model.timeline import Range, Timeline

TOLERANCE_SECONDS = Fraction(1, 20)
"""Words are known to about so much: a cut has to go further into one to touch it."""
TIGHTEST = 3
"""So many joins are worth listening to."""


@dataclasses.dataclass(frozen=True)
class WordJoin:
    """One join of a result, `at` seconds of the result.

    `before` and `after` are the words kept next to it, None where nobody speaks on that side; `distance` is the silence
    between them in the result, in seconds. `touched` are the words that are cut into or gone.
    """

    at: Fraction
    before: Word | None
    after: Word | None
    distance: Fraction | None
    touched: tuple[Word, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "at": round(float(self.at), 3),
            "before": self.before and self.before.text,
            "after": self.after and self.after.text,
            "distance": None if self.distance is None else round(float(self.distance), 3),
            "touched": [word.text for word in self.touched],
        }

    @property
    def told(self) -> str:
        """“time. … When”, 0.40 s apart."""
        words = f"“{self.before.text if self.before else ''} … {self.after.text if self.after else ''}”"
        if self.touched:
            return f"{words}, at the cost of “{' '.join(word.text for word in self.touched)}”"
        return words if self.distance is None else f"{words}, {float(self.distance):.2f} s apart"


@dataclasses.dataclass(frozen=True)
class WordJoins:
    """All joins of a result at which something of the source was left out, in the order of the result."""

    joins: tuple[WordJoin, ...]

    @property
    def touched(self) -> int:
        return sum(len(join.touched) for join in self.joins)

    @property
    def tightest(self) -> list[WordJoin]:
        """Those at which words are touched, then those with the least silence, TIGHTEST at most."""
        known = [join for join in self.joins if join.touched or join.distance is not None]
        return sorted(known, key=lambda join: (-len(join.touched), join.distance or Fraction(0)))[:TIGHTEST]

    @property
    def summary(self) -> str:
        """One line: "no word touched"."""
        return f"{counted(self.touched, 'word') if self.touched else 'no word'} touched"

    def to_json(self) -> dict[str, Any]:
        return {"touched": self.touched, "joins": [join.to_json() for join in self.joins]}


def word_joins(transcript: Transcript, timeline: Timeline) -> WordJoins:
    """The words at the joins of a timeline of one source, by its transcript."""
    words = sorted((word for line in transcript.lines for word in line.words), key=lambda word: (word.start, word.end))
    starts = [word.start for word in words]

    def spoken(first: Fraction, last: Fraction) -> Iterable[Word]:
        """The words that begin between two times of the source."""
        return words[bisect.bisect_left(starts, first) : bisect.bisect_left(starts, last)]

    joins = []
    for (_, left), (at, right) in itertools.pairwise(timeline.placed):
        if left.end >= right.start:
            continue
        removed = left.end, right.start
        before = max(spoken(left.start - TOLERANCE_SECONDS, left.end - TOLERANCE_SECONDS), key=_end, default=None)
        after = next(iter(spoken(right.start - TOLERANCE_SECONDS, right.end)), None)
        distance = None
        if before and after:
            silence = max(Fraction(0), left.end - before.end) / left.speed
            distance = silence + max(Fraction(0), after.start - right.start) / right.speed
        # No word is longer than a sentence: what began earlier than that is over.
        near = words[max(0, bisect.bisect_left(starts, left.end) - 8) : bisect.bisect_left(starts, right.start)]
        joins.append(WordJoin(at, before, after, distance, tuple(word for word in near if _lost(word, removed))))
    return WordJoins(tuple(joins))


def _end(word: Word) -> Fraction:
    return word.end


def _lost(word: Word, removed: Range) -> bool:
    """Whether more than the tolerance of a word is gone, or half of a very short one."""
    gone = min(word.end, removed[1]) - max(word.start, removed[0])
    return gone > min(TOLERANCE_SECONDS, (word.end - word.start) / 2)
