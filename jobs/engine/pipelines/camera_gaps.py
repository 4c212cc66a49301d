"""Whether recordings that follow each other were taken without a pause: what lies between two, or is in both.

Told by what is heard where the end of one comes again at the beginning of the next (dashboard cameras overlap their
files), else by timecode, else by the dates that cameras write. What tells nothing is no finding.
"""

import contextlib
import dataclasses
import datetime
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import av.error

from jobs.engine.analysis import cross_correlation
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import output_channels, output_rate
from jobs.engine.audio.window_reader import WindowReader
from jobs.engine.container import demuxing
from jobs.engine.edit.exports import timecode
from jobs.engine.model.mediainfo import demuxer
from jobs.engine.render.joined_parts import Joined, Part
from jobs.engine.runtime.threads import CancellationToken
from jobs.errors import JobError

By = Literal["sound", "timecode", "dates"]
SEARCHED_SECONDS = Fraction(12)
"""Of the end of a recording: cameras repeat a few seconds at most."""
PROBE_SECONDS, PROBE_AT = Fraction(1), Fraction(1, 10)
"""Of the beginning of the next one, and from where: encoders need a moment to start."""
SAME, CLEAR = 0.9, 0.2
"""How alike both have to be, and by how much more than anywhere else, to be the same audio."""
MINIMUM_LEVEL = 10 ** (-50 / 20)
DATE_SECONDS = 2
"""How exact dates are: whole seconds, written when a camera finds the time."""
LONGEST_SECONDS = 86_400
"""What lies further apart was not taken in one go, and nobody needs to be told."""
SAME_TIMECODE_FRAMES = 1


@dataclasses.dataclass(frozen=True)
class CameraGap:
    """Behind the part `after` (counted from 0) `seconds` are missing; negative: so much is there twice."""

    after: int
    seconds: float
    by: By

    @property
    def sentence(self) -> str:
        return f"{self._what} ({WORDS[self.by]})."

    @property
    def _what(self) -> str:
        pair = f"recordings {self.after + 1} and {self.after + 2}"
        length = f"{abs(self.seconds):.3g} s"
        if self.seconds < 0:
            return f"{length} of the end of recording {self.after + 1} come again in recording {self.after + 2}"
        return f"{length} are missing between {pair}"

    def to_json(self) -> dict[str, Any]:
        return {"after": self.after, "seconds": round(self.seconds, 3), "by": self.by}


WORDS: dict[By, str] = {
    "sound": "heard in both",
    "timecode": "as their timecode tells",
    "dates": "as the dates in them tell, to about two seconds",
}


def gaps(joined: Joined, token: CancellationToken) -> list[CameraGap]:
    """What is told of each join; one where nothing is missing and nothing comes twice is left out."""
    parts = joined.parts
    dates = _dates(parts)
    found = []
    for number, (before, after) in enumerate(itertools.pairwise(parts)):
        token.check()
        gap = _heard(number, before, after, token) or _timecoded(number, joined) or _dated(number, joined, dates)
        if gap and gap.seconds:
            found.append(gap)
    return found


def _heard(number: int, before: Part, after: Part, token: CancellationToken) -> CameraGap | None:
    """An overlap: the beginning of the one is found near the end of the other."""
    if not (before.info.audio and after.info.audio) or before.source.path == after.source.path:
        return None
    with contextlib.suppress(JobError, av.error.FFmpegError):
        track = before.info.audio[0]
        rate, channels = output_rate(track), output_channels(track)
        guard = cross_correlation.GUARD_SECONDS
        begin = max(Fraction(0), before.info.duration - SEARCHED_SECONDS)
        count = int((before.info.duration - begin + guard) * rate)
        ending = AudioSource(before.source.path, before.info, track)
        beginning = AudioSource(after.source.path, after.info, after.info.audio[0])
        with WindowReader.opened(beginning, rate=rate, channels=channels, token=token) as reader:
            piece = reader.window(PROBE_AT, int(PROBE_SECONDS * rate))
        with WindowReader.opened(ending, rate=rate, channels=channels, token=token) as reader:
            around = reader.window(begin, count)
        if len(around) < len(piece) + 2 * int(guard * rate):
            return None
        expected = int(guard * rate)
        match = cross_correlation.match(piece, around, rate, expected)
        if match.likeness < SAME or match.likeness - match.rival < CLEAR or match.piece_level < MINIMUM_LEVEL:
            return None
        place = float(begin) + expected / rate - match.late_seconds - float(PROBE_AT)
        return CameraGap(number, round(place - float(before.info.duration), 4), "sound")
    return None


def _timecoded(number: int, joined: Joined) -> CameraGap | None:
    before, after = joined.parts[number : number + 2]
    rate = timecode.timeline_rate(before.info)
    labels = [timecode.of_recording(part.source.path, part.info) for part in (before, after)]
    # Chapters of some cameras all carry the timecode of the first.
    if not all(labels) or labels[0] == labels[1] or rate != timecode.timeline_rate(after.info):
        return None
    with contextlib.suppress(ValueError):
        first, second = (timecode.to_frames(label, rate) for label in labels)
        frames = second - first - round((before.frames_end or before.info.duration) * rate)
        seconds = Fraction(0) if abs(frames) <= SAME_TIMECODE_FRAMES else frames / rate
        return CameraGap(number, float(seconds), "timecode") if abs(seconds) < LONGEST_SECONDS else None
    return None


def _dates(parts: Sequence[Part]) -> list[datetime.datetime | None]:
    """When each was taken, as its file tells it."""
    return [_date(part) for part in parts]


def _date(part: Part) -> datetime.datetime | None:
    with (
        contextlib.suppress(av.error.FFmpegError, ValueError),
        demuxing.opened(part.source.path, demuxer(part.info)) as container,
    ):
        told = container.metadata.get("creation_time", "")
        date = datetime.datetime.fromisoformat(told.replace("Z", "+00:00"))
        # Clocks of MP4 begin in 1904, where most of them were never set.
        if date.year > 1980:
            return date if date.tzinfo else date.replace(tzinfo=datetime.UTC)
    return None


def _dated(number: int, joined: Joined, dates: Sequence[datetime.datetime | None]) -> CameraGap | None:
    """By dates of the beginning or of the end: whichever of both leaves less between any two parts."""
    before, after = dates[number : number + 2]
    if before is None or after is None or before >= after:
        return None
    apart = (after - before).total_seconds()
    lengths = [float(part.info.duration) for part in joined.parts[number : number + 2]]
    # Some cameras write when they began, others when they ended.
    seconds = min((apart - length for length in lengths), key=abs)
    if abs(seconds) > LONGEST_SECONDS:
        return None
    return CameraGap(number, 0.0 if abs(seconds) <= DATE_SECONDS else seconds, "dates")
