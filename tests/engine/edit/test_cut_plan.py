"""Plans from levels written as text: one character for each 20 ms, # is loud."""

import dataclasses
import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.analysis.peak_levels import STEP, Levels
from jobs.engine.edit import cut_plan
from jobs.engine.edit.cut_params import CutParams, seconds
from jobs.engine.edit.cut_plan import CutPlan, plan, snap, snap_to_samples
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import schedule
from jobs.errors import InputError

BARE = CutParams(
    threshold_db=-30, margin_before_ms=0, margin_after_ms=0, min_silence_ms=0, min_clip_ms=0, min_saving_ms=0
)


def levels(text: str) -> Levels:
    db = np.where(np.frombuffer(text.encode(), np.uint8) == ord("#"), -10, -60).astype(np.float32)
    return Levels(db, len(text) * STEP)


def drawn(text: str, **params) -> str:
    """The plan as text again: # is kept."""
    made = plan(levels(text), len(text) * STEP, dataclasses.replace(BARE, **params))
    return "".join(
        "#" if any(start <= step * STEP < end for start, end in made.keep) else "." for step in range(len(text))
    )


def even(rate: Fraction, count: int, clock_hz: int = 90_000) -> FrameIndex:
    """An index of a picture with `count` frames at `rate` a second."""
    shown = np.array([round(number / rate * clock_hz) for number in range(count + 1)], np.int64)
    return FrameIndex(shown[:-1], shown[:-1], np.arange(0, count, 25), int(shown[-1]), clock_hz)


def test_loud_steps_are_kept_and_the_rest_goes():
    assert drawn("..##...#.") == "..##...#."


def test_a_step_at_the_threshold_is_loud():
    at = Levels(np.array([-60, -30, -60], np.float32), 3 * STEP)
    assert plan(at, 3 * STEP, BARE).keep == ((STEP, 2 * STEP),)


def test_margins_are_added_inside_the_recording():
    assert drawn(".###......#.", margin_before_ms=40, margin_after_ms=60) == "#######.####"


def test_ranges_whose_margins_meet_become_one():
    made = plan(levels("..#....#....."), 13 * STEP, dataclasses.replace(BARE, margin_before_ms=40, margin_after_ms=40))
    assert made.keep == ((Fraction(0), 10 * STEP),)


def test_a_silence_shorter_than_the_shortest_stays_and_one_as_long_goes():
    assert drawn("....##..##...##....", min_silence_ms=60) == "....######...##...."


def test_short_silences_at_both_ends_stay_too():
    assert drawn("..##......##..", min_silence_ms=60) == "####......####"


def test_a_clip_shorter_than_the_shortest_goes_and_one_as_long_stays():
    assert drawn("...#....##....###...", min_clip_ms=40) == "........##....###..."


def test_a_short_sound_close_to_a_longer_one_stays():
    """The t at the end of a word: absorbing comes before dropping."""
    assert drawn("....####..#....#....", min_silence_ms=60, min_clip_ms=60) == "....#######........."


def test_the_drawing_of_the_module_is_true():
    lines = [line.split("  ")[-1].strip().replace(" ", "") for line in cut_plan.__doc__.splitlines() if ". ." in line]
    loud, absorbed, dropped, widened = ("".join(mark * 5 for mark in line) for line in lines)
    assert drawn(loud, min_silence_ms=200) == absorbed
    assert drawn(loud, min_silence_ms=200, min_clip_ms=200) == dropped
    everything = {"margin_before_ms": 200, "margin_after_ms": 200, "min_silence_ms": 200, "min_clip_ms": 200}
    assert drawn(loud, **everything) == widened


def test_a_cut_that_saves_less_than_the_least_is_not_made_and_one_that_saves_as_much_is():
    assert drawn("#.#..#...#", min_saving_ms=40) == "###..#...#"
    assert drawn(".###..##...", min_saving_ms=60) == "########..."
    assert drawn("..##......##..", min_saving_ms=60) == "####......####"


def test_what_counts_is_what_is_saved_after_the_margins():
    silences = {"margin_before_ms": 40, "margin_after_ms": 40}
    assert drawn("#.....#......#", **silences, min_saving_ms=40) == "#########..###"


def test_a_pause_that_runs_faster_counts_by_the_time_it_saves():
    text = "#" + "." * 11 + "#" + "." * 12 + "#"
    made = plan(levels(text), len(text) * STEP, dataclasses.replace(BARE, pauses="speed", speed=1.5, min_saving_ms=80))
    assert made.fast == ((13 * STEP, 25 * STEP),)
    assert made.saved == Fraction(80, 1000)


def test_a_stretch_too_short_to_be_worth_it_is_not_muted_either():
    text = "#..#...#"
    made = plan(levels(text), len(text) * STEP, dataclasses.replace(BARE, pauses="mute", min_saving_ms=60))
    assert made.muted == ((4 * STEP, 7 * STEP),)


def test_a_cut_that_the_picture_makes_too_small_is_not_made():
    text = "#" + "." * 6 + "#" + "." * 20 + "#" * 6
    made = plan(levels(text), len(text) * STEP, dataclasses.replace(BARE, min_saving_ms=120))
    assert [end - start for start, end in made.removed] == [6 * STEP, 20 * STEP]
    assert snap(made, even(Fraction(25), 17)).removed == ((Fraction(4, 25), Fraction(14, 25)),)


def test_given_ranges_are_cut_as_given():
    made = plan(None, Fraction(10), CutParams(keep=((1, 2), (2.03, 9.99)), min_saving_ms=500))
    assert made.removed == (
        (Fraction(0), Fraction(1)),
        (Fraction(2), Fraction(203, 100)),
        (Fraction(999, 100), Fraction(10)),
    )


def test_nothing_but_silence_says_how_loud_it_was_and_what_to_choose():
    quiet = Levels(np.full(100, -47.3, np.float32), 100 * STEP)
    with pytest.raises(
        InputError, match=r"-30 dBFS: its loudest sound is at -47\.3 dBFS. Choose .* -\d+ dBFS"
    ) as error:
        plan(quiet, 100 * STEP, BARE)
    assert error.value.code == "all_silent"


def test_digital_silence_is_said_to_be_that():
    silent = Levels(np.full(100, -np.inf, np.float32), 100 * STEP)
    for threshold in (-30, "auto"):
        with pytest.raises(InputError, match="digital silence") as error:
            plan(silent, 100 * STEP, dataclasses.replace(BARE, threshold_db=threshold))
        assert error.value.code == "all_silent"


def test_clicks_alone_are_no_sound():
    with pytest.raises(InputError, match="shorter than 100 ms") as error:
        drawn("....#.........#....", min_clip_ms=100)
    assert error.value.code == "all_silent"


@pytest.mark.parametrize("text", ["#####", "#.#.#"])
def test_no_silence_says_so(text):
    with pytest.raises(InputError, match="No silence") as error:
        drawn(text, min_silence_ms=40)
    assert error.value.code == "no_silence"


def test_no_sound_says_so():
    with pytest.raises(InputError, match="no sound") as error:
        plan(None, Fraction(4), BARE)
    assert error.value.code == "no_audio"


def test_given_ranges_win_over_detection():
    made = plan(levels("#####"), Fraction(10), dataclasses.replace(BARE, keep=((1.1, 2), ("3", "4.5"))))
    assert made.keep == ((Fraction(11, 10), Fraction(2)), (Fraction(3), Fraction(9, 2)))
    assert made.threshold_db is None


def test_given_ranges_that_touch_become_one():
    made = plan(None, Fraction(10), CutParams(keep=((1, 2), (2, 3))))
    assert made.keep == ((Fraction(1), Fraction(3)),)


def test_a_given_end_may_be_a_rounded_one():
    made = plan(None, Fraction(9_999, 1000), CutParams(keep=((1, 10),)))
    assert made.keep == ((Fraction(1), Fraction(9_999, 1000)),)


@pytest.mark.parametrize(
    "keep",
    [
        ((2, 1),),
        ((1, 1),),
        ((3, 4), (1, 2)),
        ((1, 3), (2, 4)),
        ((-1, 2),),
        ((1, 10.2),),
        ((10.01, 10.05),),
        ((1, "soon"),),
        ((1, float("nan")),),
        ((1, float("inf")),),
    ],
)
def test_bad_given_ranges_are_refused_with_what_is_wrong(keep):
    with pytest.raises(InputError) as error:
        plan(None, Fraction(10), CutParams(keep=keep))
    assert error.value.code == "bad_ranges"
    assert error.value.message.endswith(".")


@pytest.mark.parametrize(
    "wrong", [{"threshold_db": 3}, {"threshold_db": float("nan")}, {"margin_after_ms": -1}, {"min_clip_ms": 10**8}]
)
def test_senseless_parameters_are_refused(wrong):
    with pytest.raises(InputError) as error:
        CutParams(**wrong)
    assert error.value.code == "bad_params"


def test_times_are_what_a_person_wrote():
    assert seconds(1.1) == Fraction(11, 10)
    assert seconds("0.033") == Fraction(33, 1000)


def test_snapping_goes_outwards_to_frames():
    made = CutPlan(Fraction(4), ((Fraction(101, 100), Fraction(201, 100)),))
    assert snap(made, even(Fraction(25), 100)).keep == ((Fraction(1), Fraction(51, 25)),)


def test_a_boundary_on_a_frame_stays():
    made = CutPlan(Fraction(4), ((Fraction(1), Fraction(2)),))
    assert snap(made, even(Fraction(25), 100)) == made


def test_ranges_that_meet_in_one_frame_become_one():
    made = CutPlan(Fraction(4), ((Fraction(1), Fraction(201, 100)), (Fraction(203, 100), Fraction(3))))
    assert snap(made, even(Fraction(25), 100)).keep == ((Fraction(1), Fraction(3)),)


def test_slides_are_cut_while_they_are_on_show():
    slides = even(Fraction(1, 10), 3)
    made = snap(CutPlan(Fraction(30), ((Fraction(3), Fraction(4)), (Fraction(12), Fraction(14)))), slides)
    assert made.keep == ((Fraction(3), Fraction(4)), (Fraction(12), Fraction(14)))
    shown = schedule(slides, made.timeline.segments)
    assert shown.source_pts.tolist() == [0, 900_000]
    assert shown.start_ticks.tolist() == [0, 90_000]
    assert shown.duration_ticks.tolist() == [90_000, 180_000]


def test_before_and_after_the_picture_sound_is_cut_where_it_is():
    index = even(Fraction(25), 50)
    late = dataclasses.replace(index, start_ticks=index.start_ticks + 90_000, end_tick=index.end_tick + 90_000)
    made = CutPlan(Fraction(5), ((Fraction(1, 2), Fraction(38, 25)), (Fraction(7, 2), Fraction(4))))
    assert snap(made, late) == made
    shown = schedule(late, made.timeline.segments)
    # Nothing is on show for half a second, then 13 frames; after the picture its last frame stays on show.
    assert shown.start_ticks.tolist()[:1] == [45_000]
    assert shown.source_pts.tolist()[-1] == index.pts[-1]
    assert shown.segment_firsts == (0, 13)


def test_29_97_frames_are_hit_exactly():
    index = even(Fraction(30_000, 1001), 300, clock_hz=30_000)
    made = snap(CutPlan(Fraction(10), ((Fraction(2), Fraction(5)),)), index)
    start, end = made.keep[0]
    assert start == Fraction(59 * 1001, 30_000)
    assert end == Fraction(150 * 1001, 30_000)


def test_sound_alone_is_cut_on_its_samples():
    made = snap_to_samples(CutPlan(Fraction(10), ((Fraction(1, 3), Fraction(2)),)), 44_100)
    assert made.keep == ((Fraction(14_700, 44_100), Fraction(2)),)
    odd = snap_to_samples(CutPlan(Fraction(10), ((Fraction(1, 7), Fraction(2)),)), 11_025)
    assert (odd.keep[0][0] * 11_025).denominator == 1


TEXTS = st.text("#.", min_size=3, max_size=300).filter(lambda text: "#" in text and "." in text)
MILLISECONDS = st.integers(0, 500)


@st.composite
def planned(draw) -> CutPlan | None:
    text = draw(TEXTS)
    params = CutParams(-30, *(draw(MILLISECONDS) for _ in range(5)))
    duration = len(text) * STEP + draw(st.fractions(0, 2, max_denominator=90_000))
    try:
        return plan(levels(text), duration, params)
    except InputError:
        return None


@st.composite
def indexes(draw) -> FrameIndex:
    steps = draw(st.lists(st.integers(1, 30_000), min_size=1, max_size=200))
    shown = np.cumsum([draw(st.integers(-9_000, 90_000)), *steps])
    return FrameIndex(shown[:-1], shown[:-1], np.array([0]), int(shown[-1]), 90_000)


def assert_sound(made: CutPlan) -> None:
    edges = [edge for kept in made.keep for edge in kept]
    assert made.keep
    assert all(left < right for left, right in itertools.pairwise(edges))
    assert edges[0] >= 0
    assert edges[-1] <= made.duration
    removed = sum((end - start for start, end in made.removed), Fraction(0))
    assert made.output_duration + removed == made.duration
    assert made.saved == removed
    assert all(end - start >= made.min_gap for start, end in made.removed)
    assert sorted([*made.keep, *made.removed]) == list(itertools.pairwise(sorted({Fraction(0), made.duration, *edges})))


@given(planned())
@settings(max_examples=300, deadline=None)
def test_plans_are_ordered_disjoint_inside_and_conserve_time(made):
    if made:
        assert_sound(made)


@given(planned(), indexes())
@settings(max_examples=300, deadline=None)
def test_snapped_plans_are_so_too_and_snap_no_further(made, index):
    if made is None:
        return
    try:
        snapped = snap(made, index)
    except InputError as error:
        assert error.code == "no_silence"
        return
    assert_sound(snapped)
    assert snap(snapped, index) == snapped
    # Nothing that was to be kept is lost, but for what lies behind the clock's last tick.
    for start, end in made.keep:
        assert any(left <= start and min(end, snapped.duration) <= right for left, right in snapped.keep)
    shown = schedule(index, snapped.timeline.segments)
    assert (np.diff(shown.start_ticks) > 0).all()
    assert (shown.duration_ticks > 0).all()
    if len(shown.start_ticks):
        assert Fraction(int(shown.start_ticks[-1] + shown.duration_ticks[-1]), 90_000) == snapped.output_duration


@given(planned(), st.sampled_from([8_000, 11_025, 44_100, 48_000]))
@settings(max_examples=200, deadline=None)
def test_plans_of_sound_alone_are_so_too(made, rate):
    if made is None:
        return
    try:
        snapped = snap_to_samples(made, rate)
    except InputError as error:
        assert error.code == "no_silence"
        return
    assert_sound(snapped)
    assert snap_to_samples(snapped, rate) == snapped


@given(st.lists(st.fractions(0, 10, max_denominator=1000), min_size=2, max_size=20, unique=True))
def test_given_ranges_in_order_are_taken_as_they_are(edges):
    ordered = sorted(edges)[: len(edges) // 2 * 2]
    keep = tuple(zip(ordered[::2], ordered[1::2], strict=True))
    made = plan(None, Fraction(10), CutParams(keep=keep))
    assert made.keep == keep
    assert_sound(made)
