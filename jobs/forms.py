"""The forms of the pages. What an operation wants to know is asked by its own form, found through the registry."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from jobs.errors import InputError
from jobs.models import Account, Video
from jobs.operations import registry
from jobs.operations.base import Operation
from jobs.operations.fields import ImageField, RecordingField, RecordingsField
from jobs.services import inputs, naming, parameters, presets, steps
from jobs.services.parameters import fits
from jobs.services.steps import Step


@dataclasses.dataclass(frozen=True)
class Pick:
    """One operation on offer: whether it is chosen, and its form (with what was typed, and what is wrong with it)."""

    operation: Operation[Any]
    form: forms.Form
    chosen: bool


class WorkForm:
    """What to do with a recording: the operations as picks, each with its form under the prefix of its slug.

    The fields are `operations` (the chosen slugs) and `<slug>-<field>`. Without data the defaults are chosen, unless
    `defaults` is False; with `only` it is about that one alone. `<slug>-preset` names a preset, whose values count
    where a field is not sent. `begin` are values that forms without data begin with. `owner` is whose recordings are
    offered and may be named, all but `video`, which the work is for; only what can be done with it is offered.
    `refused` are sentences about images that came along and are none, by the full names of their fields.
    """

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        owner: Account | None = None,
        video: Video | None = None,
        refused: Mapping[str, str] | None = None,
        defaults: bool = True,
        only: str = "",
        begin: Mapping[str, Any] | None = None,
    ) -> None:
        self.data, self.owner, self.video, self.refused = data, owner, video, refused or {}
        self.begin = dict(begin or {})
        self.slugs = data.getlist("operations") if data is not None else []
        every = [registry.get(only)] if only else registry.every()
        self.picks = [self._pick(one, defaults) for one in every if not video or fits(one, video.info)]

    def _pick(self, operation: Operation[Any], defaults: bool) -> Pick:
        chosen = operation.slug in self.slugs if self.data is not None else defaults and operation.ticked
        typed = self.data if operation.slug in self.slugs else None
        if typed is not None and (named := typed.get(f"{operation.slug}-preset")) and self.owner:
            typed = self._completed(operation, typed, named)
        form = operation.form_class(typed, prefix=operation.slug, use_required_attribute=False, initial=self.begin)
        if self.video and self.video.info.video is None:
            for name in operation.picture_fields:
                form.fields.pop(name, None)
        for field in form.fields.values():
            if isinstance(field, RecordingField | RecordingsField):
                field.offer(self.recordings)
        return Pick(operation, form, chosen)

    def _completed(self, operation: Operation[Any], typed: QueryDict, named: str) -> QueryDict:
        """What was sent, with the values of a preset for the fields that were not."""
        assert self.owner is not None
        preset = presets.find(self.owner, named, operation.slug)
        if preset is None or preset.operation != operation.slug:
            return typed
        data = typed.copy()
        for key, values in presets.as_sent(preset, operation.slug).lists():
            if key not in data:
                data.setlist(key, values)
        return data

    @functools.cached_property
    def recordings(self) -> list[tuple[str, str]]:
        return inputs.offered(self.owner, self.video) if self.owner else []

    @property
    def chosen(self) -> list[Pick]:
        return [pick for pick in self.picks if pick.chosen]

    def is_valid(self) -> bool:
        return not self.not_offered and not any(self._checked(pick) for pick in self.chosen)

    def _checked(self, pick: Pick) -> Mapping[str, Any]:
        """What is wrong with a chosen form, also with the files that it names."""
        form = pick.form
        for name in form.fields:
            if message := self.refused.get(form.add_prefix(name)):
                form.errors[name] = form.error_class([message])
        if not form.errors and self.owner:
            params = pick.operation.params(form.cleaned_data)
            for name, message in inputs.absent(self.owner, pick.operation.slug, params).items():
                form.add_error(name, message)
        return form.errors

    @property
    def work(self) -> dict[str, dict[str, Any]]:
        """Parameters as JSON by slug, of a valid form."""
        work = {pick.operation.slug: self.stored(pick) for pick in self.chosen}
        return steps.placed(work, self.order)

    @staticmethod
    def stored(pick: Pick) -> dict[str, Any]:
        """The parameters of a chosen form, which is valid, as JSON."""
        return parameters.as_json(pick.operation.params(pick.form.cleaned_data))

    @property
    def order(self) -> list[str]:
        """The order that was made by hand, empty for the sensible one."""
        asked = self.data.get("order", "") if self.data is not None else ""
        known = [pick.operation.slug for pick in self.picks]
        return [slug for slug in dict.fromkeys(asked.split(",")) if slug in known]

    def chain(self) -> list[Step]:
        """The chosen work as the chain that it will be; with defaults where settings are not right yet."""
        work = {pick.operation.slug: _assumed(pick) for pick in self.chosen}
        return steps.chained(steps.placed(work, self.order))

    @property
    def errors(self) -> list[str]:
        """Everything that is wrong, as sentences that name the work and the field."""
        return self.not_offered + [line for pick in self.chosen for line in sentences(pick, self._checked(pick))]

    @property
    def not_offered(self) -> list[str]:
        """Sentences about chosen work that cannot be done with the recording, or nowhere."""
        known = {pick.operation.slug for pick in self.picks}
        return [self._why_not(slug) for slug in self.slugs if slug not in known]

    def _why_not(self, slug: str) -> str:
        try:
            if self.video:
                parameters.refuse_unfit(slug, self.video.info)
        except InputError as error:
            return error.message
        except KeyError:
            pass
        return f"“{slug}” is not offered here. Leave it out."


def _assumed(pick: Pick) -> dict[str, Any]:
    """The parameters of chosen work as JSON; where they are not right yet, those that tell what becomes of it."""
    operation = pick.operation
    for form in (pick.form, operation.form_class({}), operation.form_class({**operation.example})):
        if form.is_bound and form.is_valid():
            return parameters.as_json(operation.params(form.cleaned_data))
    return {}  # needs another file


def sentences(pick: Pick, errors: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, messages in errors.items():
        place = pick.operation.title
        if name in pick.form.fields:
            place += f", {(pick.form[name].label or name).lower()}"
        lines += [f"{place}: {message}" for message in messages]
    return lines


def image_fields(slugs: Iterable[str]) -> list[str]:
    """The full names of the fields that take an image, of these operations."""
    return [
        f"{operation.slug}-{name}"
        for operation in registry.every()
        if operation.slug in slugs
        for name, field in operation.form_class.base_fields.items()
        if isinstance(field, ImageField)
    ]


def work_of(data: QueryDict, owner: Account | None = None) -> dict[str, dict[str, Any]]:
    """The work asked for by the fields of the upload form. Raises ValidationError with all messages."""
    form = WorkForm(data, owner=owner)
    if not form.is_valid():
        raise ValidationError(form.errors)
    return form.work


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
