import dataclasses
from typing import ClassVar

import pytest
from django import forms

from jobs.api.operation_schema import schema_of
from jobs.operations import registry
from jobs.operations.base import Operation
from tests import factories
from tests.api import Api

pytestmark = pytest.mark.django_db


def listed():
    found = Api(factories.account()).get("/operations").json()
    assert found["count"] == len(found["items"])
    return {item["slug"]: item for item in found["items"]}


def test_every_operation_is_listed_in_order():
    assert list(listed()) == [operation.slug for operation in registry.every()]
    assert all(item["title"] and item["summary"] for item in listed().values())


def test_the_silence_cut_tells_types_bounds_and_defaults():
    cut = listed()["silence-cut"]["parameters"]
    threshold = cut["properties"]["threshold_db"]
    assert threshold["anyOf"] == [{"type": "number"}, {"const": "auto", "type": "string"}]
    assert threshold["default"] == "auto"
    margin = cut["properties"]["margin_before_ms"]
    assert (margin["type"], margin["minimum"], margin["default"]) == ("integer", 0, 200)
    keep = cut["properties"]["keep"]
    assert (keep["type"], keep["items"]["prefixItems"], keep["default"]) == ("array", [{"type": "number"}] * 2, [])
    assert cut["additionalProperties"] is False


def test_thumbnails_tell_their_choices():
    choices = listed()["thumbnails"]["parameters"]["properties"]["format"]
    assert (choices["enum"], choices["default"]) == (["jpeg", "webp", "png"], "jpeg")


@pytest.mark.parametrize("operation", registry.every(), ids=lambda operation: operation.slug)
def test_every_parameter_of_every_operation_is_described(operation):
    names = {field.name for field in dataclasses.fields(operation.params_class)}
    schema = schema_of(operation)
    assert set(schema["properties"]) == names
    for name, described in schema["properties"].items():
        assert described["title"]
        assert "default" in described or name in schema["required"]


class SampleForm(forms.Form):
    corner = forms.ChoiceField(choices=[("Top", [("tl", "Left"), ("tr", "Right")]), ("bl", "Below")], label="Corner")
    speed = forms.TypedChoiceField(choices=[("", "–"), ("1", "1×"), ("2", "2×")], coerce=int, required=False)
    exports = forms.MultipleChoiceField(choices=[("otio", "OTIO"), ("edl", "EDL")], required=False)
    opacity = forms.FloatField(min_value=0, max_value=1, required=False)
    text = forms.CharField(max_length=80, help_text="What to write.")
    burn = forms.BooleanField(required=False)


@dataclasses.dataclass(frozen=True)
class SampleParams:
    VERSION: ClassVar[int] = 1
    text: str
    corner: str = "tl"
    speed: int = 1
    exports: tuple[str, ...] = ()
    opacity: float = 0.5
    burn: bool = False


class Sample(Operation[SampleParams]):
    form_class = SampleForm
    params_class = SampleParams


def test_any_form_is_described():
    schema = schema_of(Sample())
    assert schema["required"] == ["text"]
    properties = schema["properties"]
    assert properties["corner"] == {
        "type": "string",
        "enum": ["tl", "tr", "bl"],
        "title": "Corner",
        "default": "tl",
    }
    assert (properties["speed"]["enum"], properties["speed"]["type"]) == ([1, 2], "integer")
    assert properties["exports"]["items"] == {"enum": ["otio", "edl"]}
    assert properties["exports"]["default"] == []
    assert (properties["opacity"]["minimum"], properties["opacity"]["maximum"]) == (0, 1)
    assert properties["text"] == {
        "type": "string",
        "maxLength": 80,
        "title": "Text",
        "description": "What to write.",
    }
    assert properties["burn"]["type"] == "boolean"
