"""The form that makes a chain: its name, and the form of each step's operation under a prefix of its own.

The fields are `name`, `run` or `video` (what it may be run on at once), `step` (the keys of the steps, in order) and
for each key `<key>-operation`, `<key>-called`, `<key>-input` (a key, or nothing for the recording), `<key>-keep`, and
those of the operation under `<key>-p-`. A button `do` changes its shape; then the form is shown again with all that was
typed. `before` are earlier shapes to go back to.
"""

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from jobs.errors import InputError
from jobs.models import Account
from jobs.operations import registry
from jobs.operations.base import Operation, Params, Tracks
from jobs.operations.fields import ImageField, RecordingField, RecordingsField
from jobs.services import flow, inputs, makes, parameters, sent, steps
from jobs.services.flow import Links
from jobs.services.steps import MOST_STEPS, Step, StepError

KEY = re.compile(r"s[0-9]{1,4}", re.ASCII)
MOST_BEFORE = 10
"""Shapes to go back to."""
LONGEST_BEFORE = 60_000
"""Characters of one of them."""
RECORDING = "the recording"


@dataclasses.dataclass
class StepForm:
    """One step with what was typed for it."""

    key: str
    operation: Operation[Any]
    called: str
    source: str
    keep: bool
    form: forms.Form
    is_checked: bool
    name: str = ""
    """What it is called, also where nothing was typed."""
    problems: list[str] = dataclasses.field(default_factory=list)
    """What is wrong besides its fields."""
    params: Params | None = None
    """None where its fields are not right."""
    tracks: Tracks | None = makes.ANY
    """What its result has."""
    passes_on: bool = False
    """Whether its result goes when the chain is done, unless it is kept."""
    sources: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """What it could work on: keys and names."""
    offered: list[Operation[Any]] = dataclasses.field(default_factory=list)
    """What could go on with its result."""
    can_earlier: bool = False
    can_later: bool = False

    @property
    def title(self) -> str:
        return self.operation.title

    @property
    def is_wrong(self) -> bool:
        return bool(self.problems or self.form.errors)


class ChainForm:
    """A chain in the making. Without `checked` nothing is said about fields that are not right yet."""

    def __init__(self, data: QueryDict, owner: Account, *, checked: bool = False) -> None:
        self.data, self.owner, self.is_checked = data, owner, checked
        self.name = data.get("name", "")
        self.run, self.video = data.get("run", ""), data.get("video", "")
        self.problems: list[str] = []
        self.steps = [
            self._step(key, registry.get(data.get(f"{key}-operation", "")))
            for key in keys_of(data)
            if _is_known(data, key)
        ]
        self._name_all()
        self._follow()

    @classmethod
    def of(cls, owner: Account, name: str, chain: Iterable[Step], **begun: str) -> "ChainForm":
        """`begun` may say for what: `run` or `video`, each an id."""
        return cls(data_of(name, chain, **begun), owner)

    # What it is made of ----------------------------------------------------------------------------------------------

    def _step(self, key: str, operation: Operation[Any]) -> StepForm:
        form = operation.form_class(self.data, prefix=f"{key}-p", use_required_attribute=False)
        for field in form.fields.values():
            if isinstance(field, RecordingField | RecordingsField):
                field.offer(self.recordings)
        source = self.data.get(f"{key}-input", "")
        step = StepForm(
            key,
            operation,
            self.data.get(f"{key}-called", ""),
            source if source in keys_of(self.data) else "",
            f"{key}-keep" in self.data,
            form,
            self.is_checked,
        )
        if form.is_valid():
            params = operation.params(form.cleaned_data)
            for field_name, message in inputs.absent(self.owner, operation.slug, params).items():
                form.add_error(field_name, message)
            step.params = None if form.errors else params
        if not self.is_checked:
            form.errors.clear()
        return step

    @functools.cached_property
    def recordings(self) -> list[tuple[str, str]]:
        return inputs.offered(self.owner)

    def _name_all(self) -> None:
        taken: set[str] = {step.called for step in self.steps if step.called.strip()}
        for step in self.steps:
            step.name = steps.tidy_name(step.called) or steps.free_name(step.operation.title, taken)
            taken.add(step.name)

    def _follow(self) -> None:
        """What each step makes, may work on, and does not fit; as far as can be told while it is being made."""
        names = {step.key: step.name for step in self.steps}
        links = self.links
        self._find_tracks(names)
        going_on = {step.source for step in self.steps if step.params is None or not _ends(step)}
        for step in self.steps:
            below = flow.below(links, step.key)
            step.sources = [("", "The recording"), *((key, names[key]) for key in names if key not in below)]
            step.can_earlier, step.can_later = flow.can_move(links, step.key)
            step.offered = offered(step.tracks)
            step.passes_on = step.key in going_on

    def _find_tracks(self, names: Mapping[str, str]) -> None:
        made: dict[str, Tracks | None] = {"": makes.ANY}
        rest = list(self.steps)
        while ready := next((step for step in rest if step.source in made), None):
            rest.remove(ready)
            source = f"“{names[ready.source]}”" if ready.source else RECORDING
            try:
                makes.refuse_unfit(ready.operation.slug, made[ready.source], source)
                tracks = made[ready.source]
                if tracks is not None and ready.params is not None:
                    ready.tracks = ready.operation.makes(tracks, ready.params)
            except InputError as error:
                ready.problems.append(error.message)
            made[ready.key] = ready.tracks

    # What is shown ---------------------------------------------------------------------------------------------------

    @property
    def links(self) -> Links:
        return flow.links((step.key, step.source) for step in self.steps)

    @property
    def tree(self) -> list[flow.Node[Any]]:
        return flow.tree(self.steps)

    @property
    def before(self) -> list[str]:
        return [one for one in self.data.getlist("before") if len(one) <= LONGEST_BEFORE][-MOST_BEFORE:]

    @property
    def offered(self) -> list[Operation[Any]]:
        """What can be done with the recording."""
        return offered(makes.ANY) if len(self.steps) < MOST_STEPS else []

    @property
    def is_full(self) -> bool:
        return len(self.steps) >= MOST_STEPS

    @property
    def is_multipart(self) -> bool:
        return any(step.form.is_multipart() for step in self.steps)

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Everything that is wrong: the id of the place, and a sentence that names the step."""
        if not self.is_checked:
            return []
        found = [("chain-name" if self.steps else "add", problem) for problem in self.problems]
        for step in self.steps:
            for field, messages in step.form.errors.items():
                label = _label(step, field)
                found += [(f"step-{step.key}", f"“{step.name}”{label}: {message}") for message in messages]
            found += [(f"step-{step.key}", f"“{step.name}”: {problem}") for problem in step.problems]
        return found

    # What is saved ---------------------------------------------------------------------------------------------------

    def raw(self) -> list[dict[str, Any]]:
        """The steps as `steps.read` takes them. Raises StepError where a field is not right; those are told already."""
        if wrong := [step for step in self.steps if step.params is None]:
            raise StepError([(f"steps.{self.steps.index(wrong[0])}.params", "Some settings are not right.")])
        names = {step.key: step.name for step in self.steps}
        return [
            {
                "name": step.name,
                "operation": step.operation.slug,
                "params": {key: value for key, value in parameters.as_json(step.params).items() if key != "version"},
                "input": names.get(step.source),
                "keep": step.keep,
            }
            for step in self.steps
            if step.params is not None
        ]

    def tell(self, refusal: InputError) -> None:
        """Put what is wrong beside the steps that it is about."""
        if not isinstance(refusal, StepError):
            self.problems.append(refusal.message)
            return
        for field, sentence in refusal.problems:
            _, _, place = field.partition("steps.")
            number = place.partition(".")[0]
            if not number.isdigit():
                self.problems.append(sentence)
                continue
            step = self.steps[int(number)]
            said = sentence.removeprefix(f"“{step.name}”: ")
            if step.params is not None and said not in step.problems:
                step.problems.append(said)


def _ends(step: StepForm) -> bool:
    return step.params is not None and step.operation.ends_chain(step.params)


def _label(step: StepForm, field: str) -> str:
    return f", {str(step.form[field].label or field).lower()}" if field in step.form.fields else ""


def offered(tracks: Tracks | None) -> list[Operation[Any]]:
    """The operations that fit what is there."""
    found = []
    for operation in registry.every():
        try:
            makes.refuse_unfit(operation.slug, tracks, "")
        except InputError:
            continue
        found.append(operation)
    return found


def _is_known(data: QueryDict, key: str) -> bool:
    try:
        registry.get(data.get(f"{key}-operation", ""))
    except KeyError:
        return False
    return True


def keys_of(data: QueryDict) -> list[str]:
    return [key for key in dict.fromkeys(data.getlist("step")) if KEY.fullmatch(key)][:MOST_STEPS]


# From a chain to fields ----------------------------------------------------------------------------------------------


def data_of(name: str, chain: Iterable[Step], **begun: str) -> QueryDict:
    """A chain as a browser would send it. Steps whose operation is gone are left out: what worked on their results
    works on what they worked on."""
    data = QueryDict(mutable=True)
    data["name"] = name
    data.update(begun)
    keys: dict[str | None, str] = {None: ""}
    offered = {operation.slug for operation in registry.every()}
    for number, step in enumerate(chain, 1):
        if step.operation not in offered:
            keys[step.name] = keys.get(step.input, "")
            continue
        key = keys[step.name] = f"s{number}"
        data.appendlist("step", key)
        data[f"{key}-operation"] = step.operation
        data[f"{key}-called"] = step.name
        data[f"{key}-input"] = keys.get(step.input, "")
        if step.keep:
            data[f"{key}-keep"] = "on"
        sent.fill(data, f"{key}-p", step.kind, step.params)
    return data


def image_fields(data: QueryDict) -> list[str]:
    """The full names of the fields that take an image."""
    return [
        f"{key}-p-{name}"
        for key in keys_of(data)
        if _is_known(data, key)
        for name, field in registry.get(data.get(f"{key}-operation", "")).form_class.base_fields.items()
        if isinstance(field, ImageField)
    ]
