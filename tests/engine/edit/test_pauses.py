"""What becomes of pauses, from levels written as text: # is loud, one character for each 20 ms."""

import dataclasses
import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.analysis.peak_levels import STEP, Levels, measure
from jobs.engine.audio.mute import FADE_SECONDS, muted_blocks
from jobs.engine.edit.cut_params import PRESETS, CutParams
from jobs.engine.edit.cut_plan import plan, snap_to_samples
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from jobs.operations.silence_cut import SilenceCutForm
from tests.clips import Picture, Sound, make, seen

LOUD = [(0.5, 1.0), (2.0, 2.3), (3.1, 3.5)]

SHORTEN = CutParams(
    threshold_db=-30,
    margin_before_ms=0,
    margin_after_ms=0,
    min_silence_ms=0,
    min_clip_ms=0,
    min_saving_ms=0,
    pauses="shorten",
    pause_ms=100,
)


def levels(text: str) -> Levels:
    db = np.where(np.frombuffer(text.encode(), np.uint8) == ord("#"), -10, -60).astype(np.float32)
    return Levels(db, len(text) * STEP)


def keep(text: str, **params):
    return plan(levels(text), len(text) * STEP, dataclasses.replace(SHORTEN, **params)).keep


def pauses_left(text: str, **params) -> list[int]:
    """Milliseconds of silence between the loud parts of the result."""
    kept = keep(text, **params)
    shown = "".join(mark for step, mark in enumerate(text) if any(start <= step * STEP < end for start, end in kept))
    return [20 * len(silent) for silent in shown.strip(".").split("#") if silent]


def test_a_long_pause_becomes_as_long_as_asked_and_a_shorter_one_stays():
    text = "#" + "." * 50 + "#" + "." * 5 + "#" + "." * 4 + "#" + "." * 6 + "##"
    assert pauses_left(text, pause_ms=120) == [120, 100, 80, 120]
    assert keep(text, pause_ms=120)[0] == (0, STEP + Fraction(60, 1000))


def test_a_shortened_pause_is_shared_as_the_margins_are():
    text = "#" + "." * 100 + "#"
    first, second = keep(text, margin_before_ms=60, margin_after_ms=20, pause_ms=400)
    assert first[1] - STEP == Fraction(1, 10)
    assert 101 * STEP - second[0] == Fraction(3, 10)


def test_margins_stay_whole_even_when_the_pause_should_be_shorter():
    text = "#" + "." * 100 + "#"
    first, second = keep(text, margin_before_ms=200, margin_after_ms=300, pause_ms=100)
    assert first[1] - STEP == Fraction(3, 10)
    assert 101 * STEP - second[0] == Fraction(2, 10)


def test_shortening_where_pauses_are_removed_matters_not():
    text = "##" + "." * 40 + "##"
    assert keep(text, pauses="remove", pause_ms=400) == keep(text, pauses="remove", pause_ms=0)


def test_pauses_that_are_all_short_enough_leave_nothing_to_do():
    with pytest.raises(InputError) as error:
        keep("#" + "." * 10 + "#", pause_ms=200)
    assert error.value.code == "no_silence"


@pytest.mark.parametrize("wrong", [{"pauses": "louder"}, {"detector": "smell"}, {"pause_ms": -1}])
def test_senseless_parameters_are_refused(wrong):
    with pytest.raises(InputError) as error:
        CutParams(**wrong)
    assert error.value.code == "bad_params"


TEXTS = st.text("#.", min_size=3, max_size=200).filter(lambda text: "#" in text and "." in text)


@given(TEXTS, st.integers(0, 40), st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=200, deadline=None)
def test_no_pause_of_a_result_is_longer_than_asked_and_none_gets_longer(text, pause_steps, before, after):
    pause_ms = 20 * pause_steps
    try:
        kept = keep(text, margin_before_ms=before, margin_after_ms=after, pause_ms=pause_ms)
    except InputError as error:
        assert error.code == "no_silence"
        return
    loud = [(step * STEP, (step + 1) * STEP) for step, mark in enumerate(text) if mark == "#"]
    for (_, end), (start, _) in itertools.pairwise(loud):
        silent = sum((max(Fraction(0), min(start, b) - max(end, a)) for a, b in kept), Fraction(0))
        longest = Fraction(max(pause_ms, before + after), 1000)
        assert silent == min(start - end, longest)
    assert all(any(a <= start and end <= b for a, b in kept) for start, end in loud)


@pytest.mark.parametrize("title", PRESETS)
def test_presets_are_parameters_that_the_form_takes(title):
    values = PRESETS[title]
    CutParams(**values)
    form = SilenceCutForm(dict(values))
    assert form.is_valid(), form.errors
    assert {name: form.cleaned_data[name] for name in values} == values
    assert SilenceCutForm.presets is PRESETS


def muted(text: str, **params):
    made = plan(levels(text), len(text) * STEP, dataclasses.replace(SHORTEN, pauses="mute", **params))
    assert made.keep == ((Fraction(0), made.duration),)
    return ["".join("." if a <= step * STEP < b else "#" for step in range(len(text))) for a, b in made.muted]


def test_muting_keeps_everything_and_names_the_pauses_between_the_margins():
    assert muted("..##.....###..", margin_after_ms=20) == ["..############", "#####....#####", "#############."]


def test_muting_without_a_pause_says_so():
    with pytest.raises(InputError) as error:
        muted("#" * 20)
    assert error.value.code == "no_silence"


def test_snapping_leaves_muted_stretches_where_they_are_inside_the_recording():
    text = "##" + "." * 20 + "##" + "." * 20
    made = plan(levels(text), len(text) * STEP, dataclasses.replace(SHORTEN, pauses="mute"))
    snapped = snap_to_samples(made, 37)
    assert snapped.muted[0] == made.muted[0]
    assert snapped.muted[-1][1] == snapped.duration < made.duration


@pytest.mark.parametrize("size", [1, 7, 1000, 48_000])
def test_sound_is_silent_in_muted_stretches_and_untouched_elsewhere(size):
    rate, stretches = 48_000, [(Fraction(0), Fraction(1, 10)), (Fraction(1, 2), Fraction(3, 5))]
    sound = np.random.default_rng(1).uniform(-1, 1, (48_000, 2)).astype(np.float32)
    blocks = [sound[place : place + size] for place in range(0, min(len(sound), 30_000), size)]
    out = np.concatenate(list(muted_blocks(blocks, stretches, rate)))
    whole = np.concatenate(blocks)
    fade = int(FADE_SECONDS * rate)
    assert out.shape == whole.shape
    assert out.dtype == np.float32
    assert (out[4_800:24_000] == whole[4_800:24_000]).all()
    assert (out[28_800:] == whole[28_800:]).all()
    assert not out[fade : 4_800 - fade].any()
    assert not out[24_000 + fade : 28_800 - fade].any()
    # Fades have no step in them.
    assert np.abs(np.diff(out[24_000 : 24_000 + fade] / whole[24_000 : 24_000 + fade], axis=0)).max() < 0.01


def test_a_muted_result_has_the_whole_picture_and_sound_only_where_it_was(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD, floor_db=-40))
    params = CutParams(threshold_db=-30, margin_before_ms=100, margin_after_ms=100, pauses="mute")
    result = cut(Source(source, inspect(source)), params, tmp_path / "cut.mp4", Workspace(tmp_path))
    assert [one.number for one in seen(tmp_path / "cut.mp4")] == list(range(100))
    assert len(result.plan.muted) == 4
    found = measure(tmp_path / "cut.mp4", inspect(tmp_path / "cut.mp4"))
    steps = np.arange(len(found.db)) / 50
    for start, end in result.plan.muted:
        # AAC spreads a sound over two of its frames.
        assert found.db[(steps > start + 0.07) & (steps < end - 0.07)].max(initial=-np.inf) < -70
    for start, end in LOUD:
        assert found.db[(steps >= start) & (steps < end - 0.02)].min() > -15
        room = found.db[(steps > start - 0.085) & (steps < start - 0.035)]
        assert room.max() > -45
