"""Saved chains: those of an owner, and those that come with the install."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from jobs.errors import InputError
from jobs.models import Account, Pipeline, Preset, Video
from jobs.operations import registry
from jobs.services import naming, presets, shipped, steps
from jobs.services.shipped import Shipped
from jobs.services.steps import Step, StepError

MOST = 100
"""Chains of one account."""
PRESET = "preset-"
"""Before the id of a preset: the slug of the chain that does that alone."""
Chain = Pipeline | Shipped


def of(owner: Account) -> list[Chain]:
    """The owner's own by name, then those of the install."""
    return [*Pipeline.objects.of(owner), *shipped.SHIPPED]


def of_presets(owner: Account) -> list[Shipped]:
    """The owner's presets as chains of one step, wherever a recording is to come and a chain is asked for by name."""
    offered = {operation.slug for operation in registry.every()}
    return [_of_preset(preset) for preset in presets.of(owner) if preset.operation in offered]


def _of_preset(preset: Preset) -> Shipped:
    title = registry.title(preset.operation)
    step = {"name": title, "operation": preset.operation, "params": presets.values(preset), "input": None}
    return Shipped(f"{PRESET}{preset.pk}", preset.name, title, (step,))


def find(owner: Account, slug: str) -> Chain | None:
    """One of the owner's, of the install, or a preset as one."""
    found = Pipeline.objects.of(owner).filter(slug=slug).first() or shipped.find(slug)
    if found is None and slug.startswith(PRESET):
        return next((one for one in of_presets(owner) if one.slug == slug), None)
    return found


def chain_of(pipeline: Chain) -> list[Step]:
    return pipeline.steps if isinstance(pipeline, Shipped) else steps.stored(pipeline.steps)


def save(owner: Account, name: str, raw: Sequence[Mapping[str, Any]]) -> Pipeline:
    """Keep a chain under a name. Raises StepError about its steps, and InputError."""
    name = _clean(name)
    return _inserted(owner, name, [step.to_json() for step in steps.read(raw, owner)])


def change(pipeline: Pipeline, name: str | None = None, raw: Sequence[Mapping[str, Any]] | None = None) -> Pipeline:
    """Give it another name, or other steps. Its address stays. Raises StepError and InputError."""
    if name is not None:
        pipeline.name = _clean(name)
    if raw is not None:
        pipeline.steps = [step.to_json() for step in steps.read(raw, pipeline.owner)]
    pipeline.save(update_fields=["name", "steps", "changed_at"])
    return pipeline


def copy(owner: Account, pipeline: Chain) -> Pipeline:
    """One of the owner's own with the same steps. Raises InputError."""
    return _inserted(owner, f"{pipeline.name} (copy)"[:80], [step.to_json() for step in chain_of(pipeline)])


def set_default(owner: Account, slug: str) -> None:
    """What is run on every upload of this account that names no other work; "" for nothing."""
    owner.default_pipeline, owner.last_choice = slug, None  # from now on the page offers this one
    owner.save(update_fields=["default_pipeline", "last_choice"])


def delete(pipeline: Pipeline) -> None:
    """What it was run for stays."""
    Account.objects.filter(pk=pipeline.owner_id, default_pipeline=pipeline.slug).update(default_pipeline="")
    pipeline.delete()


def ordered(owner: Account, slug: str | None) -> str:
    """The slug of the chain to run on an upload: the account's own default where none is named, "" for none at all, as
    also where that cannot be run any more.

    Raises InputError when there is no such chain, and StepError when an operation of it is gone.
    """
    if slug is None:
        default = find(owner, owner.default_pipeline)
        return owner.default_pipeline if default and not steps.gone(chain_of(default)) else ""
    if not slug:
        return ""
    if (chain := find(owner, slug)) is None:
        raise InputError(f"You have no chain “{slug}”. Choose another, or none.", code="unknown_pipeline")
    if problems := steps.gone(chain_of(chain)):
        raise StepError(problems)
    return slug


@dataclasses.dataclass(frozen=True)
class Choice:
    """A chain, and why it cannot be run on a recording ("" where it can)."""

    chain: Chain
    why_not: str = ""

    @property
    def summary(self) -> str:
        return steps.summary(chain_of(self.chain))


def choices(owner: Account, subject: Video) -> list[Choice]:
    """The chains of an owner, for a recording or a result, as far as can be told without looking into files."""
    found = []
    for chain in of(owner):
        try:
            steps.check_for(chain_of(chain), owner, subject, probes=False)
            found.append(Choice(chain))
        except InputError as error:
            found.append(Choice(chain, getattr(error, "problems", [("", error.message)])[0][1]))
    return found


def exported(pipeline: Chain) -> dict[str, Any]:
    """A chain as JSON that can be read in again, here or elsewhere: `{"name", "steps"}`."""
    return {"name": pipeline.name, "steps": [shown(step) for step in chain_of(pipeline)]}


def shown(step: Step) -> dict[str, Any]:
    """A step as the API takes it."""
    params = {name: value for name, value in step.params.items() if name != "version"}
    return {**step.to_json(), "params": params}


def _clean(name: str) -> str:
    name = naming.clean(name)
    if not name:
        raise InputError("A chain needs a name. Write at least one letter.", code="no_name")
    if len(name) > 80:
        raise InputError("The name of a chain has at most 80 letters. Write a shorter one.", code="long_name")
    return name


def _inserted(owner: Account, name: str, chain: list[dict[str, Any]]) -> Pipeline:
    if Pipeline.objects.of(owner).count() >= MOST:
        raise InputError(f"You have {MOST} chains, and there cannot be more. Delete one first.", code="too_many")
    base = slugify(name)[:60] or "chain"
    for number in range(1, MOST + 2):
        slug = base if number == 1 else f"{base}-{number}"
        if find(owner, slug):
            continue
        try:
            with transaction.atomic():
                return Pipeline.objects.create(owner=owner, slug=slug, name=name, steps=chain)
        except IntegrityError:  # somebody else took it at this moment
            continue
    raise InputError("There are too many chains of this name. Choose another one.", code="name_taken")
