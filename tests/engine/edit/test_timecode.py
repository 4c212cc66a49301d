"""Timecode of cameras, in lists and read from files."""

from fractions import Fraction

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange

from jobs.engine.edit import exports
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.edit.exports import edl, timecode
from jobs.engine.probe.inspection import inspect
from tests.engine.edit.timelines import EVERY, FRAMES, NTSC_24, NTSC_30, clips, edits_of, meant, read
from tests.media import remuxed, run_ffmpeg, video


@pytest.mark.usefixtures("exact_fcpx_reader")
@pytest.mark.parametrize("format", EVERY)
@pytest.mark.parametrize(
    ("rate", "label"),
    [(NTSC_30, "01:00:00;02"), (NTSC_30, "10:09:59:29"), (Fraction(25), "01:02:03:04"), (NTSC_24, "23:00:00:00")],
)
def test_the_cameras_timecode_is_kept(format, rate, label, tmp_path):
    cut = edits_of(FRAMES[:4], rate, label=label)
    found = read(cut, format, tmp_path)
    start = round(otio.opentime.from_timecode(label, float(rate)).value)
    assert clips(found.tracks[0]) == meant(FRAMES[:4], start)
    assert cut.timecode(cut.start) == label


def test_drop_frame_lists_say_so_and_use_semicolons():
    dropping, counting = (edl.text(edits_of([(1798, 1900)], NTSC_30, label=label)) for label in ("", "00:00:00:00"))
    assert "FCM: DROP FRAME" in dropping
    assert "AA/V  C        00:00:59;28 00:01:03;12 01:00:00;00 01:00:03;12" in dropping
    assert "FCM: NON-DROP FRAME" in counting
    assert "AA/V  C        00:00:59:28 00:01:03:10 01:00:00:00 01:00:03:12" in counting
    assert "FCM: NON-DROP FRAME" in edl.text(edits_of(FRAMES, Fraction(25)))
    assert "FCM: NON-DROP FRAME" in edl.text(edits_of(FRAMES, NTSC_24))


@given(st.integers(0, 2_000_000), st.sampled_from(timecode.RATES), st.booleans())
def test_timecode_agrees_with_opentimelineio_and_comes_back(frames, rate, drop):
    drop = drop and rate in timecode.DROP_RATES
    text = timecode.to_text(frames, rate, drop)
    assert text == RationalTime(frames, float(rate)).to_timecode(float(rate), drop)
    assert timecode.to_frames(text, rate) == frames


def test_timecode_starts_anew_at_midnight():
    assert timecode.to_text(144 * 17_982, NTSC_30, True) == "00:00:00;00"
    assert timecode.to_text(24 * 3600 * 25 + 1, Fraction(25), False) == "00:00:00:01"


@pytest.mark.parametrize("text", ["25:00:00:00", "00:60:00:00", "00:00:00:25", "1:00:00:00", "now", ""])
def test_what_is_no_timecode_is_refused(text):
    with pytest.raises(ValueError, match="no timecode"):
        timecode.to_frames(text, Fraction(25))


@pytest.mark.parametrize(("ending", "label"), [("mov", "01:00:00;02"), ("mp4", "10:20:30:05"), ("mxf", "02:00:00:00")])
def test_a_recordings_timecode_is_read_from_the_file(ending, label, tmp_path):
    rate = NTSC_30 if ";" in label else 25
    plain = video(tmp_path / "plain.mp4", "-c:v", "mpeg2video", "-ar", 48_000, rate=rate, seconds=1)
    extra = ("-c:a", "pcm_s16le") if ending == "mxf" else ()
    source = remuxed(plain, tmp_path / f"labelled.{ending}", *extra, "-timecode", label)
    assert exports.of_recording(source, inspect(source)) == label
    assert exports.of_recording(plain, inspect(plain)) == ""


def test_a_recording_that_starts_late_counts_from_its_first_frame(tmp_path):
    source = tmp_path / "late.ts"
    run_ffmpeg("-i", f"file:{video(tmp_path / 'plain.mp4', seconds=2)}", "-c", "copy", "-output_ts_offset", 100, source)
    info = inspect(source)
    assert info.start > 90
    cut = exports.edit_list(
        CutPlan(info.duration, ((Fraction(1), Fraction(3, 2)),)), info, title="x", name="x", url="x"
    )
    assert [(edit.source, edit.frames) for edit in cut.edits] in ([(25, 12)], [(25, 13)])
    assert TimeRange(RationalTime(0, 25), RationalTime(cut.length, 25)).duration.value == cut.length
