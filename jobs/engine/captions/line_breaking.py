"""Words into lines of the size of a caption.

The rules are those of broadcasters: at most two rows of 42 characters, on show for 1 to 7 seconds, and parted where the
speaker pauses or a sentence ends. Of all ways to part the words the one of least cost is taken (dynamic programming, as
TeX breaks paragraphs); a cost is counted in characters that a row is shorter than it could be.
"""

import dataclasses
import html
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from jobs.engine.captions.cues import Caption
from jobs.engine.captions.transcript import Line, Transcript, Word, joined

MAXIMUM_ROW_CHARACTERS = 42
MAXIMUM_ROWS = 2
MINIMUM_SECONDS, MAXIMUM_SECONDS = Fraction(1), Fraction(7)
"""Seconds that a caption is on show."""
PAUSE_SECONDS = Fraction(1)
"""A pause this long always parts."""
SENTENCE_ENDS, COMMAS = (".", "?", "!", "…", "。", "？", "！"), (",", ";", ":", "–", "，", "、")
QUOTES = "\"'”’)»]"
EACH, TOO_SHORT, AFTER_SENTENCE, AFTER_COMMA, MID_SENTENCE, PER_SECOND_OF_PAUSE = 30.0, 60.0, -25.0, -5.0, 10.0, -60.0


def lines(words: Sequence[Word]) -> list[Line]:
    """The words as lines, each on show from its first word until its last has been said, or a second, whichever is
    longer, but never into the next one nor for more than MAXIMUM_SECONDS."""
    groups = [group for phrase in _phrases(words) for group in _parted(phrase)]
    starts = [group[0].start for group in groups]
    lines_made = []
    for index, group in enumerate(groups):
        least = max(group[-1].end, group[0].start + MINIMUM_SECONDS)
        following = starts[index + 1] if index + 1 < len(groups) else least
        end = min(max(following, group[0].start), least, group[0].start + MAXIMUM_SECONDS)
        lines_made.append(Line(group[0].start, max(end, group[0].start + Fraction(1, 100)), tuple(group)))
    return lines_made


def captions_of(transcript: Transcript) -> list[Caption]:
    """The lines as captions. One that a hand has made too long becomes several."""
    return [caption for line in transcript.lines if line.words for caption in _captions(line)]


def _captions(line: Line) -> Iterator[Caption]:
    parts = [line] if fits(line.words) else lines(line.words)
    for index, part in enumerate(parts):
        end = line.end if index == len(parts) - 1 else parts[index + 1].start
        start = line.start if index == 0 else part.start
        if start < end:
            yield Caption(start, end, html.escape("\n".join(rows(joined(part.words))), quote=False))


def text_of(transcript: Transcript) -> str:
    """The words alone, a paragraph for what is said without a pause of two seconds."""
    paragraphs: list[list[Line]] = []
    for line in transcript.lines:
        if not line.words:
            continue
        if paragraphs and line.words[0].start - paragraphs[-1][-1].words[-1].end < 2 * PAUSE_SECONDS:
            paragraphs[-1].append(line)
        else:
            paragraphs.append([line])
    return "\n\n".join(joined([word for line in one for word in line.words]) for one in paragraphs) + "\n"


def rows(text: str) -> list[str]:
    """The text in as few rows of at most MAXIMUM_ROW_CHARACTERS as it takes, those of two about equally long."""
    if len(text) <= MAXIMUM_ROW_CHARACTERS:
        return [text]
    splits = [
        index
        for index, char in enumerate(text)
        if char == " " and index <= MAXIMUM_ROW_CHARACTERS and len(text) - index - 1 <= MAXIMUM_ROW_CHARACTERS
    ]
    if splits:
        middle = min(splits, key=lambda index: (abs(2 * index - len(text)) - 6 * _pauses_after(text[:index]), index))
        return [text[:middle], text[middle + 1 :]]
    rows_made, remaining = [], text
    while len(remaining) > MAXIMUM_ROW_CHARACTERS:
        space = remaining.rfind(" ", 1, MAXIMUM_ROW_CHARACTERS + 1)
        cut = space if space > 0 else MAXIMUM_ROW_CHARACTERS
        rows_made.append(remaining[:cut])
        remaining = remaining[cut:].lstrip(" ")
    return [*rows_made, remaining] if remaining else rows_made


def fits(words: Sequence[Word]) -> bool:
    return len(rows(joined(words))) <= MAXIMUM_ROWS


def _pauses_after(text: str) -> bool:
    return text.rstrip(QUOTES).endswith(SENTENCE_ENDS + COMMAS)


def _phrases(words: Iterable[Word]) -> Iterator[list[Word]]:
    """What is said without a pause of PAUSE_SECONDS."""
    phrase: list[Word] = []
    for word in words:
        if phrase and word.start - phrase[-1].end >= PAUSE_SECONDS:
            yield phrase
            phrase = []
        phrase.append(word)
    if phrase:
        yield phrase


@dataclasses.dataclass(frozen=True)
class _Best:
    cost: float
    begin: int


def _parted(phrase: Sequence[Word]) -> list[Sequence[Word]]:
    """The words of a phrase in the groups of least cost."""
    best = [_Best(0.0, 0)]
    for end in range(1, len(phrase) + 1):
        options = []
        for begin in range(end - 1, -1, -1):
            group = phrase[begin:end]
            # A single word has to go somewhere, however long it is.
            if end - begin > 1 and (not fits(group) or group[-1].end - group[0].start > MAXIMUM_SECONDS):
                break
            options.append(_Best(best[begin].cost + _cost(group, phrase, end), begin))
        best.append(min(options, key=lambda one: one.cost))
    groups = []
    end = len(phrase)
    while end:
        groups.append(phrase[best[end].begin : end])
        end = best[end].begin
    return groups[::-1]


def _cost(group: Sequence[Word], phrase: Sequence[Word], end: int) -> float:
    """What it costs to show this group by itself and to part behind it."""
    text = joined(group)
    cost = EACH + max(0, MAXIMUM_ROW_CHARACTERS - len(text)) / 2
    if group[-1].end - group[0].start < MINIMUM_SECONDS:
        cost += TOO_SHORT * float(MINIMUM_SECONDS - (group[-1].end - group[0].start))
    if end == len(phrase):
        return cost
    bare = text.rstrip(QUOTES)
    if bare.endswith(SENTENCE_ENDS):
        cost += AFTER_SENTENCE
    elif bare.endswith(COMMAS):
        cost += AFTER_COMMA
    else:
        cost += MID_SENTENCE
    return cost + PER_SECOND_OF_PAUSE * float(min(PAUSE_SECONDS, max(Fraction(0), phrase[end].start - group[-1].end)))
