"""Where the audio of a result lies against its source: measured in short windows spread over the result.

At its own speed its waveform is found in the source by cross-correlation, to a hundredth of a millisecond. At another
speed no waveform is left, and energies of bands are compared instead (`spectral_correlation`), to 10 ms or so.
"""

import bisect
import dataclasses
import functools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from jobs.engine.analysis import cross_correlation, spectral_correlation
from jobs.engine.analysis.cross_correlation import Match
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import output_channels, output_rate
from jobs.engine.audio.sample_ranges import FADE_SECONDS
from jobs.engine.audio.window_reader import WindowReader
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import ComparedWindow, Fault
from jobs.engine.model.timeline import Timeline
from jobs.engine.runtime.threads import CancellationToken, WorkerThread
from jobs.engine.video.source import Source

# Around this many instants spread evenly over the result, and around this many of its joins.
SPREAD = 12
JOINS = 8
WINDOW_SECONDS = Fraction(7, 10)
SHORTEST_SECONDS = Fraction(1, 10)
REACH_SECONDS = Fraction(1, 4)
"""How far from where it should be audio is looked for, either way."""
LIMIT_SECONDS = 0.010
# The same sound through a lossy encoder stays above, in the band of speech; another one hardly ever comes near.
SAME = 0.65
# Another sound stays below this.
DIFFERENT = 0.25
# By how much the best offset has to fit better than any other.
CLEAR = 0.05
# The same for audio at another speed; its offset is found to 12 ms at worst, and a viewer minds from 40 ms on.
STRETCHED_LIMIT_SECONDS = 0.025
# What rises and falls is at least as like its source as this, and steady noise as that.
SAME_VARIED, SAME_STEADY = 0.4, 0.25
SHORTEST_STRETCHED_SECONDS = Fraction(3, 10)
# By how much the result may be fainter than its source (20 dB).
FAINTER = 0.1
MAXIMUM_SPEED = 20
"""Faster than this hardly any of the source is heard, and nothing can be compared."""
# Root mean square. What is fainter proves something when it is found, and nothing when not.
FAINT = 10 ** (-50 / 20)

DAMAGED = (
    "The recording is damaged: most of {} that is to be kept cannot be decoded. If it plays well elsewhere, "
    "export it anew there and upload that."
)


class Window(NamedTuple):
    """A range inside one segment: seconds in the result, seconds in the source, length in seconds of the result."""

    at: Fraction
    source: Fraction
    seconds: Fraction
    speed: Fraction = Fraction(1)


class Comparison(NamedTuple):
    """`is_found`: the audio is in the source, at one offset only. `differs`: it is other audio than the source's."""

    match: Match
    is_found: bool
    differs: bool
    limit_seconds: float


@dataclasses.dataclass(frozen=True)
class Offsets:
    heard: tuple[ComparedWindow, ...] = ()
    skipped: int = 0
    faults: tuple[Fault, ...] = ()


def windows(timeline: Timeline) -> list[Window]:
    """Where to listen, in rising order, to what runs at its own speed and to what does not.

    After the start, before the end, between, and either side of some joins.
    """
    there = spans(timeline)
    own = [span for span in there if span.speed == 1]
    others = [span for span in there if span.speed != 1]
    return sorted(_chosen(own, timeline.duration) + _chosen(others, timeline.duration))


def _chosen(there: Sequence[Window], total: Fraction) -> list[Window]:
    if not there:
        return []
    times = {total * step / (SPREAD - 1) for step in range(SPREAD)}
    for number in {round(step * (len(there) - 1) / JOINS) for step in range(1, JOINS + 1)} - {0}:
        times |= {there[number].at, there[number - 1].at + there[number - 1].seconds}
    chosen: list[Window] = []
    for window in sorted({_within(there, time) for time in times}):
        if chosen and window.at - chosen[-1].at < window.seconds / 2:
            # The later one, so that the very end is always listened to.
            chosen.pop()
        chosen.append(window)
    return chosen


def spans(timeline: Timeline) -> list[Window]:
    """All audio that is the source's own and not faded, in spans that are long enough to be told from others."""
    long: list[Window] = []
    for begins, segment in timeline.placed:
        if segment.speed > MAXIMUM_SPEED:
            continue
        ends = begins + segment.output_duration
        shortest = SHORTEST_SECONDS if segment.speed == 1 else _of_source(SHORTEST_STRETCHED_SECONDS, segment.speed)
        edges = [begins, *(edge for muted in timeline.muted for edge in muted if begins < edge < ends), ends]
        if any(first <= begins < last for first, last in timeline.muted):
            edges = edges[1:]
        for first, last in zip(edges[::2], edges[1::2], strict=False):
            room = last - first - 2 * FADE_SECONDS
            if room >= shortest:
                at = first + FADE_SECONDS
                long.append(Window(at, segment.start + (at - begins) * segment.speed, room, segment.speed))
    return long


def _within(there: Sequence[Window], time: Fraction) -> Window:
    """The window nearest to `time`, in the last span that has begun there."""
    number = max(0, bisect.bisect(there, time, key=lambda span: span.at) - 1)
    span = there[number]
    seconds = min(span.seconds, _of_source(WINDOW_SECONDS, span.speed))
    offset = min(max(time - span.at - seconds / 2, Fraction(0)), span.seconds - seconds)
    return Window(span.at + offset, span.source + offset * span.speed, seconds, span.speed)


def _of_source(seconds: Fraction, speed: Fraction) -> Fraction:
    """So much of the result that it holds as many seconds of the source at least."""
    return seconds / min(Fraction(1), speed)


def offsets(
    source: Source,
    output: Path,
    timelines: Sequence[Timeline],
    task: WorkerThread[Any],
    *,
    made: MediaInfo | None = None,
) -> Offsets:
    """Find each audio track of the result in the source, which has as many, and `timelines` one for each.

    Raises InputError.

    `made` are the result's facts where it is no MP4 or QuickTime file whose times begin at zero.

    `task` is the thread this runs in: it is told how far the work is, and can end it.
    """
    info = source.info
    # An MP4 or QuickTime file whose times begin at zero; of its facts none else is asked for.
    result_info = made or MediaInfo("mov", info.duration, info.size_bytes)
    first = 1 if info.video else 0
    each: list[Offsets] = []
    for number, (track, timeline) in enumerate(zip(info.audio, timelines, strict=True)):
        original, wanted = AudioSource(*source.audio(track)), windows(timeline)
        result = AudioSource(output, result_info, dataclasses.replace(track, index=first + number))
        each.append(compared(original, result, wanted, TrackNumber(number, len(info.audio)), task.token))
        task.fraction = len(each) / len(info.audio)
    return together(each)


@dataclasses.dataclass(frozen=True)
class TrackNumber:
    """Which of so many audio tracks, counted from 0."""

    number: int
    count: int

    @property
    def name(self) -> str:
        return "The sound" if self.count == 1 else f"The sound of track {self.number + 1}"


def compared(
    source: AudioSource, output: AudioSource, wanted: Sequence[Window], which: TrackNumber, token: CancellationToken
) -> Offsets:
    """Find windows of that track in a track of a source. Raises InputError."""
    compare = functools.partial(_compared, source, output, wanted, which, token)
    found = compare(can_seek=True)
    # A demuxer that seeks by guessing may have the wrong times: what reading from the start finds counts.
    return compare(can_seek=False) if found.faults else found


def together(each: Sequence[Offsets]) -> Offsets:
    """What was found of several tracks, or of several sources."""
    return Offsets(
        tuple(one for track in each for one in track.heard),
        sum(track.skipped for track in each),
        tuple(fault for track in each for fault in track.faults),
    )


def _compared(
    source: AudioSource,
    output: AudioSource,
    wanted: Sequence[Window],
    which: TrackNumber,
    token: CancellationToken,
    *,
    can_seek: bool,
) -> Offsets:
    rate, channels = output_rate(source.track), output_channels(source.track)
    opened = functools.partial(WindowReader.opened, rate=rate, channels=channels, can_seek=can_seek, token=token)
    with opened(source) as original, opened(output) as result:
        heard, faults, damaged = [], [], 0
        for window in wanted:
            compared = _compare(original, result, window)
            if original.damaged:
                damaged += 1
                continue
            if compared.is_found:
                late_ms, likeness = milliseconds(compared.match.late_seconds), round(compared.match.likeness, 3)
                heard.append(ComparedWindow(which.number, round(float(window.at), 3), late_ms, likeness))
            if fault := judged(compared, float(window.at), which.name):
                faults.append(fault)
    skipped = len(wanted) - len(heard) - sum(fault.code == "sound_differs" for fault in faults)
    if damaged > len(wanted) / 2:
        faults.append(Fault("damaged_source", DAMAGED.format(which.name.lower())))
    return Offsets(tuple(heard), skipped, tuple(faults))


def _compare(original: WindowReader, result: WindowReader, window: Window) -> Comparison:
    return (_compare_waveforms if window.speed == 1 else _compare_energies)(original, result, window)


def _compare_waveforms(original: WindowReader, result: WindowReader, window: Window) -> Comparison:
    count = int(window.seconds * result.rate)
    output_samples = result.window(window.at, count)
    margin = REACH_SECONDS + cross_correlation.GUARD_SECONDS
    source_samples = original.window(window.source - margin, count + 2 * int(margin * result.rate))
    match = cross_correlation.match(output_samples, source_samples, result.rate, round(margin * result.rate))
    # Where the source is silent, encoders leave a trace of what was there before; it looks like the end of that sound.
    is_trace = match.level <= cross_correlation.SILENCE_AMPLITUDE and match.piece_level < FAINT
    is_heard = match.piece_level > 0 and not is_trace
    is_found = is_heard and match.likeness >= SAME and match.likeness - match.rival >= CLEAR
    differs = match.likeness < DIFFERENT and match.level >= FAINT
    return Comparison(match, is_found, differs, LIMIT_SECONDS)


def _compare_energies(original: WindowReader, result: WindowReader, window: Window) -> Comparison:
    speed, reach, rate = float(window.speed), float(REACH_SECONDS), result.rate
    output_samples = result.window(window.at, int(window.seconds * rate))
    lead = Fraction(spectral_correlation.lead_seconds(speed, reach))
    source_samples = original.window(window.source - lead, int((window.seconds * window.speed + 2 * lead) * rate))
    match, is_varied = spectral_correlation.match(output_samples, source_samples, rate, speed, reach)
    same = SAME_VARIED if is_varied else SAME_STEADY
    is_heard = min(match.level, match.piece_level) > cross_correlation.SILENCE_AMPLITUDE
    is_found = is_heard and match.likeness >= same and match.likeness - match.rival >= CLEAR
    is_other = (is_varied and match.likeness < same) or match.piece_level < FAINTER * match.level
    return Comparison(match, is_found, is_other and match.level >= FAINT, STRETCHED_LIMIT_SECONDS)


def milliseconds(seconds: float) -> float:
    # Adding 0 takes the sign from a zero: nothing is late by -0.0 ms.
    return round(seconds * 1000, 3) + 0.0


def judged(compared: Comparison, at: float, name: str) -> Fault | None:
    """What is wrong with the sound called `name` at second `at` of the result, if anything is."""
    late_ms = compared.match.late_seconds * 1000
    if compared.is_found and abs(late_ms) >= 1000 * compared.limit_seconds:
        way = "late" if late_ms > 0 else "early"
        return Fault("sound_moved", f"{name} is {abs(late_ms):.1f} ms {way} at {at:.1f} s.", round(at, 3))
    if compared.differs:
        return Fault("sound_differs", f"{name} at {at:.1f} s is not that of the recording.", round(at, 3))
    return None
