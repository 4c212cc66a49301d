"""What is set in a piece of work, in a few words: what differs from what everybody gets."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, cast

from django import forms

from jobs import wording
from jobs.operations import registry
from jobs.operations.base import Operation
from jobs.operations.fields import GivenField, RecordingsField
from jobs.operations.forms import ShareField, TimeField, in_units

MOST = 2
LONGEST_TEXT = 24


def of(slug: str, params: Mapping[str, Any]) -> str:
    """“Lower right, 18 %”; what there is to choose where all is as usual. "" for an operation that is gone."""
    try:
        operation = registry.get(slug)
    except KeyError:
        return ""
    told = [words for words in _changed(operation, params) if words]
    return ", ".join(told[:MOST]) or operation.gist


def _changed(operation: Operation[Any], params: Mapping[str, Any]) -> Iterator[str]:
    usual = {field.name: field.default for field in dataclasses.fields(operation.params_class)}
    for name, field in operation.form_class.base_fields.items():
        value = params.get(name)
        if name in operation.folded or value in (None, "", [], ()) or value == usual.get(name):
            continue
        yield in_words(field, value)


def in_words(field: forms.Field, value: Any) -> str:
    """A value as a person would say it beside its field's name, or without."""
    label, unit = in_units(str(field.label or ""))
    if isinstance(field, GivenField | RecordingsField):
        return label.lower() if isinstance(field, GivenField) else f"{len(value)} more"
    if isinstance(field, forms.ChoiceField):
        words: dict[Any, Any] = dict(cast(Any, field.choices))
        return str(words.get(value, words.get(str(value), value))).partition(",")[0].partition(" (")[0]
    if isinstance(field, forms.BooleanField):
        return label.lower() if value else ""
    if isinstance(field, ShareField):
        return f"{label.lower()} {wording.percent(value)}"
    if isinstance(field, TimeField):
        return f"{label.lower()} {wording.clock(value)}"
    if isinstance(value, list | tuple):
        return f"{len(value)} {label.lower()}"
    if isinstance(value, int | float):
        return f"{value:g} {unit}" if unit else f"{label.lower()} {value:g}"
    return f"“{str(value)[:LONGEST_TEXT]}”"
