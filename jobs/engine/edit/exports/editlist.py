"""A cut as editing programs count it: whole frames of the recording, one after the other."""

import dataclasses
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.edit.exports import timecode
from jobs.engine.model.mediainfo import MediaInfo

# What neither XML nor a line of text can hold: control characters, halves of characters, and what is none at all.
UNWRITABLE = "[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
EXACT = Fraction(1, 1000)
"""Seconds: time stamps in milliseconds are this far off their frames."""

MAXIMUM_EVENTS = 999
"""An EDL numbers its events with three digits."""

Counted = tuple[int, int, bool, Fraction]
"""First frame of the recording, the one after the last, whether only the video is kept, and the speed."""


@dataclasses.dataclass(frozen=True)
class Edit:
    """A segment: `frames` frames from frame `source` of the recording on, at frame `record` of the result.

    With `silent` only its video is kept. It runs `speed` times as fast, and `lasts` frames in the result.
    """

    source: int
    frames: int
    record: int
    lasts: int
    silent: bool = False
    speed: Fraction = Fraction(1)


@dataclasses.dataclass(frozen=True)
class EditList:
    """A cut in frames at `rate`.

    `title` names the timeline, `name` and `url` the recording's file. `start` is the timecode of its first frame, in
    frames; `drop_frame` says how timecode counts. `frames` is how many the recording has. No boundary lies further
    than `off` seconds from where the plan has it.
    """

    title: str
    name: str
    url: str
    info: MediaInfo
    plan: CutPlan
    rate: Fraction
    drop_frame: bool
    start: int
    frames: int
    edits: tuple[Edit, ...]
    off: Fraction

    @property
    def length(self) -> int:
        """How many frames the result has."""
        return sum(edit.lasts for edit in self.edits)

    def without_fast(self) -> "EditList":
        """The cut for a format that knows no speeds: what runs faster is left out."""
        kept = [(edit.source, edit.source + edit.frames, edit.silent, edit.speed) for edit in self.edits]
        return dataclasses.replace(self, edits=tuple(_edits([one for one in kept if one[3] == 1])))

    @property
    def note(self) -> str:
        """What an editor should know, in a few sentences; empty when every timeline is the result to the frame."""
        return " ".join(filter(None, (self._frames_note, self._speed_note, self._events_note)))

    @property
    def _speed_note(self) -> str:
        if not self.plan.speed:
            return ""
        return (
            f"Pauses run {float(self.plan.speed):g} times as fast, to the nearest frame; in the .xml timeline, which "
            "cannot tell speeds to every program, they are left out."
        )

    @property
    def _events_note(self) -> str:
        # Muted ranges of audio alone are gaps, not events.
        count = sum(bool(self.info.video) or not edit.silent for edit in self.edits)
        if count <= MAXIMUM_EVENTS:
            return ""
        return (
            f"The .edl timeline has {count} events, CMX 3600 counts to {MAXIMUM_EVENTS}: some programs read no further."
        )

    @property
    def _frames_note(self) -> str:
        rate = f"{float(self.rate):.5g} frames a second"
        if not self.info.video:
            return f"A recording without a picture has no frames: the timeline counts {rate}, cuts are at the nearest."
        if self.info.video.variable_rate:
            return f"The pictures come at a variable rate: the timeline counts {rate}, cuts are at the nearest frame."
        own = self.info.video.frame_rate
        if self.off > EXACT and not timecode.is_multiple(self.rate, own):
            return f"The timeline counts {rate}, the recording has {float(own):.5g}: cuts are at the nearest frame."
        return ""

    def timecode(self, frames: int) -> str:
        return timecode.to_text(frames, self.rate, self.drop_frame)


def edit_list(plan: CutPlan, info: MediaInfo, *, title: str, name: str, url: str, label: str = "") -> EditList:
    """The plan in frames of a timeline rate (see `timecode.timeline_rate`).

    `label` is the timecode of the recording's first frame; without one it counts from 0, and at 29.97 and 59.94 it
    drops numbers. Whatever the recording's start time, its first frame is frame 0, as in every editing program.
    """
    rate = timecode.timeline_rate(info)
    try:
        start = timecode.to_frames(label, rate) if label else 0
    except ValueError:
        start, label = 0, ""
    frames, off = _frames(plan, rate, steady=bool(info.video and not info.video.variable_rate))
    drop_frame = rate in timecode.DROP_RATES and (timecode.is_drop(label) if label else True)
    edits = tuple(_edits(frames))
    ends = [edit.source + edit.frames for edit in edits]
    total = max(_nearest(plan.duration * rate), *ends)
    return EditList(one_line(title), one_line(name), url, info, plan, rate, drop_frame, start, total, edits, off)


def one_line(text: str) -> str:
    """Text that can stand in any of the files: one line, nothing invisible; never empty."""
    whole = text.encode("utf-8", "replace").decode()
    return " ".join(re.sub(UNWRITABLE, " ", whole).split()) or "recording"


def _frames(plan: CutPlan, rate: Fraction, steady: bool) -> tuple[list[Counted], Fraction]:
    """What the result is made of in frames; and how far off the furthest boundary is, in seconds.

    Steady frames need not begin with the recording: they all are late by the same part of a frame, which is taken
    from a boundary in its middle. Half a frame would otherwise be rounded now up, now down.
    """
    ranges = sorted([*_pieces(plan), *((start, end, False, plan.speed) for start, end in plan.fast if plan.speed)])
    inner = [time for piece in ranges for time in piece[:2] if 0 < time < plan.duration]
    late = inner[0] * rate - _nearest(inner[0] * rate) if steady and inner else Fraction(0)

    def frame(time: Fraction) -> int:
        return max(0, _nearest(time * rate - late)) if time else 0

    off = max((abs(time * rate - late - frame(time)) / rate for time in inner), default=Fraction(0))
    counted: list[Counted] = []
    for begin, end, silent, speed in ranges:
        first = max(frame(begin), counted[-1][1]) if counted else frame(begin)
        last = max(frame(end), first + 1)
        if counted and counted[-1][1:] == (first, silent, speed):
            first = counted.pop()[0]
        counted.append((first, last, silent, speed))
    return counted, off


def _pieces(plan: CutPlan) -> Iterator[tuple[Fraction, Fraction, bool, Fraction]]:
    """The kept ranges, split where the audio is muted and where it comes back."""
    edges = {edge for piece in plan.muted for edge in piece}
    for start, end in plan.keep:
        marks = sorted({start, end, *(edge for edge in edges if start < edge < end)})
        for begin, stop in pairwise(marks):
            silent = any(first <= begin and stop <= last for first, last in plan.muted)
            yield begin, stop, silent, Fraction(1)


def _edits(frames: list[Counted]) -> Iterator[Edit]:
    position = Fraction(0)
    for first, last, silent, speed in frames:
        record = _nearest(position)
        position += (last - first) / speed
        if lasts := _nearest(position) - record:
            yield Edit(first, last - first, record, lasts, silent, speed)


def _nearest(value: Fraction) -> int:
    """The nearest whole number, halves always up: Python's own rounding sends them now up, now down."""
    return math.floor(value + Fraction(1, 2))
