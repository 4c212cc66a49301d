"""Chapters of a recording, moved in time with a cut.

A chapter lasts for what was kept of it; one that lies wholly in what goes is left out. MP4 stores only when a chapter
begins, so a gap between two, or before the first, is written as a chapter without a title: else the one before it
would seem to go on, and the first one to begin at the start.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from av.container import InputContainer

from jobs.engine.model.timeline import Timeline

SPECIAL = re.compile(r"([=;#\[\\\r\n])")
ESCAPED = r"\\\1"
LONGEST_TITLE = 1000


@dataclasses.dataclass(frozen=True)
class Chapter:
    """`start` and `end` in seconds after the recording's start."""

    start: Fraction
    end: Fraction
    title: str = ""


def read(container: InputContainer, start: Fraction) -> list[Chapter]:
    """The chapters of an open recording whose clock begins at `start` seconds, as it stores them."""
    stored = []
    for told in container.chapters():
        base = told["time_base"] or Fraction(1)
        begin, end = told["start"] * base - start, told["end"] * base - start
        stored.append(Chapter(begin, end, told["metadata"].get("title", "")[:LONGEST_TITLE]))
    return stored


def retime(chapters: Iterable[Chapter], timeline: Timeline) -> list[Chapter]:
    """The chapters of the result, in order and disjoint; of nested ones the innermost that begins at an instant."""
    moved = timeline.output_time
    placed = (Chapter(moved(chapter.start), moved(chapter.end), chapter.title) for chapter in chapters)
    ordered = sorted(filter(_lasts, placed), key=lambda chapter: (chapter.start, -chapter.end))
    nexts = [*(chapter.start for chapter in ordered[1:]), timeline.duration]
    ended = (
        dataclasses.replace(chapter, end=min(chapter.end, after))
        for chapter, after in zip(ordered, nexts, strict=False)
    )
    return list(filter(_lasts, ended))


def _lasts(chapter: Chapter) -> bool:
    return chapter.end > chapter.start


def ffmetadata(chapters: Iterable[Chapter], clock_hz: int, tags: Mapping[str, str] | None = None) -> str:
    """A file of ffmpeg's metadata format: what is said of the whole, and chapters with times as ticks of a clock."""
    parts = [";FFMETADATA1", *(_line(key, text) for key, text in (tags or {}).items())]
    for chapter in _without_gaps(chapters):
        start, end = round(chapter.start * clock_hz), round(chapter.end * clock_hz)
        parts.append(f"[CHAPTER]\nTIMEBASE=1/{clock_hz}\nSTART={start}\nEND={end}\n{_line('title', chapter.title)}")
    return "\n".join(parts) + "\n"


def _line(key: str, text: str) -> str:
    # Behind a backslash, even one behind another, ffmpeg takes the line for unfinished.
    text += " " if text.endswith("\\") else ""
    return f"{SPECIAL.sub(ESCAPED, key)}={SPECIAL.sub(ESCAPED, text)}"


def _without_gaps(chapters: Iterable[Chapter]) -> Iterator[Chapter]:
    position = Fraction(0)
    for chapter in chapters:
        if chapter.start > position:
            yield Chapter(position, chapter.start)
        yield chapter
        position = chapter.end
