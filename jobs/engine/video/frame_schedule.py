"""Which frames of a recording a result shows, and when."""

import dataclasses
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from jobs.engine.model.segment import Segment
from jobs.engine.video.frame_index import FrameIndex, Ticks, median_step

# Distances of frames where it runs faster: what players can follow, and what slides are seen in time with.
STEPS = Fraction(1, 120), Fraction(1, 10)


@dataclasses.dataclass(frozen=True, eq=False)
class Schedule:
    """The frames of the result: which (`source_pts`), when, and for how long, in ticks of the result.

    `segment_firsts` has the number of each segment's first frame, `segment_is_stretched` says which ones run at another
    speed; none when it says nothing.
    """

    source_pts: Ticks
    start_ticks: Ticks
    duration_ticks: Ticks
    segment_firsts: tuple[int, ...]
    segment_is_stretched: tuple[bool, ...] = ()

    @property
    def all_stretched(self) -> bool:
        """Whether no segment runs at its own speed."""
        return bool(self.segment_is_stretched) and all(self.segment_is_stretched)

    @property
    def segments(self) -> Iterator[tuple[int, int, bool]]:
        """Of each segment its first frame, the one after its last, and whether it runs at another speed."""
        return zip(
            self.segment_firsts,
            (*self.segment_firsts[1:], len(self.source_pts)),
            self.segment_is_stretched or (False,) * len(self.segment_firsts),
            strict=True,
        )


def schedule(index: FrameIndex, segments: Iterable[Segment]) -> Schedule:
    """What is to be shown when the segments follow each other. Boundaries are instants of the index's clock.

    A segment begins at the tick of the result next to its exact place, so that nothing adds up over any number of them.
    """
    pts: list[Ticks] = []
    at: list[Ticks] = []
    first: list[int] = []
    stretched: list[bool] = []
    count_so_far, position = 0, Fraction(0)
    for segment in segments:
        start, end = index.ticks(segment.start), index.ticks(segment.end)
        begins = round(position)
        position += Fraction(end - start) / segment.speed
        if segment.speed == 1:
            numbers, shown = _frames_shown(index, start, end)
        elif segment.speed < 1:
            numbers, shown = _frames_prolonged(index, start, end, segment.speed)
        else:
            lasts = round(position) - begins
            numbers, shown = _frames_sampled(index, start, segment.speed, lasts, least=int(not count_so_far))
        first.append(count_so_far)
        stretched.append(segment.speed != 1)
        count_so_far += len(numbers)
        pts.append(index.pts[numbers])
        at.append(shown + begins)
    times = np.concatenate(at)
    return Schedule(np.concatenate(pts), times, np.diff(times, append=round(position)), tuple(first), tuple(stretched))


def _frames_shown(index: FrameIndex, start: int, end: int) -> tuple[Ticks, Ticks]:
    """Which frames a range shows, and when after its start.

    Its frames at their own distance from its start; and where it begins between two frames, the one that was on show
    then, from the range's start.
    """
    begin = int(np.searchsorted(index.start_ticks, start, "left"))
    stop = int(np.searchsorted(index.start_ticks, end, "left"))
    between = begin == len(index.start_ticks) or index.start_ticks[begin] > start
    numbers = np.arange(begin - (begin > 0 and between), stop)
    return numbers, np.maximum(index.start_ticks[numbers], start) - start


def _frames_prolonged(index: FrameIndex, start: int, end: int, speed: Fraction) -> tuple[Ticks, Ticks]:
    """The same frames as at their own speed, each on show for as much longer; none is made up between them."""
    numbers, shown = _frames_shown(index, start, end)
    return numbers, (2 * shown * speed.denominator + speed.numerator) // (2 * speed.numerator)


def _frames_sampled(index: FrameIndex, start: int, speed: Fraction, lasts: int, least: int) -> tuple[Ticks, Ticks]:
    """Which frames a range shows that lasts so many ticks of the result, and when after its start.

    The result keeps the recording's usual distance between frames: each shows what is on show in the recording at its
    place. The last one is left out where less than half of that distance is left, as long as there are `least` others.
    """
    shortest, longest = (round(seconds * index.clock_hz) for seconds in STEPS)
    step = min(longest, max(shortest, median_step(index.start_ticks) or longest))
    count = max((lasts + step // 2) // step, min(least, lasts))
    shown = np.arange(count, dtype=np.int64) * step
    there = start + shown * speed.numerator // speed.denominator
    numbers = np.searchsorted(index.start_ticks, there, "right") - 1
    # Before the first frame nothing is on show; one that stays on show is shown once.
    is_new = (numbers >= 0) & (np.diff(numbers, prepend=-1) != 0)
    return numbers[is_new], shown[is_new]
