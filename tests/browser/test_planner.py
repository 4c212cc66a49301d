"""The page's own plan against the engine's: the same ranges for the same sound, whatever the settings."""

import base64
import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from jobs.engine.analysis import level_quantizer
from jobs.engine.analysis.peak_levels import STEP, Levels
from jobs.engine.analysis.vad import WINDOW, Voice
from jobs.engine.edit import cut_plan
from jobs.engine.edit.cut_params import PRESETS, CutParams
from jobs.errors import InputError
from tests.processes import BASE_DIR

SCRIPT = (Path(BASE_DIR) / "static" / "scripts" / "cut" / "planner.js").read_bytes()
PLAN = """async ([script, bytes, duration, all]) => {
  const planner = await import(`data:text/javascript;base64,${script}`);
  const heard = planner.heard(Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)).buffer);
  return all.map((params) => planner.plan(heard, duration, params));
}"""
DEFAULTS = {field: getattr(CutParams(), field) for field in CutParams.__dataclass_fields__ if field != "keep"}


@pytest.fixture
def plans(browser):
    """What the page would plan: plans(measured, duration, [params...]) gives lists of ranges in milliseconds."""
    page = browser.new_page()
    script = base64.b64encode(SCRIPT).decode()

    def plans(measured, duration, every):
        graded = (
            level_quantizer.of_levels(measured) if isinstance(measured, Levels) else level_quantizer.of_voice(measured)
        )
        body = base64.b64encode(graded.to_bytes()).decode()
        asked = [{**DEFAULTS, **params} for params in every]
        return page.evaluate(PLAN, [script, body, float(duration * 1000), asked])

    yield plans
    page.close()


def engine_plan(measured, duration, params):
    """Ranges in milliseconds; none when nothing is heard, everything when nothing can be cut, as the page has it."""
    try:
        keep = cut_plan.plan(measured, duration, CutParams(**params)).keep
    except InputError as error:
        keep = ((Fraction(0), duration),) if error.code == "no_silence" else ()
    return [[float(start * 1000), float(end * 1000)] for start, end in keep]


def some_sound(seed, steps=3000):
    """Levels of something like speech: stretches of all lengths that rise and fade, over noise, with clicks."""
    random = np.random.default_rng(seed)
    db = random.normal(-58 + 10 * random.random(), 2, steps)
    place = int(random.integers(0, 40))
    while place < steps:
        length = int(random.choice([1, 3, 9, 30, 120, 300]))
        shape = np.clip(np.minimum(np.arange(length), np.arange(length)[::-1]) * 3 - 24, None, 0)
        db[place : place + length] = (-12 + shape + random.normal(0, 3, length))[: max(0, steps - place)]
        place += length + int(random.choice([2, 9, 10, 11, 25, 80, 200]))
    db[random.random(steps) < 0.01] = -np.inf
    # On borders, where a step belongs to one side or the other.
    return Levels(np.where(random.random(steps) < 0.3, np.round(db * 2) / 2, db).astype(np.float32), duration_of(steps))


def duration_of(steps):
    return STEP * steps - Fraction(7, 1000)  # the last step is cut short, as by the end of a file


SETTINGS = [
    {},
    *({"threshold_db": level} for level in (-60.0, -41.5, -28.0, -12.0)),
    *(
        {"min_silence_ms": silence, "min_clip_ms": clip}
        for silence, clip in itertools.product((0, 220, 1500), (0, 200))
    ),
    {"margin_before_ms": 0, "margin_after_ms": 0},
    *({"min_saving_ms": saving, "min_silence_ms": 0, "margin_after_ms": 80} for saving in (0, 60, 500)),
    {"min_saving_ms": 300, "pauses": "speed", "speed": 1.5},
    {"margin_before_ms": 30, "margin_after_ms": 410, "threshold_db": -35.5},
    {"pauses": "shorten", "pause_ms": 300, "margin_before_ms": 0, "margin_after_ms": 0},
    {"pauses": "shorten", "pause_ms": 700, "margin_before_ms": 100, "margin_after_ms": 250},
    {"pauses": "shorten", "pause_ms": 100},
    {"pauses": "speed", "speed": 4, "margin_before_ms": 150, "margin_after_ms": 80},
    *({name: value for name, value in preset.items() if name != "detector"} for preset in PRESETS.values()),
]


def close(found):
    """Times to a thousandth of a millisecond: the page counts in binary numbers."""
    return [pytest.approx(one, abs=1e-3) for one in found]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("longer", [Fraction(0), Fraction(1, 3), Fraction(4)])
def test_the_page_plans_as_the_engine_does_by_loudness(plans, seed, longer):
    """`longer`: how much longer the picture is than the sound."""
    sound = some_sound(seed)
    duration = sound.duration + longer
    found = plans(sound, duration, SETTINGS)
    expected = [engine_plan(sound, duration, params) for params in SETTINGS]
    assert sum(map(len, expected)) > 50
    for one, other, params in zip(found, expected, SETTINGS, strict=True):
        assert len(one) == len(other), params
        assert one == close(other), params


@pytest.mark.parametrize("seed", range(3))
def test_the_page_plans_as_the_engine_does_by_voice(plans, seed):
    random = np.random.default_rng(seed)
    steps = np.repeat(random.random(400) ** 2, random.integers(1, 40, 400))
    voice = Voice(np.clip(steps + random.normal(0, 0.05, len(steps)), 0, 1).astype(np.float32), WINDOW * len(steps))
    every = [{**params, "detector": "voice"} for params in SETTINGS]
    found = plans(voice, voice.duration, every)
    for one, params in zip(found, every, strict=True):
        assert one == close(engine_plan(voice, voice.duration, params)), params


@pytest.mark.parametrize("level", [-np.inf, -90])
def test_nothing_loud_enough_leaves_nothing(plans, level):
    quiet = Levels(np.full(500, level, np.float32), STEP * 500)
    assert plans(quiet, quiet.duration, [{"threshold_db": -20}]) == [[]]


def test_sound_without_a_pause_stays_whole(plans):
    loud = Levels(np.full(500, -6, np.float32), STEP * 500)
    assert plans(loud, loud.duration, [{"threshold_db": -20}]) == [[[0, 10_000]]]


def test_three_hours_are_planned_as_well(plans):
    sound = some_sound(1, steps=540_000)
    (found,) = plans(sound, sound.duration, [{}])
    assert found == close(engine_plan(sound, sound.duration, {}))
