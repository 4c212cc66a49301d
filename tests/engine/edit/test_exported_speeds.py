"""Cuts whose segments run faster, as lists for other programs."""

import dataclasses
import json
from fractions import Fraction
from xml.etree import ElementTree

import opentimelineio as otio
import pytest

from jobs.engine.edit import exports
from tests.engine.edit.timelines import (
    FRAMES,
    NTSC_30,
    clips,
    edits_of,
    meant,
    media,
    plan_of,
    read,
)

APART = [(3, 40), (53, 90), (1200, 1790), (1800, 2000), (17_981, 17_983), (108_000, 108_500)]
"""Kept frames with room between them."""


def test_cuts_json_maps_old_time_to_new(tmp_path):
    cut = edits_of([(25, 50), (100, 110)], Fraction(25), seconds=Fraction(8))
    exports.write(cut, "json", tmp_path / "cuts.json")
    told = json.loads((tmp_path / "cuts.json").read_text())
    assert told["segments"] == [
        {"old_start": 1.0, "old_end": 2.0, "new_start": 0.0, "rate": 1.0},
        {"old_start": 4.0, "old_end": 4.4, "new_start": 1.0, "rate": 1.0},
    ]
    assert told["result"] == {"duration": 1.4}
    assert told["removed"] == [[0.0, 1.0], [2.0, 4.0], [4.4, 8.0]]
    assert told["timeline"]["edits"] == [[25, 50, 0], [100, 110, 25]]
    assert told["timeline"]["frame_rate"] == "25"
    assert told["version"] == 2


def hurried(frames, rate, speed, **more):
    """A cut in which all but these frames runs faster."""
    plan = dataclasses.replace(plan_of(frames, rate, seconds=Fraction(frames[-1][1] + 103) / rate), speed=speed)
    return exports.edit_list(plan, media(rate), title="Talk (cut)", name="talk.mp4", url="file:///talk.mp4", **more)


@pytest.mark.parametrize("format", ["otio", "edl"])
@pytest.mark.parametrize("rate", [Fraction(25), NTSC_30])
@pytest.mark.parametrize("speed", [Fraction(4), Fraction(5, 2)])
def test_what_runs_faster_is_a_time_warp_and_moves_nothing_else(format, rate, speed, tmp_path):
    cut = hurried(APART, rate, speed)
    track = read(cut, format, tmp_path).tracks[0]
    # Frame by frame: the kept ones whole, each where the exact time of the result has it.
    kept = [clip for clip in clips_with_speed(track) if clip[3] == 1]
    assert [clip[:2] for clip in kept] == APART
    for (first, _), (_, _, record, _) in zip(APART, kept, strict=True):
        before = sum(min(last, first) - start for start, last in APART if start < first)
        assert abs(record - (before + (first - before) / speed)) <= Fraction(1, 2)
    warped = [clip for clip in clips_with_speed(track) if clip[3] != 1]
    # An EDL tells tenths of a frame a second.
    off = 1e-3 if format == "edl" else 1e-9
    assert all(clip[3] == pytest.approx(float(speed), rel=off) for clip in warped)
    assert len(warped) >= len(APART)
    for first, end, _, _ in warped:
        assert first == 0 or first in {last for _, last in APART}
        following = min((start for start, _ in APART if start > first), default=APART[-1][1] + 103)
        assert abs((following - first) / speed - (end - first)) <= 1


def clips_with_speed(track) -> list[tuple[int, int, int, float]]:
    there = [child for child in track if isinstance(child, otio.schema.Clip)]
    return [
        (*clip, one.effects[0].time_scalar if one.effects else 1) for clip, one in zip(clips(track), there, strict=True)
    ]


def test_final_cut_gets_a_map_of_times_for_what_runs_faster(tmp_path):
    cut = hurried([(40, 60)], Fraction(25), Fraction(4))
    exports.write(cut, "fcpxml", tmp_path / "cut.fcpxml")
    spine = ElementTree.parse(tmp_path / "cut.fcpxml").find(".//spine")
    assert spine is not None
    told = [
        (clip.get("offset"), clip.get("duration"), [(one.get("time"), one.get("value")) for one in clip.iter("timept")])
        for clip in spine
    ]
    assert told[0] == ("0/1s", "2/5s", [("0/1s", "0/1s"), ("2/5s", "8/5s")])
    assert told[1] == ("2/5s", "4/5s", [])
    assert told[2] == ("6/5s", "26/25s", [("0/1s", "12/5s"), ("26/25s", "163/25s")])


def test_a_format_that_cannot_tell_speeds_leaves_out_what_runs_faster_and_says_so(tmp_path):
    cut = hurried(FRAMES, Fraction(25), Fraction(4))
    assert clips(read(cut, "xml", tmp_path).tracks[0]) == meant(FRAMES)
    assert "4 times as fast" in cut.note
    assert ".xml" in cut.note


def test_the_map_of_times_tells_the_rate_of_each_segment(tmp_path):
    exports.write(hurried([(40, 60)], Fraction(25), Fraction(4)), "json", tmp_path / "cuts.json")
    told = json.loads((tmp_path / "cuts.json").read_text())
    assert told["segments"] == [
        {"old_start": 0.0, "old_end": 1.6, "new_start": 0.0, "rate": 4.0},
        {"old_start": 1.6, "old_end": 2.4, "new_start": 0.4, "rate": 1.0},
        {"old_start": 2.4, "old_end": 6.52, "new_start": 1.2, "rate": 4.0},
    ]
    assert told["removed"] == []
