import json
from fractions import Fraction

import pytest

from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import Cancelled, InputError
from jobs.operations.base import Context
from jobs.operations.trim import Trim, TrimForm, TrimParams
from jobs.services import parameters
from tests import clips, factories
from tests.clips import Picture, Sound

OPERATION = Trim()


def params(**data) -> TrimParams:
    form = TrimForm(data)
    assert form.is_valid(), form.errors
    return OPERATION.params(form.cleaned_data)


@pytest.fixture
def context(tmp_path):
    def make(*streams, name="talk.mp4", progress=lambda fraction, stage: None) -> Context:
        source, scratch = clips.make(tmp_path / name, *streams), tmp_path / "scratch"
        scratch.mkdir()
        return Context(source, inspect(source), {}, scratch, tmp_path, "Talk", progress, CommandLog())

    return make


# Parameters ----------------------------------------------------------------------------------------------------------


def test_a_time_is_seconds_or_what_a_clock_shows():
    assert params(start="1:05.5") == TrimParams(start=65.5, end=None, render="smart")
    assert params(end=70, render="encode") == TrimParams(start=None, end=70, render="encode")


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("start", {}),
        ("start", {"start": 0}),
        ("start", {"start": "soon", "end": 5}),
        ("start", {"start": -1}),
        ("end", {"start": 5, "end": 5}),
        ("end", {"end": 0}),
        ("end", {"start": "0:06", "end": 5}),
        ("end", {"end": 10**400}),
    ],
)
def test_what_makes_no_range_is_refused_at_its_field(field, data):
    errors = TrimForm(data).errors
    assert list(errors) == [field]
    assert all(message.endswith(".") for message in errors[field])


@pytest.mark.parametrize("data", [{"start": 10}, {"start": 2, "end": 10.2}])
def test_times_after_the_end_are_refused_before_any_work(data):
    with pytest.raises(InputError, match="ends after 10 s"):
        parameters.parse("trim", data, factories.info())


def test_an_end_as_a_player_rounds_it_is_the_end():
    assert parameters.parse("trim", {"start": 2, "end": 10.05}, factories.info()).end == 10.05


def test_parameters_survive_being_stored_as_json():
    some = params(start=1.1, end=2)
    assert parameters.from_json("trim", json.loads(json.dumps(parameters.as_json(some)))) == some


# Results -------------------------------------------------------------------------------------------------------------


def test_a_range_is_exact_at_both_ends_and_copied_between(context):
    given = context(Picture(seconds=8, options={"preset": "ultrafast", "g": "25", "bf": "2"}), Sound([(0, 8)], 8))
    (draft,) = OPERATION.run(given, params(start=1.2, end="6.4"))
    assert (draft.kind, draft.name, draft.media_type) == ("video", "Talk (trimmed).mp4", "video/mp4")
    found = clips.seen(draft.path)
    assert [one.number for one in found] == list(range(30, 160))
    assert [one.time for one in found] == [Fraction(number, 25) for number in range(130)]
    result, rate = clips.heard(draft.path)
    original, _ = clips.heard(given.source)
    for at in (0.5, 2.5, 4.9):
        assert clips.lag(result, original, round(at * rate), round((at + 1.2) * rate)) == 0
    assert inspect(draft.path).duration == Fraction("5.2")
    facts = json.loads(json.dumps(draft.metadata))
    # From 2 s, the first keyframe, to 6 s, the last.
    assert (facts["render"], facts["frames"]) == ("smart", 130)
    assert 100 <= facts["frames_copied"] < 130
    assert facts["report"]["ok"] is True
    assert (facts["source_duration"], facts["output_duration"]) == (8.0, 5.2)


def test_without_an_end_it_goes_on_to_the_last_picture(context):
    given = context(Picture(), Sound([(0, 4)]))
    (draft,) = OPERATION.run(given, params(start=3))
    assert [one.number for one in clips.seen(draft.path)] == list(range(75, 100))


def test_all_of_it_is_encoded_when_asked(context):
    given = context(Picture(), Sound([(0, 4)]))
    (draft,) = OPERATION.run(given, params(end=2, render="encode"))
    assert (draft.metadata["render"], draft.metadata["frames_copied"]) == ("encode", 0)
    assert [one.number for one in clips.seen(draft.path)] == list(range(50))


def test_sound_alone_is_trimmed_to_the_sample(context):
    given = context(None, Sound([(0, 4)]), name="talk.m4a")
    (draft,) = OPERATION.run(given, params(start=1, end=2.5))
    assert (draft.kind, draft.name) == ("audio", "Talk (trimmed).m4a")
    result, rate = clips.heard(draft.path)
    original, _ = clips.heard(given.source)
    assert clips.lag(result, original, rate, 2 * rate) == 0
    assert abs(len(result) - 1.5 * rate) <= 1024


def test_stopping_it_leaves_nothing(context):
    def stop(fraction: float, stage: str) -> None:
        if fraction > 0.2:
            raise Cancelled("Stopped.")

    given = context(Picture(), Sound([(0, 4)]), progress=stop)
    with pytest.raises(Cancelled):
        OPERATION.run(given, params(start=1))
    assert list(given.scratch.iterdir()) == []
