"""Parameters as a browser would send them in a form."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from jobs.operations.base import Operation
from jobs.operations.fields import RecordingsInput


def fill(data: QueryDict, prefix: str, operation: Operation[Any], params: Mapping[str, Any]) -> None:
    """Put stored parameters into the fields of an operation's form under a prefix."""
    known = operation.form_class.base_fields
    form = operation.form_class(initial={field: params[field] for field in known if field in params}, prefix=prefix)
    for bound in form:
        value = bound.value()
        if isinstance(bound.field.widget, RecordingsInput):
            for place, one in enumerate(value or ()):
                data[f"{bound.html_name}_{place}"] = str(one)
        elif isinstance(bound.field.widget, forms.CheckboxInput):
            if value:
                data[bound.html_name] = "on"
        elif isinstance(value, list | tuple):
            data.setlist(bound.html_name, [str(one) for one in value])
        else:
            data[bound.html_name] = "" if value is None else str(value)
