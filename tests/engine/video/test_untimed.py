"""Recordings that do not store when pictures are shown: every picture is there, in order and in time."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import frame_index, frame_picker
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make, number_of, seen

LOUD = [(0.5, 1.0), (2.0, 2.3), (3.1, 3.5), (4.4, 5.6)]
PICTURES = {
    "H.264 with B-frames": Picture(
        seconds=6,
        time_base=Fraction(1, 25),
        options={"preset": "veryfast", "g": "50", "x264-params": "bframes=3:b-adapt=0"},
    ),
    "MPEG-4 with B-frames": Picture(
        codec="mpeg4",
        seconds=6,
        time_base=Fraction(1, 25),
        options={"g": "25", "bf": "2", "sc_threshold": "1000000000"},
    ),
}


@pytest.fixture(params=PICTURES)
def source(request, tmp_path) -> Path:
    return make(tmp_path / "a.avi", PICTURES[request.param], Sound(LOUD, seconds=6, codec="libmp3lame"))


def test_every_picture_of_a_cut_is_the_right_one(source, tmp_path):
    keep = ((0.4, 1.2), (1.92, 2.4), (3.0, 5.6))
    result = cutting.cut(Source(source, inspect(source)), CutParams(keep=keep), tmp_path / "b.mp4", Workspace(tmp_path))

    index = frame_index.index_frames(source, inspect(source))
    first = Fraction(int(index.start_ticks[0]), index.clock_hz)
    times = [first + Fraction(number, 25) for number in range(150)]
    expected = [number for begin, end in result.plan.keep for number in range(150) if begin <= times[number] < end]
    numbers = [one.number for one in seen(tmp_path / "b.mp4")]
    assert numbers == expected
    assert result.report.ok


def test_stills_are_the_right_ones(source):
    info = inspect(source)
    assert info.video.frame_rate == 25
    assert not info.video.variable_rate
    index = frame_index.index_frames(source, info)
    first = Fraction(int(index.start_ticks[0]), index.clock_hz)
    numbers = [3, 20, 52, 53, 54, 55, 100, 149]

    times = [first + Fraction(2 * number + 1, 50) for number in numbers]

    assert [number_of(one.frame) for one in frame_picker.frames_at(source, info, times)] == numbers


def test_every_picture_is_converted_in_order(source, tmp_path):
    convert(Source(source, inspect(source)), ConvertOptions(), tmp_path / "b.mp4", Workspace(tmp_path))
    shown = seen(tmp_path / "b.mp4")
    assert [one.number for one in shown] == list(range(150))
    assert {after.time - before.time for before, after in pairwise(shown)} == {Fraction(1, 25)}
