"""Faster and slower: every frame in its place, the duration exact, the audio in step."""

import math
from fractions import Fraction

import numpy as np
import pytest

from jobs.engine.pipelines.change_speed import SpeedChange, change_speed
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests.clips import Picture, Sound, heard, make, seen

# Uneven: what repeats fits in more than one place.
BEEPS = [(0.2, 0.5), (1.35, 1.5), (2.1, 2.6), (3.45, 3.7), (4.3, 4.6), (5.15, 5.8)]
SPEEDS = [Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(5, 4), Fraction(2), Fraction(4)]
COPYABLE = Picture(seconds=6, options={"preset": "ultrafast", "g": "25", "bf": "0"})


def changed(source, output, change: SpeedChange, tmp_path):
    return change_speed(Source(source, inspect(source)), change, output, Workspace(tmp_path))


@pytest.mark.parametrize("speed", SPEEDS, ids=str)
def test_each_frame_is_the_one_of_its_moment_and_the_audio_is_in_step_each_second(speed, tmp_path):
    source = make(tmp_path / "a.mp4", COPYABLE, Sound(BEEPS, seconds=6, floor_db=-50))
    result = changed(source, tmp_path / "b.mp4", SpeedChange(speed), tmp_path)
    assert result.timeline.duration == 6 / speed
    assert result.report.ok
    found = seen(tmp_path / "b.mp4")
    # Slower: each for longer, none made up. Faster: at the recording's own rate.
    times = [Fraction(number, 25) / min(1, speed) for number in range(len(found))]
    assert len(found) == (150 if speed <= 1 else math.ceil(150 / speed))
    assert max(abs(one.time - time) for one, time in zip(found, times, strict=True)) < Fraction(1, 10_000)
    # A tick is rounded away.
    assert [one.number for one in found] == [int((time * speed + Fraction(1, 1000)) * 25) for time in times]
    assert result.report.heard
    assert result.report.drift_ms < 20
    samples, rate = heard(tmp_path / "b.mp4")
    for begins, _ in BEEPS:
        # Within 12 ms of the recording, and as long in the result where that is faster.
        early = max(0, round((begins / float(speed) - 0.08) * rate))
        onset = early + int(np.argmax(np.abs(samples[early:]) > 0.1))
        assert abs(onset / rate - begins / float(speed)) < 0.012 / min(1, speed)
    assert inspect(tmp_path / "b.mp4").duration == pytest.approx(6 / speed, abs=0.001)


def test_what_keeps_its_speed_is_copied(tmp_path):
    source = make(tmp_path / "a.mp4", COPYABLE, Sound(BEEPS, seconds=6))
    whole = changed(source, tmp_path / "b.mp4", SpeedChange(Fraction(1)), tmp_path)
    assert (whole.strategy.render, whole.strategy.copied) == ("smart", 150)
    part = changed(source, tmp_path / "c.mp4", SpeedChange(Fraction(2), Fraction(2), Fraction(3)), tmp_path)
    assert part.timeline.duration == Fraction(11, 2)
    assert part.strategy.render == "smart"
    assert part.strategy.copied >= 100
    found = seen(tmp_path / "c.mp4")
    assert [one.number for one in found[:50]] == list(range(50))
    assert [one.number for one in found[-75:]] == list(range(75, 150))
    assert found[-75].time == Fraction(5, 2)


def test_nothing_is_copied_where_all_of_it_runs_at_another_speed_and_that_is_why(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(seconds=1, options={"preset": "ultrafast", "g": "5", "bf": "0"}))
    made = changed(source, tmp_path / "b.mp4", SpeedChange(Fraction(2)), tmp_path)
    assert made.strategy.reason == "The whole picture is encoded, because all of it runs at another speed."


@pytest.mark.parametrize("speed", [Fraction(1, 2), Fraction(3, 2)], ids=str)
def test_audio_alone_is_as_long_as_it_should_be(speed, tmp_path):
    source = make(tmp_path / "a.m4a", None, Sound(BEEPS, seconds=6, floor_db=-50))
    result = changed(source, tmp_path / "b.m4a", SpeedChange(speed), tmp_path)
    assert result.report.ok
    assert len(result.report.heard) >= 4
    assert inspect(tmp_path / "b.m4a").duration == pytest.approx(inspect(source).duration / speed, abs=0.001)


def test_what_makes_no_sense_is_refused(tmp_path):
    for speed in (Fraction(1, 5), Fraction(5)):
        with pytest.raises(InputError, match=r"between 0\.25 and 4"):
            SpeedChange(speed)
    with pytest.raises(InputError, match="after the start"):
        SpeedChange(Fraction(2), Fraction(3), Fraction(3))
    source = make(tmp_path / "a.m4a", None, Sound(BEEPS, seconds=6))
    with pytest.raises(InputError) as error:
        changed(source, tmp_path / "b.m4a", SpeedChange(Fraction(2), Fraction(7)), tmp_path)
    assert error.value.code == "beyond_end"
