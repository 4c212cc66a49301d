"""Where one topic of a talk ends and the next begins.

TextTiling (Hearst, "TextTiling: Segmenting Text into Multi-paragraph Subtopic Passages", Computational Linguistics 23,
1997), with block comparison between sentences: words say what is talked about, so at each gap between sentences those
of the block before and of the block after are compared, and a gap is as deep as its similarity lies below the peaks on
both sides. Speakers also stop before they begin something else, so a pause makes a gap deeper.
"""

import dataclasses
import heapq
import itertools
import math
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from jobs.engine.captions.line_breaking import PAUSE_SECONDS, SENTENCE_ENDS
from jobs.engine.captions.transcript import Line, Transcript

BLOCK_WORDS = 60
"""How many words on each side of a gap are compared."""
SHORTEST_WORD, STEM = 4, 6
"""Shorter words say nothing about the topic; of longer ones so many letters count, so that forms of a word agree."""
WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"
)
"""Letters of scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, kana, and Chinese characters. Two
that follow each other are a term there, as is usual in searching such texts."""
MINIMUM_SECONDS = Fraction(60)
USUAL_SECONDS = Fraction(180)
"""How long a chapter is at least, and on average at least where there are more than two."""
LONGEST_PAUSE, PAUSE_WEIGHT = 4.0, 0.5
"""Seconds from which a longer pause says no more, and how deep that makes a gap."""
TITLE_CHARACTERS = 60
LOOSE_ENDS = " ,;:–-。，、；："
"""What a title does not end with."""


@dataclasses.dataclass(frozen=True)
class Topic:
    """`start` in seconds after the recording's start; `title` are its first words."""

    start: Fraction
    title: str


@dataclasses.dataclass(frozen=True)
class Sentence:
    start: Fraction
    end: Fraction
    text: str

    @property
    def terms(self) -> Counter[str]:
        words = ("".join(filter(str.isalnum, word)).lower() for word in self.text.split())
        return Counter(itertools.chain.from_iterable(map(_terms, words)))


def _terms(word: str) -> list[str]:
    """What of a word says what is talked about."""
    if WITHOUT_SPACES.search(word):
        return [first + second for first, second in itertools.pairwise(word)]
    return [word[:STEM]] if len(word) >= SHORTEST_WORD else []


def topics(transcript: Transcript) -> list[Topic]:
    """The topics of a transcript in order, the first from the start: at most two up to nine minutes, then one for every
    three; none for one that is too short for two."""
    sentences = sentences_of(transcript.lines)
    most = max(2, int(transcript.duration // USUAL_SECONDS))
    if len(sentences) < 2 or transcript.duration < 2 * MINIMUM_SECONDS:
        return []
    chosen = _chosen(sentences, depths(sentences), most, transcript.duration)
    if not chosen:
        return []
    starts = [Fraction(0), *(sentences[index].start for index in chosen)]
    return [Topic(start, title(sentences[index].text)) for start, index in zip(starts, [0, *chosen], strict=True)]


def sentences_of(lines: Iterable[Line]) -> list[Sentence]:
    """Lines put together to sentences, which also end where the speaker pauses."""
    found: list[Sentence] = []
    is_open = False
    for line in lines:
        if not line.words:
            continue
        start, end, text = line.words[0].start, line.words[-1].end, line.text
        if is_open and start - found[-1].end < PAUSE_SECONDS:
            found[-1] = Sentence(found[-1].start, end, f"{found[-1].text} {text}")
        else:
            found.append(Sentence(start, end, text))
        is_open = not text.rstrip("\"'”’)»]").endswith(SENTENCE_ENDS)
    return found


def depths(sentences: Sequence[Sentence]) -> list[float]:
    """How deep the gap before each sentence is; 0 before the first."""
    terms = [sentence.terms for sentence in sentences]
    alike = [_similarity(_block(terms[:index][::-1]), _block(terms[index:])) for index in range(1, len(sentences))]
    found = [0.0]
    for index, value in enumerate(alike):
        pause = float(sentences[index + 1].start - sentences[index].end)
        depth = _peak(alike[index::-1]) - value + _peak(alike[index:]) - value
        found.append(depth + PAUSE_WEIGHT * min(max(pause, 0.0), LONGEST_PAUSE) / LONGEST_PAUSE)
    return found


def _block(terms: Iterable[Counter[str]]) -> Counter[str]:
    block: Counter[str] = Counter()
    for one in terms:
        block += one
        if block.total() >= BLOCK_WORDS:
            break
    return block


def _similarity(one: Counter[str], other: Counter[str]) -> float:
    """The cosine of two counts of words."""
    norm = math.sqrt(sum(count**2 for count in one.values()) * sum(count**2 for count in other.values()))
    return sum(count * other[term] for term, count in one.items()) / norm if norm else 0.0


def _peak(values: Sequence[float]) -> float:
    """How high it goes from the first value before it falls."""
    highest = values[0]
    for value in values[1:]:
        if value < highest:
            break
        highest = value
    return highest


def _chosen(sentences: Sequence[Sentence], depth: Sequence[float], most: int, duration: Fraction) -> list[int]:
    """The deepest gaps, fewer than `most`, with MINIMUM_SECONDS between them and from both ends; only such as stand out
    by half a standard deviation."""
    least = statistics.fmean(depth[1:]) + statistics.pstdev(depth[1:]) / 2
    bounds = [Fraction(0), duration]
    found: list[int] = []
    for index in heapq.nlargest(len(sentences) - 1, range(1, len(sentences)), key=depth.__getitem__):
        start = sentences[index].start
        if depth[index] <= least or len(found) == most - 1:
            break
        if all(abs(start - bound) >= MINIMUM_SECONDS for bound in bounds):
            bounds.append(start)
            found.append(index)
    return sorted(found)


def title(text: str) -> str:
    """The first words of a sentence, as many as make a line; of a first one that is longer, or where words have no
    spaces between them, as many letters."""
    kept = ""
    for word in text.split():
        if len(kept) + 1 + len(word) > TITLE_CHARACTERS:
            if not kept or WITHOUT_SPACES.search(word):
                kept = f"{kept} {word}".strip()[:TITLE_CHARACTERS]
            return kept.rstrip(LOOSE_ENDS) + "…"
        kept = f"{kept} {word}".strip()
    return kept.rstrip("." + LOOSE_ENDS)
