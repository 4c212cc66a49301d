"""Pauses that run faster: every picture identified at its place, sound in step at each join, and no time lost."""

import dataclasses
import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.analysis.peak_levels import STEP, Levels
from jobs.engine.audio.sample_ranges import sample_ranges
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.edit.cut_plan import CutPlan, plan, snap
from jobs.engine.model.segment import Segment
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines.silence_cut import cut, plan_json, plan_only
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.verify.verify import verify
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import schedule
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests.clips import Picture, Sound, heard, lag, make, seen
from tests.judge import output_starts

NTSC = Fraction(30_000, 1001)
LOUD = [(0.5, 1.0), (2.0, 2.3), (5.1, 5.5)]
PARAMS = CutParams(threshold_db=-30, margin_before_ms=100, margin_after_ms=100, pauses="speed", speed=4)
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(190)]
SLIDES = [Fraction(0), Fraction(1, 10), Fraction(9, 5), Fraction(14, 5), Fraction(39, 10), Fraction(6)]
PYRAMID = {"preset": "veryfast", "g": "30", "bf": "3"}


def speech(**more) -> Sound:
    return Sound(LOUD, seconds=6.5, floor_db=-50, **more)


RECORDINGS = {
    "25 a second": ("a.mp4", Picture(seconds=6.5), [speech()]),
    "29.97 a second with pyramids": ("a.mp4", Picture(NTSC, seconds=6.5, options=PYRAMID), [speech()]),
    "60 a second": ("a.mp4", Picture(Fraction(60), seconds=6.5), [speech(layout="mono", rate=22_050)]),
    "variable rate": ("a.mp4", Picture(times=UNEVEN), [speech()]),
    "slides": ("a.mp4", Picture(times=SLIDES), [speech()]),
    "coarse clock": ("a.mkv", Picture(NTSC, seconds=6.5), [speech()]),
    "picture late and short": ("a.mp4", Picture(start=Fraction(7, 10), seconds=3.3), [speech()]),
    "two tracks": ("a.mp4", Picture(seconds=6.5), [speech(), speech(seed=2, rate=44_100)]),
    "transport stream": (
        "a.ts",
        Picture(start=Fraction(7), seconds=6.5),
        [Sound([(a + 7, b + 7) for a, b in LOUD], start=Fraction(7), seconds=6.5, floor_db=-50, codec="mp2")],
    ),
}


def assert_pictures_in_place(source: Path, output: Path, made: CutPlan) -> None:
    """Each picture of the result is the one on show in the source at that time, and none is missing for long."""
    start = inspect(source).start
    shown = [(one.time - start, one.number) for one in seen(source)]
    usual = sorted(after[0] - before[0] for before, after in itertools.pairwise(shown))[len(shown) // 2]
    usual = min(usual, Fraction(1, 10))
    found = seen(output)
    segments = list(made.timeline.placed)
    # Times of the result are whole ticks.
    tick = Fraction(1, 10_000)
    for at, part in segments:
        inside = [one for one in found if at - tick <= one.time < at + part.output_duration - tick]
        for one in inside:
            place = part.start + (one.time - at) * part.speed
            due = max((time, number) for time, number in shown if time <= max(place + tick, shown[0][0]))
            assert one.number == due[1], f"{one} in {part}"
            assert one.time - at <= tick or part.speed != 1 or abs(due[0] - place) <= tick
        wanted = [number for time, number in shown if part.start - tick <= time < part.end - tick]
        if part.speed == 1:
            assert [one.number for one in inside][-len(wanted) or len(inside) :] == wanted
        else:
            # Where one picture is on show for longer than usual, it is the source that shows nothing new.
            edges = [*inside, dataclasses.replace(found[-1], time=at + part.output_duration)]
            for one, after in itertools.pairwise(edges):
                if after.time - one.time > Fraction(3, 2) * usual + tick:
                    new = part.start + (one.time + usual - at) * part.speed
                    until = part.start + (after.time - usual / 2 - at) * part.speed
                    assert not [time for time, _ in shown if new < time < until - usual * part.speed]


def assert_sound_in_step(source: Path, output: Path, made: CutPlan, track: int) -> None:
    """At the begin and the end of all that is loud, to 2 ms, which a lossy encoder leaves certain."""
    original, rate = heard(source, track)
    result, result_rate = heard(output, track)
    assert rate == result_rate
    start = inspect(source).start
    window, compared = rate // 25, 0
    for (begin, end), at in zip(made.keep, output_starts(made), strict=True):
        loud = [max(begin, Fraction(a).limit_denominator(10)) for a, _ in LOUD if begin <= a < end]
        ends = [
            min(end, Fraction(b).limit_denominator(10)) - Fraction(window, rate) for _, b in LOUD if begin < b <= end
        ]
        for time in loud + ends:
            place = round((start + time) * rate)
            if place + window > len(original):
                continue
            late = lag(result, original, round((at + time - begin) * rate), place, window=window, reach=rate // 5)
            assert abs(late) / rate <= 0.002, f"{late} samples late at {float(time)} s"
            compared += 1
    assert compared == 2 * len(LOUD)


@pytest.mark.parametrize("way", ["smart", "encode"])
@pytest.mark.parametrize("name", RECORDINGS)
def test_every_picture_and_sound_is_in_its_place(name, way, tmp_path):
    filename, picture, sounds = RECORDINGS[name]
    source, output = make(tmp_path / filename, picture, *sounds), tmp_path / "cut.mp4"
    result = cut(Source(source, inspect(source)), PARAMS, output, Workspace(tmp_path), RenderOptions(way=way))
    assert result.report.ok
    assert result.report.joins == result.plan.timeline.joins == 6
    assert_pictures_in_place(source, output, result.plan)
    for track in range(len(sounds)):
        assert_sound_in_step(source, output, result.plan, track)
    samples, rate = heard(output)
    assert 0 <= len(samples) - result.plan.output_duration * rate < 1024 + 1


def test_kept_pictures_are_copied_and_fast_ones_encoded(tmp_path):
    picture = Picture(seconds=12, options={"preset": "ultrafast", "g": "5", "bf": "0"})
    source = make(tmp_path / "a.mp4", picture, Sound([(0.5, 4), (8, 11)], seconds=12))
    result = cut(Source(source, inspect(source)), PARAMS, tmp_path / "cut.mp4", Workspace(tmp_path))
    kept = sum(round((end - start) * 25) for start, end in result.plan.keep)
    assert result.render == "smart"
    assert kept - 2 * 4 <= result.frames_copied <= kept < result.frames


@pytest.mark.parametrize("speed", [1.5, 3.7, 30, 100])
def test_any_speed_passes_its_check(speed, tmp_path):
    source = make(tmp_path / "a.mp4", Picture(seconds=6.5), speech())
    params = dataclasses.replace(PARAMS, speed=speed)
    result = cut(Source(source, inspect(source)), params, tmp_path / "cut.mp4", Workspace(tmp_path))
    kept = sum((end - start for start, end in result.plan.keep), Fraction(0))
    quick = (result.plan.duration - kept) / Fraction(str(speed))
    assert result.plan.output_duration == kept + quick
    assert_pictures_in_place(source, tmp_path / "cut.mp4", result.plan)
    assert_sound_in_step(source, tmp_path / "cut.mp4", result.plan, 0)


@dataclasses.dataclass(frozen=True)
class Humming(Sound):
    """Noise where it is loud, and a soft tone of 440 Hz elsewhere."""

    @property
    def samples(self):
        noise = super().samples
        time = np.arange(noise.shape[1]) / self.rate
        tone = 0.02 * np.sin(2 * np.pi * 440 * time)
        quiet = ~np.any([(time >= begin) & (time < end) for begin, end in self.loud], axis=0)
        return np.where(quiet, tone, noise).astype(np.float32)


def test_a_tone_in_a_fast_pause_keeps_its_pitch_and_has_no_clicks(tmp_path):
    source = make(tmp_path / "a.mka", None, Humming([(1, 2), (10, 11)], seconds=12, codec="pcm_s16le", bit_rate=0))
    result = cut(Source(source, inspect(source)), PARAMS, tmp_path / "cut.m4a", Workspace(tmp_path))
    samples, rate = heard(tmp_path / "cut.m4a")
    placed = result.plan.timeline.placed
    at, part = max((pair for pair in placed if pair[1].speed == 4), key=lambda pair: pair[1].output_duration)
    assert part.output_duration > Fraction(3, 2)
    # With its joins, and what is kept either side of them.
    around = samples[
        round((at - Fraction(5, 100)) * rate) : round((at + part.output_duration + Fraction(5, 100)) * rate)
    ]
    spectrum = np.abs(np.fft.rfft(around * np.hanning(len(around)), 1 << 20))
    assert abs(spectrum.argmax() * rate / (1 << 20) - 440) < 0.5
    assert np.abs(np.diff(around)).max() < 1.5 * 0.02 * 2 * np.pi * 440 / rate


def test_a_result_of_another_speed_is_caught(tmp_path):
    source, output = make(tmp_path / "a.m4a", None, speech()), tmp_path / "cut.m4a"
    made = cut(Source(source, inspect(source)), PARAMS, output, Workspace(tmp_path)).plan
    other = dataclasses.replace(made, speed=Fraction(5))
    found = {fault.code for fault in verify(Source(source, inspect(source)), output, other.timeline).faults}
    assert {"sound_end", "sound_moved"} & found


# The plan -------------------------------------------------------------------------------------------------------------


def levels(text: str) -> Levels:
    db = np.where(np.frombuffer(text.encode(), np.uint8) == ord("#"), -10, -60).astype(np.float32)
    return Levels(db, len(text) * STEP)


@given(st.text("#.", min_size=3, max_size=200), st.floats(1.5, 100), st.integers(0, 100), st.integers(0, 100))
@settings(max_examples=200, deadline=None)
def test_all_of_the_recording_is_there_once_and_the_time_adds_up(text, speed, before, after):
    params = dataclasses.replace(
        PARAMS,
        speed=speed,
        margin_before_ms=before,
        margin_after_ms=after,
        min_silence_ms=0,
        min_clip_ms=0,
        min_saving_ms=0,
    )
    duration = len(text) * STEP
    try:
        made = plan(levels(text), duration, params)
    except InputError as error:
        assert error.code in ("no_silence", "all_silent")
        return
    assert made.removed == ()
    assert [edge for one in made.timeline.segments for edge in (one.start, one.end)][1:-1] == sorted(
        edge for edge in itertools.chain(*made.keep, *made.fast) if 0 < edge < duration
    )
    assert (made.timeline.segments[0].start, made.timeline.segments[-1].end) == (0, duration)
    kept = sum((end - start for start, end in made.keep), Fraction(0))
    assert made.output_duration == kept + (duration - kept) / params.hurry
    assert made.saved == duration - made.output_duration
    assert made.keep == plan(levels(text), duration, dataclasses.replace(params, pauses="remove")).keep


@st.composite
def hours(draw):
    """An hour of some rate, cut at random, and a speed."""
    rate = draw(st.sampled_from([Fraction(25), NTSC, Fraction(60), Fraction(15)]))
    clock = 90_000
    shown = np.round(np.arange(int(3600 * rate)) * float(clock / rate)).astype(np.int64)
    index = FrameIndex(shown, shown, shown[::250], 3600 * clock, clock)
    choice = np.random.default_rng(draw(st.integers(0, 10**6)))
    edges = np.sort(choice.choice(3_600_000, 2 * draw(st.integers(1, 700)), replace=False)).tolist()
    keep = tuple((Fraction(a, 1000), Fraction(b, 1000)) for a, b in zip(edges[::2], edges[1::2], strict=True))
    speed = Fraction(draw(st.integers(1500, 100_000)), 1000)
    return index, snap(CutPlan(Fraction(3600), keep, speed=speed), index)


@given(hours(), st.sampled_from([44_100, 48_000, 11_025]))
@settings(max_examples=25, deadline=None)
def test_picture_and_sound_do_not_drift_apart_over_an_hour(made, rate):
    index, plan = made
    timeline = plan.timeline
    wanted, sounds = schedule(index, timeline.segments), sample_ranges(timeline.segments, plan.duration, rate)
    written = np.cumsum([0, *(piece.output_count for piece in sounds)])
    half = Fraction(1, 2)
    for number, (at, part) in enumerate(timeline.placed):
        assert abs(written[number] - at * rate) <= half
        assert abs(sounds[number].start - part.start * rate) <= Fraction(3, 2)
    assert abs(written[-1] - plan.output_duration * rate) <= half
    assert abs(int(wanted.start_ticks[-1] + wanted.duration_ticks[-1]) - plan.output_duration * index.clock_hz) <= half
    assert (np.diff(wanted.start_ticks) > 0).all()
    # Each picture, by its time stamp, against the place in the recording that sounds then.
    edges = np.array([float(at) for at in timeline.starts])
    time = wanted.start_ticks / index.clock_hz
    part = np.searchsorted(edges, time + 1e-4, "right") - 1
    begins = np.array([float(one.start) for one in timeline.segments])[part]
    speeds = np.array([float(one.speed) for one in timeline.segments])[part]
    sounding = begins + (time - edges[part]) * speeds
    usual = float(np.median(np.diff(index.start_ticks))) / index.clock_hz
    assert (np.abs(sounding - wanted.source_pts / index.clock_hz) < usual + 1e-3 * speeds).all()


def test_what_given_ranges_leave_out_runs_faster_too():
    params = CutParams(keep=((1, 2), (5, 6)), pauses="speed", speed=2.5)
    made = plan(None, Fraction(8), params)
    assert made.timeline.segments == (
        Segment(Fraction(0), Fraction(1), Fraction(5, 2)),
        Segment(Fraction(1), Fraction(2)),
        Segment(Fraction(2), Fraction(5), Fraction(5, 2)),
        Segment(Fraction(5), Fraction(6)),
        Segment(Fraction(6), Fraction(8), Fraction(5, 2)),
    )
    assert output_starts(made) == [Fraction(2, 5), Fraction(13, 5)]
    assert made.output_duration == 2 + Fraction(12, 5)


def test_a_plan_told_and_given_back_is_the_same(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(NTSC, seconds=6.5), speech())
    info = inspect(source)
    first = plan_only(Source(source, info), PARAMS)
    told = plan_json(first)
    assert told["speed"] == 4
    assert len(told["fast"]) == 4
    assert told["saved"] == pytest.approx(sum(end - start for start, end in told["fast"]) * 3 / 4, abs=1e-5)
    again = plan_only(Source(source, info), dataclasses.replace(PARAMS, keep=tuple(map(tuple, told["keep"]))))
    assert (again.keep, again.fast[:-1]) == (first.keep, first.fast[:-1])
    # Without reading the sound its end is known to the milliseconds that the file tells.
    assert float(again.output_duration) == pytest.approx(float(first.output_duration), abs=0.001)


@pytest.mark.parametrize("speed", [1, 1.49, 101, float("nan"), float("inf"), -4])
def test_senseless_speeds_are_refused(speed):
    with pytest.raises(InputError) as error:
        CutParams(pauses="speed", speed=speed)
    assert error.value.code == "bad_params"


def test_the_end_of_a_long_pause_keeps_its_pictures_apart():
    """No picture for less than half of the usual time, but for the only one."""
    shown = np.arange(250) * 3600
    index = FrameIndex(shown, shown, shown[::25], 250 * 3600, 90_000)
    made = snap(
        CutPlan(Fraction(10), ((Fraction(2), Fraction(3)), (Fraction(8), Fraction(9))), speed=Fraction(7)), index
    )
    lasts = schedule(index, made.timeline.segments).duration_ticks
    assert lasts.min() >= 1800
    assert lasts.max() <= 5400
    assert cutting.plan_json(made)["output_duration"] == pytest.approx(2 + 8 / 7, abs=1e-5)
