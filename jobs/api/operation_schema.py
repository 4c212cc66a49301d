"""The parameters of an operation as JSON schema, read off its form and its parameter class.

The class knows the exact types and the defaults, the form (one field for each parameter) the words, the choices and the
bounds.
"""

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core import validators
from pydantic import TypeAdapter

from jobs.operations.base import Operation
from jobs.operations.fields import GivenField, RecordingsField

Schema = dict[str, Any]


def schema_of(operation: Operation[Any]) -> Schema:
    """JSON schema (draft 2020-12) of an operation's parameters, with their defaults."""
    form = operation.form_class()
    hints = typing.get_type_hints(operation.params_class)
    types = {name: TypeAdapter(hints[name]) for name in form.fields}
    defaults = defaults_of(operation)
    properties = {}
    for name, field in form.fields.items():
        properties[name] = {**types[name].json_schema(), **limits_of(field), **words_of(form, name)}
        if name in defaults:
            properties[name]["default"] = types[name].dump_python(defaults[name], mode="json")
    required = [name for name, field in form.fields.items() if field.required and name not in defaults]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return schema | ({"examples": [dict(operation.example)]} if operation.example else {})


def defaults_of(operation: Operation[Any]) -> dict[str, Any]:
    """The default of each parameter that has one."""
    found = {}
    for field in dataclasses.fields(operation.params_class):
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    return found


def words_of(form: forms.Form, name: str) -> Schema:
    words = {"title": str(form[name].label), "description": str(form.fields[name].help_text)}
    return {key: text for key, text in words.items() if text}


def limits_of(field: forms.Field) -> Schema:
    """What a form's field refuses, as far as JSON schema can say it."""
    if isinstance(field, forms.MultipleChoiceField):
        return {"items": {"enum": list(_values(field.choices))}, "uniqueItems": True}
    if isinstance(field, forms.ChoiceField):
        coerce = field.coerce if isinstance(field, forms.TypedChoiceField) else str
        return {"enum": [coerce(value) for value in _values(field.choices) if value != ""]}
    if isinstance(field, GivenField):
        return {"format": "uuid", "x-input": field.kind}
    if isinstance(field, RecordingsField):
        item = {"type": "string", "format": "uuid", "x-input": field.kind}
        return {"items": item, "minItems": field.minimum, "maxItems": field.maximum}
    limits: Schema = {}
    for validator in field.validators:
        for kind, keyword in LIMITS:
            if type(validator) is kind:
                limits[keyword] = validator.limit_value
    return limits


LIMITS: list[tuple[type[validators.BaseValidator], str]] = [
    (validators.MinValueValidator, "minimum"),
    (validators.MaxValueValidator, "maximum"),
    (validators.MinLengthValidator, "minLength"),
    (validators.MaxLengthValidator, "maxLength"),
]


def _values(choices: Any) -> Iterator[Any]:
    """The values of a field's choices; groups are lists of choices."""
    for value, label in choices:
        if isinstance(label, (list, tuple)):
            yield from _values(label)
        else:
            yield value
