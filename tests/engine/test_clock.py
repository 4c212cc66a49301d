"""Transport streams whose clock starts again: one recording, picture and sound in step behind every joint."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from jobs.engine import clock
from jobs.engine import cut as cutting
from jobs.engine.cutparams import CutParams
from jobs.engine.inspection import inspect
from tests.clips import Picture, Sound, heard, lag, make, seen

LOUD = [(0.5, 1.0), (2.0, 2.6), (3.1, 3.5)]


def part(folder: Path, number: int, start: int) -> Path:
    """Four seconds, on a clock that begins at `start`."""
    loud = [(begin + start, end + start) for begin, end in LOUD]
    sound = Sound(loud, seconds=4, start=Fraction(start), codec="mp2", seed=number)
    return make(folder / f"{number}.ts", Picture(seconds=4, start=Fraction(start)), sound)


@pytest.mark.parametrize("starts", [(7, 7), (7, 2, 5), (60, 3)])
def test_parts_whose_clock_starts_again_are_one_recording(starts, tmp_path):
    parts = [part(tmp_path, number, start) for number, start in enumerate(starts)]
    source = tmp_path / "joined.ts"
    source.write_bytes(b"".join(one.read_bytes() for one in parts))

    with clock.continuous(source, inspect(source), tmp_path) as (copy, info):
        assert float(info.duration) == pytest.approx(4 * len(parts), abs=0.2)
        shown = seen(copy)
        keep = ((0, float(info.duration) - 0.2),)
        result = cutting.cut(copy, tmp_path / "b.mp4", info, CutParams(keep=keep), scratch=tmp_path)

    assert [one.number for one in shown] == [*range(100)] * len(parts)
    steps = [after.time - before.time for before, after in pairwise(shown)]
    assert min(steps) > Fraction(1, 50)
    assert max(steps) < Fraction(1, 5)
    assert result.report.ok
    assert not copy.exists()
    # Behind each joint picture and sound are as far apart as they were in the part.
    samples, rate = heard(tmp_path / "b.mp4")
    times = [one.time for one in seen(tmp_path / "b.mp4") if one.number == 50]
    for number, time in enumerate(times):
        original, _ = heard(parts[number])
        expected = round((starts[number] + 2) * rate)
        at = round(time * rate)
        assert abs(lag(samples, original, at + 4800, expected + 4800)) < rate // 100


def test_a_clock_that_goes_on_costs_no_copy(tmp_path):
    source = part(tmp_path, 1, 7)
    info = inspect(source)
    with clock.continuous(source, info, tmp_path) as (same, told):
        assert (same, told) == (source, info)
