"""What a recogniser swallowed and what it made up, by holding its words against where voice is heard (VAD).

Whisper skips a sentence now and then, and stretches a word over it; it writes words over silence and music; and it
falls into loops (Koenecke et al., "Careless Whisper", 2024). Heard again by itself, without what stands around it, such
a bit mostly comes out right.
"""

from collections.abc import Sequence

from jobs.engine.captions.word_timing import TimedWord

Span = tuple[float, float]
"""Seconds after the start of an utterance."""
HOLE_SECONDS = 0.6
"""Voice without a word for so long is doubted; breath and laughter are shorter, or come back empty."""
BESIDE_WORDS_SECONDS = 0.15
"""Voice so close to a word belongs to it."""
LONG_WORD_SECONDS = 1.0
PADDING_SECONDS = 0.2
"""How much more is listened to on either side."""
MAXIMUM_DOUBTS = 2
"""In one utterance, since each is listened to as long as a whole one; the longest."""
MINIMUM_HALF_SECONDS = 2.0
"""Halves of an utterance that was swallowed whole are no shorter."""
VOICELESS_SECONDS = 0.3
"""A word has voice within it or so close beside it: recognisers place words roughly, and VAD begins late."""
LOOP_TIMES = 4
LOOP_WORDS = 10
"""So many words or fewer, so often in a row, are a loop."""
SURE = 0.4
"""What the words of a second hearing have to reach on average to be believed."""


def voiced_only(words: Sequence[TimedWord], voice: Sequence[Span]) -> list[TimedWord]:
    """Without the words where nobody speaks."""
    return [
        word
        for word in words
        if any(start < word.end + VOICELESS_SECONDS and end > word.start - VOICELESS_SECONDS for start, end in voice)
    ]


def without_loops(words: Sequence[TimedWord]) -> list[TimedWord]:
    """With what is said LOOP_TIMES in a row or more said once. If it was really said, it is heard again."""
    kept = list(words)
    for length in range(LOOP_WORDS, 0, -1):
        begin = 0
        while begin + LOOP_TIMES * length <= len(kept):
            times = _times(kept, begin, length)
            if times >= LOOP_TIMES:
                del kept[begin + length : begin + times * length]
            begin += 1
    return kept


def _times(words: Sequence[TimedWord], begin: int, length: int) -> int:
    """How often in a row the `length` words from `begin` on are said."""
    said = [_bare(word) for word in words[begin : begin + length]]
    times = 1
    while [_bare(word) for word in words[begin + times * length : begin + (times + 1) * length]] == said:
        times += 1
    return times


def _bare(word: TimedWord) -> str:
    return "".join(char for char in word.text.lower() if char.isalnum())


def doubts(words: Sequence[TimedWord], voice: Sequence[Span], seconds: float) -> list[Span]:
    """What to listen to again in an utterance of so many seconds: voice without words, and words that last too long."""
    spans = [hole for part in voice for hole in _uncovered(part, words) if hole[1] - hole[0] >= HOLE_SECONDS]
    spans += [(word.start, word.end) for word in words if word.end - word.start > LONG_WORD_SECONDS]
    wide = sorted((max(0.0, start - PADDING_SECONDS), min(seconds, end + PADDING_SECONDS)) for start, end in spans)
    merged: list[Span] = []
    for start, end in wide:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    # All of it again would say the same again, half of it mostly does not.
    fresh = [span for span in merged if span[1] - span[0] < seconds - PADDING_SECONDS]
    if not fresh and merged and seconds > 2 * MINIMUM_HALF_SECONDS:
        fresh = [(0.0, seconds / 2), (seconds / 2, seconds)]
    return sorted(sorted(fresh, key=lambda span: span[0] - span[1])[:MAXIMUM_DOUBTS])


def _uncovered(part: Span, words: Sequence[TimedWord]) -> list[Span]:
    """What of a stretch of voice has no word near."""
    edges = [part[0]]
    for word in words:
        start, end = word.start - BESIDE_WORDS_SECONDS, word.end + BESIDE_WORDS_SECONDS
        if end > part[0] and start < part[1]:
            edges += [start, end]
    edges.append(part[1])
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def healed(words: Sequence[TimedWord], span: Span, again: Sequence[TimedWord]) -> list[TimedWord]:
    """The words of an utterance with what a second hearing of `span` says there, where that says more.

    `again` counts like `words`. Words at the rims of the span, of which only a part was heard again, stay.
    """
    inner = span[0] + PADDING_SECONDS, span[1] - PADDING_SECONDS
    before = [word for word in words if _within(word, inner)]
    others = [word for word in words if not _within(word, inner)]
    fresh = [word for word in again if not any(_overlap(word, one) > 0.5 * (word.end - word.start) for one in others)]
    if len(fresh) <= len(before) or sum(word.confidence for word in fresh) < SURE * len(fresh):
        return list(words)
    return _disjoint(sorted([*others, *fresh], key=lambda word: word.start))


def _within(word: TimedWord, span: Span) -> bool:
    return span[0] <= word.middle <= span[1]


def _overlap(one: TimedWord, other: TimedWord) -> float:
    return min(one.end, other.end) - max(one.start, other.start)


def _disjoint(words: Sequence[TimedWord]) -> list[TimedWord]:
    placed: list[TimedWord] = []
    for word in words:
        start = max(word.start, placed[-1].end) if placed else word.start
        if start < word.end:
            placed.append(word.at(start, word.end))
    return placed
