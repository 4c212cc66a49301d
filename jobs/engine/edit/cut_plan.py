"""What to keep of a recording: exact ranges of time, from what was measured or as given.

All times are exact seconds after the recording's start. How a plan comes about, with one character for each 100 ms,
a margin of 200 ms on either side, a shortest silence of 200 ms and a shortest clip of 200 ms:

    where there is sound                     . . # # # . # # . . . . . . . # . . . . # # # . . .
    1. shorter silences are absorbed         . . # # # # # # . . . . . . . # . . . . # # # . . .
    2. shorter clips are dropped             . . # # # # # # . . . . . . . . . . . . # # # . . .
    3. margins are added, what meets merges  # # # # # # # # # # . . . . . . . . # # # # # # # .
    4. gaps that save too little are closed
    5. the plan is snapped to the picture    each start to the frame on show then, each end to the next frame; 4 again

Absorbing comes before dropping, so that a short sound close to others (the t at the end of a word) stays, and only a
lonely one (a click) goes. Between 2 and 3 clips get their soft edges (`activity`), and short silences are absorbed
again. Silence at the very start or end is treated like any other. Shortened pauses are margins that are wide enough.
Where pauses are only muted everything is kept, and the gaps are what is muted. Where pauses run faster, the gaps do.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from jobs.engine.analysis.activity import Activity, Range, loud_activity, voice_activity
from jobs.engine.analysis.peak_levels import Levels, auto_threshold
from jobs.engine.analysis.vad import Voice
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.video.frame_index import FrameIndex
from jobs.errors import InputError

# Durations are told rounded: a given range may end this much after the recording does.
END_TOLERANCE = Fraction(1, 10)


@dataclasses.dataclass(frozen=True)
class CutPlan:
    """What stays of a recording of `duration` seconds: `keep` is ordered, disjoint, not touching, never empty.

    `detector` is what found it, None for given ranges. `threshold_db` is the level that "loudness" used. `muted` are
    stretches, ordered and disjoint, in which the sound is taken away; where there are any, all is kept. `speed` is how
    many times as fast runs what is not kept; without one it goes. Gaps shorter than `min_gap` were closed, and are
    closed again when the plan is moved.
    """

    duration: Fraction
    keep: tuple[Range, ...]
    threshold_db: float | None = None
    detector: str | None = None
    muted: tuple[Range, ...] = ()
    speed: Fraction | None = None
    min_gap: Fraction = Fraction(0)

    @property
    def removed(self) -> tuple[Range, ...]:
        """What goes: the gaps before, between and after the kept ranges, unless they run faster."""
        return () if self.speed else gaps(self.keep, self.duration)

    @property
    def fast(self) -> tuple[Range, ...]:
        """What runs faster: the gaps, if they do."""
        return gaps(self.keep, self.duration) if self.speed else ()

    @functools.cached_property
    def timeline(self) -> Timeline:
        """The result in its order."""
        kept = [Segment(start, end) for start, end in self.keep]
        fast = [Segment(start, end, self.speed or Fraction(1)) for start, end in self.fast]
        made = Timeline(tuple(sorted([*kept, *fast], key=lambda segment: segment.start)), (self.duration,))
        muted = tuple((made.output_time(start), made.output_time(end)) for start, end in self.muted)
        return dataclasses.replace(made, muted=muted)

    @property
    def output_duration(self) -> Fraction:
        return self.timeline.duration

    @property
    def saved(self) -> Fraction:
        """Seconds by which the result is shorter."""
        return self.duration - self.output_duration


def plan(heard: Levels | Voice | None, duration: Fraction, params: CutParams) -> CutPlan:
    """The plan for a recording of `duration` seconds; nothing need be heard when ranges are given.

    Raises InputError: `no_audio`, `all_silent`, `no_silence`, `bad_ranges`.
    """
    if params.keep:
        return CutPlan(duration, given_ranges(params.keep, duration), speed=params.hurry)
    if heard is None:
        raise InputError(
            "This recording has no sound, so no silence can be found in it. Choose a recording with sound, "
            "or say which ranges to keep.",
            code="no_audio",
        )
    found = voice_activity(heard) if isinstance(heard, Voice) else loud_activity(heard, params.threshold_db)
    clips = _clips(found, heard, duration, params)
    before, after = params.margins
    widened = merge((max(Fraction(0), start - before), min(duration, end + after)) for start, end in clips)
    kept = tuple(absorb(widened, duration, params.min_gap))
    muted: tuple[Range, ...] = ()
    if params.pauses == "mute":
        kept, muted = ((Fraction(0), duration),), gaps(kept, duration)
    made = CutPlan(duration, kept, found.threshold_db, params.detector, muted, params.hurry, params.min_gap)
    require_silence(made)
    return made


def _clips(found: Activity, heard: Levels | Voice, duration: Fraction, params: CutParams) -> list[Range]:
    """What was found, without what is too short, from soft edge to soft edge."""
    if not found.clips:
        raise _nothing_heard(heard, found)
    min_silence, min_clip = _ms(params.min_silence_ms), _ms(params.min_clip_ms)
    clips = [clip for clip in absorb(found.clips, duration, min_silence) if found.length_of(clip) >= min_clip]
    if not clips:
        raise _all_short(found, params)
    return absorb(merge(found.softened(clips)), duration, min_silence)


def gaps(ranges: Iterable[Range], duration: Fraction) -> tuple[Range, ...]:
    """What lies before, between and after ordered, disjoint ranges."""
    edges = [Fraction(0), *(edge for one in ranges for edge in one), duration]
    return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end)


def given_ranges(keep: Sequence[Range], duration: Fraction) -> tuple[Range, ...]:
    """The ranges a person gave, checked; those that touch become one. Raises InputError."""
    previous = Fraction(0)
    for start, end in keep:
        if start < 0 or end > duration + END_TOLERANCE:
            raise _bad_ranges(start, end, f"lies outside the recording, which is {float(duration):.3f} seconds long")
        if start >= min(end, duration):
            raise _bad_ranges(start, end, "has no length")
        if start < previous:
            raise _bad_ranges(start, end, "begins before the range in front of it has ended")
        previous = end
    return merge((start, min(end, duration)) for start, end in keep)


def absorb(clips: Iterable[Range], duration: Fraction, min_silence: Fraction) -> list[Range]:
    """Close silences shorter than `min_silence`, those at both ends of the recording too."""
    joined: list[Range] = []
    for start, end in clips:
        previous = joined[-1][1] if joined else Fraction(0)
        if start - previous >= min_silence:
            joined.append((start, end))
        elif joined:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((Fraction(0), end))
    if joined and duration - joined[-1][1] < min_silence:
        joined[-1] = (joined[-1][0], max(duration, joined[-1][1]))
    return joined


def merge(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Ordered ranges with those that touch or overlap made one, and empty ones left out."""
    merged: list[Range] = []
    for start, end in ranges:
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def snap(plan: CutPlan, index: FrameIndex) -> CutPlan:
    """Move every boundary outwards to where a frame comes on show, so that sound and picture are cut at one instant.

    Where the next frame is too far off (slides, screen recordings), and before and after the picture, the boundary
    stays where it is, on the picture's clock: the frame on show is then shown for a shorter time. A plan that is
    snapped already is returned as it is. Raises InputError when no silence is left (`no_silence`).
    """
    last = index.on_clock(plan.duration)
    return _moved(
        plan,
        ((index.frame_at_or_before(start), min(index.frame_at_or_after(end), last)) for start, end in plan.keep),
        last,
    )


def snap_to_samples(plan: CutPlan, rate: int) -> CutPlan:
    """Move every boundary to the nearest sample: for recordings without a picture."""

    def nearest(time: Fraction) -> Fraction:
        return Fraction(round(time * rate), rate)

    last = Fraction(math.floor(plan.duration * rate), rate)
    return _moved(plan, ((nearest(start), min(nearest(end), last)) for start, end in plan.keep), last)


def _moved(plan: CutPlan, ranges: Iterator[Range], last: Fraction) -> CutPlan:
    muted = merge((start, min(end, last)) for start, end in plan.muted)
    keep = tuple(absorb(merge(ranges), last, plan.min_gap))
    moved = dataclasses.replace(plan, duration=last, keep=keep, muted=muted)
    if plan.detector:
        require_silence(moved)
    return moved


def require_silence(plan: CutPlan) -> None:
    """Raise InputError when the plan would change nothing."""
    if plan.removed or plan.muted or plan.fast:
        return
    if plan.threshold_db is None:
        raise InputError(
            "No pause was found: nobody stops speaking for long enough. "
            "Choose smaller margins, or let shorter silences and smaller savings count.",
            code="no_silence",
        )
    raise InputError(
        f"No silence was found: nothing quieter than {plan.threshold_db:g} dBFS lasts long enough to be cut. "
        "Choose a higher threshold or smaller margins, or let shorter silences and smaller savings count.",
        code="no_silence",
    )


def _ms(value: int) -> Fraction:
    return Fraction(value, 1000)


def _nothing_heard(heard: Levels | Voice, found: Activity) -> InputError:
    if isinstance(heard, Voice):
        return InputError(
            "Nobody speaks in this recording. Look for silence by loudness instead, or choose another track.",
            code="all_silent",
        )
    if not np.isfinite(heard.loudest):
        return InputError(
            "The sound of this recording is digital silence from start to end. Choose another track or recording.",
            code="all_silent",
        )
    proposal = math.floor(min(auto_threshold(heard), heard.loudest - 1))
    return InputError(
        f"Nothing in this recording reaches the threshold of {found.threshold_db:g} dBFS: its loudest sound is at "
        f"{heard.loudest:.1f} dBFS. Choose a threshold of {proposal} dBFS or so.",
        code="all_silent",
    )


def _all_short(found: Activity, params: CutParams) -> InputError:
    if found.threshold_db is None:
        return InputError(
            f"Nobody speaks for as long as {params.min_clip_ms} ms in this recording. "
            "Let shorter sounds count, or look for silence by loudness instead.",
            code="all_silent",
        )
    return InputError(
        f"Every sound of this recording that reaches {found.threshold_db:g} dBFS is shorter than "
        f"{params.min_clip_ms} ms. Choose a lower threshold, or let shorter sounds count.",
        code="all_silent",
    )


def _bad_ranges(start: Fraction, end: Fraction, what: str) -> InputError:
    return InputError(
        f"The range from {float(start):g} to {float(end):g} seconds {what}. Correct the ranges to keep.",
        code="bad_ranges",
    )
