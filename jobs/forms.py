"""The forms of the pages. What an operation wants to know is asked by its own form, found through the registry."""

import dataclasses
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from jobs.models import Video
from jobs.operations import registry
from jobs.operations.base import Operation
from jobs.services import naming, parameters


@dataclasses.dataclass(frozen=True)
class Pick:
    """One operation on offer: whether it is chosen, and its form (with what was typed, and what is wrong with it)."""

    operation: Operation[Any]
    form: forms.Form
    chosen: bool


class WorkForm:
    """What to do with a recording: the operations as picks, each with its form under the prefix of its slug.

    The fields are `operations` (the chosen slugs) and `<slug>-<field>`. Without data the defaults are chosen, unless
    `defaults` is False.
    """

    def __init__(self, data: QueryDict | None = None, *, defaults: bool = True) -> None:
        self.data = data
        self.slugs = data.getlist("operations") if data is not None else []
        self.picks = [self._pick(operation, defaults) for operation in registry.every()]

    def _pick(self, operation: Operation[Any], defaults: bool) -> Pick:
        chosen = operation.slug in self.slugs if self.data is not None else defaults and operation.ticked
        typed = self.data if operation.slug in self.slugs else None
        form = operation.form_class(typed, prefix=operation.slug, use_required_attribute=False)
        return Pick(operation, form, chosen)

    @property
    def chosen(self) -> list[Pick]:
        return [pick for pick in self.picks if pick.chosen]

    def is_valid(self) -> bool:
        known = {pick.operation.slug for pick in self.picks}
        return known.issuperset(self.slugs) and all(pick.form.is_valid() for pick in self.chosen)

    @property
    def work(self) -> dict[str, dict[str, Any]]:
        """Parameters as JSON by slug, of a valid form."""
        return {
            pick.operation.slug: parameters.as_json(pick.operation.params(pick.form.cleaned_data))
            for pick in self.chosen
        }

    @property
    def errors(self) -> list[str]:
        """Everything that is wrong, as sentences that name the work and the field."""
        known = {pick.operation.slug for pick in self.picks}
        unknown = [f"“{slug}” is not offered here. Leave it out." for slug in self.slugs if slug not in known]
        return unknown + [line for pick in self.chosen for line in sentences(pick)]


def sentences(pick: Pick) -> list[str]:
    lines = []
    for name, messages in pick.form.errors.items():
        place = pick.operation.title
        if name in pick.form.fields:
            place += f", {(pick.form[name].label or name).lower()}"
        lines += [f"{place}: {message}" for message in messages]
    return lines


def work_of(data: QueryDict) -> dict[str, dict[str, Any]]:
    """The work asked for by the fields of the upload form. Raises ValidationError with all messages."""
    form = WorkForm(data)
    if not form.is_valid():
        raise ValidationError(form.errors)
    return form.work


class SearchForm(forms.Form):
    q = forms.CharField(max_length=200, required=False, strip=True)

    @property
    def words(self) -> list[str]:
        return self.cleaned_data["q"].split()[:8] if self.is_valid() else []


class TitleForm(forms.ModelForm):
    class Meta:
        model = Video
        fields = ["title"]
        labels = {"title": "Name"}

    def clean_title(self) -> str:
        title = naming.clean(self.cleaned_data["title"])
        if not title:
            raise ValidationError("A recording needs a name. Write at least one letter.")
        return title
