import json
from fractions import Fraction

import pytest

from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import InputError
from jobs.operations.base import Context
from jobs.operations.change_speed import ChangeSpeed, ChangeSpeedForm, ChangeSpeedParams
from jobs.services import parameters
from tests import clips, factories
from tests.clips import Picture, Sound

OPERATION = ChangeSpeed()


def params(**data) -> ChangeSpeedParams:
    form = ChangeSpeedForm(data)
    assert form.is_valid(), form.errors
    return OPERATION.params(form.cleaned_data)


def test_a_speed_is_the_decimal_that_a_person_wrote():
    assert params(speed="1.1", start="0:02").change.speed == Fraction(11, 10)
    assert params().speed == 1.5


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("speed", {"speed": 0.2}),
        ("speed", {"speed": 4.5}),
        ("speed", {"speed": "nan"}),
        ("speed", {"speed": "quick"}),
        ("end", {"start": 5, "end": 5}),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(field, data):
    errors = ChangeSpeedForm(data).errors
    assert list(errors) == [field]
    assert all(message.endswith(".") for message in errors[field])


def test_a_start_after_the_end_is_refused_before_any_work():
    with pytest.raises(InputError, match="ends after 10 s"):
        parameters.parse("change-speed", {"start": 10}, factories.info())


def test_parameters_survive_being_stored_as_json():
    some = params(speed=0.75, start=1.1, end=2)
    assert parameters.from_json("change-speed", json.loads(json.dumps(parameters.as_json(some)))) == some


def test_slow_motion_is_given_more_time():
    slow, own = params(speed=0.25), params(speed=1)
    assert OPERATION.timeout_seconds(factories.info(), slow) > OPERATION.timeout_seconds(factories.info(), own)


def test_a_recording_runs_twice_as_fast(tmp_path):
    source = clips.make(tmp_path / "talk.mp4", Picture(), Sound([(0.5, 1), (2, 3)], floor_db=-50))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    given = Context(source, inspect(source), {}, scratch, tmp_path, "Talk", lambda *told: None, CommandLog())
    (draft,) = OPERATION.run(given, params(speed=2))
    assert (draft.kind, draft.name, draft.media_type) == ("video", "Talk (2x).mp4", "video/mp4")
    assert [one.number for one in clips.seen(draft.path)] == list(range(0, 100, 2))
    facts = json.loads(json.dumps(draft.metadata))
    assert (facts["source_duration"], facts["output_duration"], facts["speed"]) == (4.0, 2.0, 2.0)
    assert facts["report"]["ok"] is True
