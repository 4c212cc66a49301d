"""What results say of themselves comes back as it was, and as little as possible of what cannot be read."""

import dataclasses
import json

import pytest

from jobs.engine.model.told import KEYS, Told

WHOLE = Told(
    summary="Copied as it was",
    facts=(("Drift", "+145 ppm"), ("Covers", "0 s to 9 s")),
    reason="87 % of the picture is untouched.",
    checked="checked: 2 joins",
    notes=("Left out: the timecode.",),
    compare=True,
    moments=((1.5, "“one … two”, 0.40 s apart"),),
    source_seconds=4.0,
    output_seconds=1.84,
    everywhere_seconds=250.0,
)


@pytest.mark.parametrize("told", [WHOLE, Told(), Told(summary=""), Told(notes=())])
def test_it_goes_to_json_and_back(told):
    assert Told.from_json(json.loads(json.dumps(told.to_json()))) == told


def test_every_field_has_its_name_in_json():
    assert set(KEYS) == {field.name for field in dataclasses.fields(Told)}
    assert set(WHOLE.to_json()) == set(KEYS.values())


def test_what_is_not_said_has_no_name_in_json():
    assert Told(summary="Encoded").to_json() == {"summary": "Encoded"}


def test_figures_beside_it_are_passed_over_and_fractions_are_lengths():
    assert Told.from_json({"frames": 3, "source_duration": "7/2", "output_duration": "?"}) == Told(source_seconds=3.5)
