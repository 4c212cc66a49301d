"""What becomes of pauses, from levels written as text: # is loud, one character for each 20 ms."""

import dataclasses
import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.cutparams import PRESETS, CutParams
from jobs.engine.cutplan import plan
from jobs.engine.levels import STEP, Levels
from jobs.errors import InputError
from jobs.operations.silence_cut import SilenceCutForm

SHORTEN = CutParams(
    threshold_db=-30,
    margin_before_ms=0,
    margin_after_ms=0,
    min_silence_ms=0,
    min_clip_ms=0,
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
