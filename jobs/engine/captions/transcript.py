"""What was said: words with their times, in lines of the size of a caption, and what was changed of it by hand.

A transcript is a value: every change makes a new one, and remembers what was there before, so that each change can be
taken back, the last one first.
"""

import dataclasses
import difflib
import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Self

from jobs.engine.model.timeline import Timeline
from jobs.errors import InputError

VERSION = 1
MAXIMUM_LINE_CHARACTERS = 500
"""Characters that a line can be changed to."""

ISO_639_2 = {
    "en": "eng",
    "de": "deu",
    "fr": "fra",
    "es": "spa",
    "it": "ita",
    "pt": "por",
    "nl": "nld",
    "pl": "pol",
    "ru": "rus",
    "uk": "ukr",
    "cs": "ces",
    "sv": "swe",
    "da": "dan",
    "no": "nor",
    "fi": "fin",
    "el": "ell",
    "tr": "tur",
    "ar": "ara",
    "he": "heb",
    "fa": "fas",
    "hi": "hin",
    "ja": "jpn",
    "ko": "kor",
    "zh": "zho",
    "hu": "hun",
    "ro": "ron",
    "bg": "bul",
    "vi": "vie",
    "id": "ind",
    "th": "tha",
    "ca": "cat",
    "hr": "hrv",
}
"""The codes that MP4 wants; other languages stay unnamed."""


@dataclasses.dataclass(frozen=True)
class Word:
    """`start` and `end` in seconds after the recording's start, `confidence` 0 to 1, or None for what a hand wrote.

    `glued`: no space stands between it and the word before, as in Chinese.
    """

    start: Fraction
    end: Fraction
    text: str
    confidence: float | None = None
    glued: bool = False


@dataclasses.dataclass(frozen=True)
class Line:
    """A caption: its words, and when it is on show."""

    start: Fraction
    end: Fraction
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return joined(self.words)


@dataclasses.dataclass(frozen=True)
class LineEdit:
    """What stood in a line, by its index from 0, before it was changed."""

    line: int
    words: tuple[Word, ...]


@dataclasses.dataclass(frozen=True)
class Transcript:
    """`engine` and `model` are what listened, `language` is ISO 639-1. `edits` are the changes, the last one last."""

    engine: str
    model: str
    language: str
    duration: Fraction
    lines: tuple[Line, ...]
    edits: tuple[LineEdit, ...] = ()

    def edited(self, index: int, text: str) -> Self:
        """With another text in one line; an empty one takes the line out of captions. Raises InputError."""
        text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        if not 0 <= index < len(self.lines):
            raise InputError("This line is not there. Load the page again.", code="no_line")
        if len(text) > MAXIMUM_LINE_CHARACTERS:
            raise InputError(f"A line has at most {MAXIMUM_LINE_CHARACTERS} characters. Write less.", code="too_long")
        line = self.lines[index]
        if text == line.text:
            return self
        changed = dataclasses.replace(line, words=reworded(line, text.split()))
        return self._with(index, changed, (*self.edits, LineEdit(index, line.words)))

    def undone(self) -> Self:
        """As it was before the last change. Raises InputError when nothing was changed."""
        if not self.edits:
            raise InputError("Nothing has been changed, so there is nothing to take back.", code="no_edit")
        last = self.edits[-1]
        before = dataclasses.replace(self.lines[last.line], words=last.words)
        return self._with(last.line, before, self.edits[:-1])

    def _with(self, index: int, line: Line, edits: tuple[LineEdit, ...]) -> Self:
        lines = (*self.lines[:index], line, *self.lines[index + 1 :])
        return dataclasses.replace(self, lines=lines, edits=edits)

    def retimed(self, timeline: Timeline) -> Self:
        """What a timeline shows of it, at the times of the result. A word goes when nothing is left of it."""
        moved = timeline.output_time
        lines = []
        for line in self.lines:
            words = tuple(
                dataclasses.replace(word, start=moved(word.start), end=moved(word.end))
                for word in line.words
                if moved(word.start) < moved(word.end)
            )
            if words:
                lines.append(Line(moved(line.start), moved(line.end), words))
        return dataclasses.replace(self, lines=tuple(lines), edits=(), duration=timeline.duration)

    def dumps(self) -> str:
        """As JSON: seconds to the millisecond."""
        facts = {name: getattr(self, name) for name in ("engine", "model", "language")}
        facts |= {"version": VERSION, "duration": _seconds(self.duration)}
        lines = [
            {"start": _seconds(line.start), "end": _seconds(line.end), "text": line.text, "words": _plain(line.words)}
            for line in self.lines
        ]
        edits = [{"line": edit.line, "words": _plain(edit.words)} for edit in self.edits]
        return json.dumps({**facts, "lines": lines, "edits": edits}, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> Self:
        """What `dumps` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        data = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']!r}")
        return cls(
            engine=str(data["engine"]),
            model=str(data["model"]),
            language=str(data["language"]),
            duration=_time(data["duration"]),
            lines=tuple(Line(_time(one["start"]), _time(one["end"]), _words(one["words"])) for one in data["lines"]),
            edits=tuple(LineEdit(int(one["line"]), _words(one["words"])) for one in data["edits"]),
        )


def iso_639_2(language: str) -> str:
    """The code of three letters for a language by its two, or "und"."""
    return ISO_639_2.get(language, "und")


def joined(words: Sequence[Word]) -> str:
    return "".join(word.text if word.glued or not index else f" {word.text}" for index, word in enumerate(words))


def reworded(line: Line, texts: Sequence[str]) -> tuple[Word, ...]:
    """Words for a changed text: those that stay keep their times, and new ones share the time of what they replace."""
    old = line.words
    words: list[Word] = []
    matcher = difflib.SequenceMatcher(None, [word.text for word in old], texts, autojunk=False)
    for kind, first, last, begin, end in matcher.get_opcodes():
        if kind == "equal":
            words += old[first:last]
        elif begin < end:
            start = old[first].start if first < last else (old[first - 1].end if first else line.start)
            until = old[last - 1].end if first < last else (old[first].start if first < len(old) else line.end)
            step = max(Fraction(0), until - start) / (end - begin)
            words += [
                Word(start + index * step, start + (index + 1) * step, text)
                for index, text in enumerate(texts[begin:end])
            ]
    # A hand writes spaces where it wants them.
    return tuple(dataclasses.replace(word, glued=False) for word in words)


def _plain(words: Sequence[Word]) -> list[dict[str, Any]]:
    return [
        {
            "start": _seconds(word.start),
            "end": _seconds(word.end),
            "text": word.text,
            **({} if word.confidence is None else {"confidence": round(word.confidence, 3)}),
            **({"glued": True} if word.glued else {}),
        }
        for word in words
    ]


def _words(data: Sequence[dict[str, Any]]) -> tuple[Word, ...]:
    return tuple(
        Word(_time(one["start"]), _time(one["end"]), str(one["text"]), one.get("confidence"), bool(one.get("glued")))
        for one in data
    )


def _seconds(time: Fraction) -> float:
    return round(float(time), 3)


def _time(seconds: float) -> Fraction:
    return Fraction(str(seconds))
