"""What to keep of a recording: exact ranges of time, from levels or as given.

All times are exact seconds after the recording's start. How a plan comes about, with one character for each 100 ms,
a margin of 200 ms on either side, a shortest silence of 200 ms and a shortest clip of 200 ms:

    loud steps (at the threshold or above)   . . # # # . # # . . . . . . . # . . . . # # # . . .
    1. shorter silences are absorbed         . . # # # # # # . . . . . . . # . . . . # # # . . .
    2. shorter clips are dropped             . . # # # # # # . . . . . . . . . . . . # # # . . .
    3. margins are added, what meets merges  # # # # # # # # # # . . . . . . . . # # # # # # # .
    4. the plan is snapped to the picture    each start to the frame on show then, each end to the next frame

Absorbing comes before dropping, so that a short sound close to others (the t at the end of a word) stays, and only a
lonely one (a click) goes. Silence at the very start or end is treated like any other.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import numpy as np

from jobs.engine.levels import STEP, Levels, auto_threshold
from jobs.engine.timeline import FrameIndex
from jobs.errors import InputError

Range = tuple[Fraction, Fraction]
"""From the first instant, included, to the second, excluded, in seconds after the recording's start."""

# Durations are told rounded: a given range may end this much after the recording does.
END_TOLERANCE = Fraction(1, 10)


@dataclasses.dataclass(frozen=True)
class CutParams:
    """How to cut. Silence is where the loudest sample of 20 ms stays under `threshold_db`.

    `keep` are ranges in seconds (numbers, or strings like "12.5"); when there are any they win, and levels are not
    looked at. Raises InputError on values that make no sense.
    """

    threshold_db: float | Literal["auto"] = "auto"
    """dBFS: 0 is full scale; "auto" takes it from the recording."""
    margin_before_ms: int = 200
    """Kept before each sound."""
    margin_after_ms: int = 200
    """Kept after each sound."""
    min_silence_ms: int = 200
    """Shorter silences stay."""
    min_clip_ms: int = 100
    """Shorter sounds, alone between silences, go."""
    keep: tuple[Range, ...] = ()

    def __post_init__(self) -> None:
        if self.threshold_db != "auto" and not -120 <= float(self.threshold_db) <= 0:
            raise InputError('The threshold has to be "auto" or lie between -120 and 0 dBFS.', code="bad_params")
        for name in ("margin_before_ms", "margin_after_ms", "min_silence_ms", "min_clip_ms"):
            if not 0 <= getattr(self, name) <= 3_600_000:
                raise InputError(
                    f"{name} has to lie between 0 and 3600000 milliseconds. Choose another value.", code="bad_params"
                )
        object.__setattr__(self, "keep", tuple((seconds(start), seconds(end)) for start, end in self.keep))


@dataclasses.dataclass(frozen=True)
class CutPlan:
    """What stays of a recording of `duration` seconds: `keep` is ordered, disjoint, not touching, never empty.

    `threshold_db` is the threshold that was used; None for given ranges.
    """

    duration: Fraction
    keep: tuple[Range, ...]
    threshold_db: float | None = None

    @property
    def removed(self) -> tuple[Range, ...]:
        """What goes: the gaps before, between and after the kept ranges."""
        edges = [Fraction(0), *(edge for kept in self.keep for edge in kept), self.duration]
        return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end)

    @property
    def output_duration(self) -> Fraction:
        return sum((end - start for start, end in self.keep), Fraction(0))

    @property
    def saved(self) -> Fraction:
        """Seconds by which the result is shorter."""
        return self.duration - self.output_duration

    @property
    def output_starts(self) -> tuple[Fraction, ...]:
        """Where each kept range begins in the result."""
        starts, position = [], Fraction(0)
        for start, end in self.keep:
            starts.append(position)
            position += end - start
        return tuple(starts)


def seconds(value: Fraction | float | str) -> Fraction:
    """An exact time from a number as a person wrote it: 1.1 is eleven tenths. Raises InputError."""
    try:
        return value if isinstance(value, Fraction) else Fraction(Decimal(str(value)))
    except (ArithmeticError, ValueError) as error:
        raise InputError(f'"{value}" is not a time. Write seconds, like 12.5.', code="bad_ranges") from error


def plan(levels: Levels | None, duration: Fraction, params: CutParams) -> CutPlan:
    """The plan for a recording of `duration` seconds; `levels` may be None when ranges are given.

    Raises InputError: `no_audio`, `all_silent`, `no_silence`, `bad_ranges`.
    """
    if params.keep:
        return CutPlan(duration, given_ranges(params.keep, duration))
    if levels is None:
        raise InputError(
            "This recording has no sound, so no silence can be found in it. Choose a recording with sound, "
            "or say which ranges to keep.",
            code="no_audio",
        )
    threshold = auto_threshold(levels) if params.threshold_db == "auto" else float(params.threshold_db)
    clips = loud_ranges(levels, threshold)
    if not clips:
        raise _all_silent(levels, threshold)
    clips = absorb(clips, duration, _ms(params.min_silence_ms))
    clips = drop(clips, _ms(params.min_clip_ms))
    if not clips:
        raise InputError(
            f"Every sound of this recording that reaches {threshold:g} dBFS is shorter than {params.min_clip_ms} ms. "
            "Choose a lower threshold or a smaller shortest clip.",
            code="all_silent",
        )
    kept = CutPlan(duration, widen(clips, duration, params), threshold)
    require_silence(kept)
    return kept


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


def loud_ranges(levels: Levels, threshold_db: float) -> list[Range]:
    """Runs of steps at the threshold or above it; the last step may be cut short by the end of the sound."""
    if threshold_db == -np.inf:
        return []
    loud = np.concatenate(([False], levels.db >= threshold_db, [False]))
    edges = np.flatnonzero(loud[1:] != loud[:-1]).tolist()
    return [
        (start * STEP, min(end * STEP, levels.duration)) for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


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


def drop(clips: Iterable[Range], min_clip: Fraction) -> list[Range]:
    """Leave out clips shorter than `min_clip`."""
    return [(start, end) for start, end in clips if end - start >= min_clip]


def widen(clips: Iterable[Range], duration: Fraction, params: CutParams) -> tuple[Range, ...]:
    """Add the margins, inside the recording, and merge what then meets."""
    before, after = _ms(params.margin_before_ms), _ms(params.margin_after_ms)
    return merge((max(Fraction(0), start - before), min(duration, end + after)) for start, end in clips)


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
    moved = dataclasses.replace(plan, duration=last, keep=merge(ranges))
    if plan.threshold_db is not None:
        require_silence(moved)
    return moved


def require_silence(plan: CutPlan) -> None:
    """Raise InputError when the plan would cut nothing."""
    if not plan.removed:
        raise InputError(
            f"No silence was found: nothing quieter than {plan.threshold_db:g} dBFS lasts long enough to be cut. "
            "Choose a higher threshold, smaller margins or a smaller shortest silence.",
            code="no_silence",
        )


def _ms(value: int) -> Fraction:
    return Fraction(value, 1000)


def _all_silent(levels: Levels, threshold: float) -> InputError:
    if not np.isfinite(levels.loudest):
        return InputError(
            "The sound of this recording is digital silence from start to end. Choose another track or recording.",
            code="all_silent",
        )
    proposal = math.floor(min(auto_threshold(levels), levels.loudest - 1))
    return InputError(
        f"Nothing in this recording reaches the threshold of {threshold:g} dBFS: its loudest sound is at "
        f"{levels.loudest:.1f} dBFS. Choose a threshold of {proposal} dBFS or so.",
        code="all_silent",
    )


def _bad_ranges(start: Fraction, end: Fraction, what: str) -> InputError:
    return InputError(
        f"The range from {float(start):g} to {float(end):g} seconds {what}. Correct the ranges to keep.",
        code="bad_ranges",
    )
