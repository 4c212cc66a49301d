"""What a right cut shows and sounds like, told from the decoded recording alone."""

import bisect
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.probe.inspection import inspect
from tests.clips import Seen, heard, lag, seen

WINDOW_SECONDS = 0.05


def output_starts(plan: CutPlan) -> list[Fraction]:
    """When each kept range begins in the result."""
    return [plan.timeline.output_time(start) for start, _ in plan.keep]


def expected_pictures(source: Path, plan: CutPlan) -> list[Seen]:
    """By the numbers decoded from the source: what a viewer of the kept ranges alone would see, and when."""
    start = inspect(source).start
    shown = [Seen(one.number, one.time - start) for one in seen(source)]
    times = [one.time for one in shown]
    expected = []
    for (begin, end), at in zip(plan.keep, output_starts(plan), strict=True):
        first, last = bisect.bisect_left(times, begin), bisect.bisect_left(times, end)
        if first and times[first : first + 1] != [begin]:
            expected.append(Seen(shown[first - 1].number, at))
        expected += [Seen(one.number, at + one.time - begin) for one in shown[first:last]]
    return expected


def sound_lates(
    source: Path, output: Path, plan: CutPlan, track: int, *, every: int = 1, step_seconds: float = WINDOW_SECONDS
) -> Iterator[float]:
    """By how many seconds sound comes late (positive) in the result, looked at each so often in its loud stretches.

    In every so many kept ranges, the last of them included. Raises AssertionError where it is another sound.
    """
    original, rate = heard(source, track)
    result, result_rate = heard(output, track)
    if result_rate != rate:
        original = np.interp(
            np.arange(0, len(original) / rate, 1 / result_rate) * rate, np.arange(len(original)), original
        )
        rate = result_rate
    start = inspect(source).start
    window = round(rate * WINDOW_SECONDS)
    for (begin, end), at in list(zip(plan.keep, output_starts(plan), strict=True))[::-every]:
        for offset in np.arange(0.01, float(end - begin) - 0.06, step_seconds):
            place = round((float(start + begin) + offset) * rate)
            if place + window > len(original) or np.abs(original[place : place + window]).mean() < 0.05:
                continue
            there = round((float(at) + offset) * rate)
            yield lag(result, original, there, place, window=window, reach=rate // 4) / rate
