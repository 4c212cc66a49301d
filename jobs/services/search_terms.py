"""What text is found by: the same terms on every database, whose own rules for words differ.

A term is made of ASCII letters and digits alone, since databases part text in other scripts each in another way, and
begins with two letters of its kind, since MariaDB leaves out what is shorter than three and some common words. Scripts
that put no space between words are parted into bigrams, each pair of neighbouring characters (the usual way for CJK:
Foo & Li, "Chinese word segmentation and its effect on information retrieval", 2004).
"""

import dataclasses
import itertools
import re
import unicodedata
from collections.abc import Iterator

LONGEST = 20
"""Characters of a word that count: MariaDB indexes terms of up to 84, and four are one character of other scripts."""
MOST_CLAUSES = 12
"""Words and phrases of a question that count."""
UNSPACED = re.compile(
    "[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"  # kana, Han
    "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff]"  # Thai, Lao, Burmese, Khmer
)
ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")
"""Written or left out in Latin, Greek, Cyrillic, Hebrew and Arabic. Elsewhere such marks are part of the letter."""
APOSTROPHES = "'’ʼ"


@dataclasses.dataclass(frozen=True)
class Term:
    """What a database is told, and where it stands in the text it was made of."""

    code: str
    start: int
    end: int


def terms(text: str) -> list[Term]:
    """The terms of a text, in order."""
    return [term for start, end in words(text) for term in of_word(text, start, end)]


def words(text: str) -> Iterator[tuple[int, int]]:
    """Where words begin and end. An apostrophe between letters is part of its word."""
    start: int | None = None
    for place, char in enumerate(text):
        joins = char in APOSTROPHES and text[place + 1 : place + 2].isalpha()
        if char.isalnum() or (start is not None and (unicodedata.category(char)[0] == "M" or joins)):
            start = place if start is None else start
        elif start is not None:
            yield start, place
            start = None
    if start is not None:
        yield start, len(text)


def of_word(text: str, start: int, end: int) -> Iterator[Term]:
    """A word's terms: one, but bigrams of each run of characters that stand without spaces."""
    if not UNSPACED.search(text, start, end):
        if code := coded(text[start:end]):
            yield Term(code, start, end)
        return
    for unspaced, group in itertools.groupby(range(start, end), lambda place: bool(UNSPACED.match(text[place]))):
        places = list(group)
        if not unspaced:
            code = coded(text[places[0] : places[-1] + 1])
            if code:
                yield Term(code, places[0], places[-1] + 1)
            continue
        for place in places:
            # The last one stands alone, so that each character can be looked for as the beginning of a term.
            stop = min(place + 2, places[-1] + 1)
            yield Term(coded(text[place:stop]), place, stop)


def coded(word: str) -> str:
    """A word as ASCII: without case, accents and apostrophes; in UTF-16 where letters are left that ASCII has not."""
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    plain = unicodedata.normalize("NFC", ACCENTS.sub("", folded))
    # What NFKC makes of a figure in a circle or in brackets has more than letters, and so have apostrophes.
    plain = "".join(char for char in plain if char.isalnum() or unicodedata.category(char)[0] == "M")[:LONGEST]
    if not plain:
        return ""
    return f"qq{plain}" if plain.isascii() else f"uu{plain.encode('utf-16-be').hex()}"


@dataclasses.dataclass(frozen=True)
class Clause:
    """Terms that have to follow each other. `open`: what the last one is only the beginning of counts too."""

    codes: tuple[str, ...]
    open: bool

    @property
    def last(self) -> str:
        """The last term, for a database that knows an open end by an asterisk."""
        return f"{self.codes[-1]}{'*' * self.open}"

    def hit(self, found: list[Term]) -> tuple[int, int] | None:
        """Where it first stands in a text with these terms."""
        for first in range(len(found) - len(self.codes) + 1):
            part = found[first : first + len(self.codes)]
            *whole, last = zip(part, self.codes, strict=True)
            is_last = last[0].code.startswith(last[1]) if self.open else last[0].code == last[1]
            if is_last and all(term.code == code for term, code in whole):
                return part[0].start, part[-1].end
        return None


@dataclasses.dataclass(frozen=True)
class Query:
    """All of its clauses have to be there."""

    clauses: tuple[Clause, ...]

    def __bool__(self) -> bool:
        return bool(self.clauses)

    def hits(self, text: str) -> list[tuple[int, int]] | None:
        """Where each clause first stands in a text; None where one is missing."""
        found = terms(text)
        places = [clause.hit(found) for clause in self.clauses]
        hits = [place for place in places if place is not None]
        return sorted(hits) if len(hits) == len(places) else None

    def for_sqlite(self, owner: str) -> str:
        """In the language of FTS5."""
        asked = (f'"{" ".join(clause.codes)}"{" *" if clause.open else ""}' for clause in self.clauses)
        return " AND ".join([owner, *asked])

    def for_mysql(self, owner: str) -> str:
        """In that of MATCH … IN BOOLEAN MODE, without phrases, for which InnoDB takes minutes: see `sequences`."""
        asked = (f"+{code}" for clause in self.clauses for code in [*clause.codes[:-1], clause.last])
        return " ".join([f"+{owner}", *asked])

    @property
    def sequences(self) -> list[str]:
        """What has to stand in terms that are parted, begun and ended by a space."""
        return [
            f" {' '.join(clause.codes)}{'' if clause.open else ' '}" for clause in self.clauses if len(clause.codes) > 1
        ]


def parsed(question: str) -> Query:
    """Words, each of which may go on, and phrases between quotation marks, which may not."""
    clauses = []
    for place, part in enumerate(re.split('["“”„«»]', question)):
        quoted = place % 2 == 1
        for text in [part] if quoted else part.split():
            found = terms(text)
            # Of a run of bigrams the last one is the last character alone, which begins whatever follows it.
            if codes := tuple(term.code for term in found):
                is_run = not quoted or bool(UNSPACED.match(text[found[-1].start]))
                clauses.append(Clause(codes, is_run))
    return Query(tuple(dict.fromkeys(clauses))[:MOST_CLAUSES])
