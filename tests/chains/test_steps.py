"""Chains as they are read and checked."""

import pytest

from jobs.operations import registry
from jobs.services import parameters, shipped, steps
from jobs.services.steps import Step, StepError
from tests.chains.conftest import MARK, STILLS, TRIM, step


def problems(*raw: dict) -> list[tuple[str, str]]:
    with pytest.raises(StepError) as refusal:
        steps.read(raw)
    for _, sentence in refusal.value.problems:
        assert sentence.endswith("."), sentence
    return refusal.value.problems


def test_steps_come_after_their_inputs_however_they_are_given():
    assert [one.name for one in steps.read([STILLS, MARK, TRIM])] == ["Trim", "Mark", "Stills"]


def test_steps_without_names_are_called_by_their_operations():
    found = steps.read([{"operation": "trim", "params": {"start": 1}}, {"operation": "trim", "params": {"start": 2}}])
    assert [one.name for one in found] == ["Trim", "Trim 2"]


def test_a_circle_is_told():
    ((field, sentence),) = problems(step("a", "clean-audio", "b"), step("b", "clean-audio", "a"))
    assert field == "steps.0.input"
    assert "“a”, “b” wait for each other in a circle" in sentence


def test_what_is_unknown_is_told_by_the_step():
    ((field, sentence),) = problems(step("One", "nothing"))
    assert (field, "there is no operation “nothing”" in sentence) == ("steps.0.operation", True)
    ((field, sentence),) = problems(step("One", "trim", "Two", start=1))
    assert (field, sentence) == ("steps.0.input", "“One” works on “Two”, and there is no such step.")
    ((field, sentence),) = problems(step("One", "thumbnails", size=3))
    assert (field, sentence) == ("steps.0.params.size", "“One”: there is no parameter “size”.")
    ((field, sentence),) = problems(step("One", "thumbnails", count=0))
    assert field == "steps.0.params.count"
    assert sentence.startswith("“One”, ")


def test_everything_that_is_wrong_is_told_at_once():
    found = problems(step("One", "thumbnails", count=0), step("Two", "nothing"), step("Two", "nothing"))
    assert [field for field, _ in found] == ["steps.0.params.count", "steps.1.operation", "steps.2.operation"]


def test_two_steps_of_one_name_are_refused():
    assert problems(TRIM, TRIM)[0][0] == "steps.1.name"


def test_a_picture_is_not_wanted_from_sound_alone():
    ((field, sentence),) = problems(step("Sound", "extract-audio"), step("Mark", "watermark", "Sound", text="x"))
    assert (field, "needs a picture" in sentence, "“Sound”" in sentence) == ("steps.1.input", True, True)


def test_speech_is_not_wanted_from_a_silent_loop():
    ((field, sentence),) = problems(step("Loop", "preview", kind="loop"), step("Words", "transcribe", "Loop"))
    assert (field, "needs sound" in sentence) == ("steps.1.input", True)


def test_nothing_works_on_pictures():
    ((field, sentence),) = problems(step("Stills", "thumbnails"), step("Words", "transcribe", "Stills"))
    assert (field, "makes no one video or audio file" in sentence) == ("steps.1.input", True)


def test_no_steps_and_too_many_are_refused():
    assert problems()[0][0] == "steps"
    assert problems(*[{"operation": "thumbnails"}] * (steps.MOST_STEPS + 1))[0][0] == "steps"


@pytest.mark.parametrize("chain", shipped.SHIPPED, ids=lambda chain: chain.slug)
def test_the_chains_that_come_with_an_install_can_be_run(chain):
    assert chain.steps
    assert steps.read([{**one.to_json(), "params": _raw(one)} for one in chain.steps]) == chain.steps


def _raw(one: Step) -> dict:
    return {name: value for name, value in one.params.items() if name != "version"}


def test_operations_chosen_together_come_in_a_sensible_order():
    chosen = {
        slug: parameters.as_json(parameters.parse(slug, registry.get(slug).example))
        for slug in ("thumbnails", "transcribe", "silence-cut", "clean-audio")
    }
    chosen["watermark"] = parameters.as_json(parameters.parse("watermark", {"text": "hello"}))
    chain = steps.chained(chosen)
    assert [one.operation for one in chain] == ["clean-audio", "silence-cut", "watermark", "transcribe", "thumbnails"]
    assert [one.input for one in chain[3:]] == [chain[2].name] * 2
    assert steps.summary(chain).count(" → ") == 3


def test_a_result_that_is_on_the_way_to_another_is_told_from_one_that_pictures_are_made_of():
    chain = steps.read([TRIM, MARK, STILLS])
    assert [one.name for one in steps.passed_on(chain)] == ["Trim"]
    assert steps.passed_on(steps.read([{**TRIM, "keep": True}, MARK, STILLS])) == []


def test_captions_in_the_picture_are_on_the_way_and_captions_beside_it_are_not():
    burnt = step("Captions", "transcribe", "Trim", burn=True)
    assert [one.name for one in steps.passed_on(steps.read([TRIM, burnt]))] == ["Trim"]
    assert steps.passed_on(steps.read([TRIM, step("Captions", "transcribe", "Trim")])) == []
