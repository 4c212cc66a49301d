"""Captions: read from SRT and WebVTT, moved in time with a cut, and written again.

A cut takes time away, so a caption on show from `start` to `end` is on show for what was kept of that. What was kept
follows without a gap in the result: a caption that lies across a cut stays one caption, is shortened by what goes, and
never has to be split. One that lies within what goes is dropped, and so is what a cut leaves of one for less than
MINIMUM_SECONDS: it would only flash. Where the result runs faster, captions do.
"""

import dataclasses
import functools
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from jobs.engine.model.timeline import Timeline

MINIMUM_SECONDS = Fraction(1, 5)
"""Seconds: what a cut leaves of a caption has to last this long; captions that were as short stay."""
STAMP = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
TIMING = re.compile(rf"^[ \t]*{STAMP}[ \t]*-->[ \t]*{STAMP}(?:[ \t]+(.*?))?[ \t]*$", re.ASCII)
INNER = re.compile(rf"<{STAMP}>", re.ASCII)
OTHER_TAGS = re.compile(r"</?(?!/?[biu]>)(?:[a-z]|\d+:)[^>\n]*>", re.IGNORECASE)
"""All but b, i and u: those both formats have."""
POSITION = re.compile(r"\{\\an?\d+\}")
LINE_BREAK = re.compile(r"\r\n?|\n")
HEADS = ("NOTE", "STYLE", "REGION")


@dataclasses.dataclass(frozen=True)
class Caption:
    """`start` and `end` in seconds after the recording's start. `text` may have several lines and WebVTT's tags.

    `settings` are WebVTT's (where on the screen), empty for SRT. Times inside the text, such as <00:01.000>, count
    like `start`.
    """

    start: Fraction
    end: Fraction
    text: str
    settings: str = ""


def parse(text: str) -> list[Caption]:
    """The captions of an SRT or WebVTT file, ordered by start; what cannot be understood is passed over."""
    lines = LINE_BREAK.split(text.removeprefix("\ufeff"))
    vtt = lines[0].startswith("WEBVTT")
    return sorted(_parsed(lines, vtt), key=lambda caption: (caption.start, caption.end))


def _parsed(lines: Sequence[str], vtt: bool) -> Iterator[Caption]:
    for block in _blocks(lines):
        index = next((index for index, line in enumerate(block[:2]) if TIMING.match(line)), None)
        if index is None or (vtt and block[0].split(" ")[0] in HEADS):
            continue
        timing = TIMING.match(block[index])
        assert timing is not None
        start, end = _time(timing.groups()[:4]), _time(timing.groups()[4:8])
        words = "\n".join(block[index + 1 :])
        if start < end and words.strip():
            # SRT has coordinates there that next to no player follows.
            yield Caption(start, end, words if vtt else _escaped(words), (timing[9] or "") if vtt else "")


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines that stand together, between empty ones."""
    block: list[str] = []
    for line in (*lines, ""):
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def _time(parts: Sequence[str | None]) -> Fraction:
    hours, minutes, seconds, part = parts
    assert part is not None
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + Fraction(int(part), 10 ** len(part))


def retime(captions: Iterable[Caption], timeline: Timeline, source: int = 0) -> list[Caption]:
    """The captions of a source as they are on show in the result; the rules stand at the top of this module."""
    moved, duration = functools.partial(timeline.output_time, source=source), timeline.source_durations[source]
    kept = []
    for caption in captions:
        start, end = moved(caption.start), moved(caption.end)
        lost = end - start < min(caption.end, duration) - max(caption.start, Fraction(0))
        if end <= start or (lost and end - start < MINIMUM_SECONDS):
            continue
        words = INNER.sub(lambda match: f"<{stamp(moved(_time(match.groups())))}>", caption.text)
        kept.append(Caption(start, end, words, caption.settings))
    return kept


def shifted(captions: Iterable[Caption], seconds: Fraction) -> list[Caption]:
    """All captions later by so many seconds; those that would end at 0 or before are left out."""
    return [
        dataclasses.replace(caption, start=max(Fraction(0), caption.start + seconds), end=caption.end + seconds)
        for caption in captions
        if caption.end + seconds > 0
    ]


def vtt(captions: Iterable[Caption]) -> str:
    """A WebVTT file."""
    cues = (
        f"{stamp(caption.start)} --> {stamp(caption.end)}{caption.settings and ' ' + caption.settings}\n"
        f"{_lines(caption.text)}\n"
        for caption in captions
    )
    return "\n".join(["WEBVTT\n", *cues])


def srt(captions: Iterable[Caption]) -> str:
    """An SRT file; of the tags only b, i and u stay, which SRT knows."""
    return "\n".join(
        f"{number}\n{stamp(caption.start, ',')} --> {stamp(caption.end, ',')}\n{_plain(caption.text)}\n"
        for number, caption in enumerate(captions, 1)
    )


def stamp(time: Fraction, point: str = ".") -> str:
    """A time as both formats write it: 01:02:03.456."""
    seconds, milliseconds = divmod(round(time * 1000), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{milliseconds:03}"


def _escaped(words: str) -> str:
    """SRT's text as WebVTT's: b, i and u stay tags, other tags go, all else is text."""
    words = OTHER_TAGS.sub("", POSITION.sub("", words))
    parts = re.split(r"(</?[biuBIU]>)", words)
    return "".join(
        part.lower() if index % 2 else html.escape(html.unescape(part), quote=False) for index, part in enumerate(parts)
    )


def _plain(words: str) -> str:
    return html.unescape(_lines(OTHER_TAGS.sub("", words)))


def _lines(words: str) -> str:
    """Text without what would end a caption or begin another: empty lines and arrows."""
    return "\n".join(line.replace("-->", "→") for line in words.split("\n") if line.strip())
