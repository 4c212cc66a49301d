"""Values of an operation's form that somebody saved under a name."""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.http import QueryDict

from jobs.errors import InputError
from jobs.models import Account, Preset
from jobs.operations import registry
from jobs.services import naming, parameters, sent

MOST = 200
"""Presets of one account."""
LONGEST_NAME = 80
KEPT = timedelta(days=1)
"""How long a deleted one can be taken back."""


def of(owner: Account, slug: str = "") -> list[Preset]:
    """The owner's, by name; of one operation, or of all."""
    found = Preset.objects.of(owner)
    return list(found.filter(operation=slug) if slug else found)


def find(owner: Account, wanted: str | UUID, slug: str = "") -> Preset | None:
    """One by its id, or, of an operation, by its name."""
    found = Preset.objects.of(owner)
    try:
        row = found.filter(pk=UUID(str(wanted))).first()
    except ValueError:
        row = None
    return row or (found.filter(operation=slug, name=naming.clean(str(wanted))).first() if slug else None)


def save(owner: Account, slug: str, name: str, raw: Mapping[str, Any], prefix: str | None = None) -> Preset:
    """Keep values under a name.

    Raises KeyError for an unknown operation, ValidationError about the values, and InputError about the name and when
    there are too many.
    """
    params = parameters.as_json(parameters.parse(slug, raw, prefix=prefix, owner=owner))
    return _inserted(owner, slug, _free(owner, slug, name), params)


def change(
    preset: Preset, name: str | None = None, raw: Mapping[str, Any] | None = None, prefix: str | None = None
) -> Preset:
    """Give it another name, or other values. Raises as `save`."""
    if raw is not None:
        parsed = parameters.parse(preset.operation, raw, prefix=prefix, owner=preset.owner)
        preset.params = parameters.as_json(parsed)
    if name is not None and naming.clean(name) != preset.name:
        preset.name = _free(preset.owner, preset.operation, name)
    preset.save(update_fields=["name", "params", "changed_at"])
    return preset


def delete(preset: Preset) -> None:
    """Work that was begun with it goes on. It can be taken back for a day."""
    deleted = Preset.objects.filter(owner=preset.owner, deleted_at__isnull=False)
    deleted.filter(deleted_at__lt=Now() - KEPT).delete()
    Preset.objects.filter(pk=preset.pk).update(deleted_at=Now())
    Preset.objects.filter(pk__in=list(deleted.order_by("-deleted_at").values_list("pk", flat=True)[MOST:])).delete()


def restore(owner: Account, pk: UUID) -> Preset | None:
    """Take a deletion back; under another name where that is taken meanwhile. None where there is none. Raises
    InputError when there are too many."""
    preset = Preset.objects.filter(owner=owner, pk=pk).first()
    if preset and preset.deleted_at:
        _refuse_too_many(owner)
        taken = {one.name for one in of(owner, preset.operation)}
        preset.name = next(name for name in _numbered(preset.name) if name not in taken)
        preset.deleted_at = None
        preset.save(update_fields=["name", "deleted_at"])
    return preset


def values(preset: Preset) -> dict[str, Any]:
    """Its values as the API takes them."""
    return {name: value for name, value in preset.params.items() if name != "version"}


def as_sent(preset: Preset, prefix: str) -> QueryDict:
    """Its values as the fields of a form; of an operation that is not installed any more none."""
    data = QueryDict(mutable=True)
    with contextlib.suppress(KeyError):
        sent.fill(data, prefix, registry.get(preset.operation), preset.params)
    return data


def completed(owner: Account, slug: str, wanted: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters, with the values of a preset (by id or name) for those that are left out. Raises InputError."""
    preset = find(owner, wanted, slug)
    if preset is None or preset.operation != slug:
        raise InputError(
            f"You have no preset “{wanted[:LONGEST_NAME]}” of “{registry.title(slug)}”. Choose another one.",
            code="unknown_preset",
        )
    return {**values(preset), **params}


def _numbered(name: str) -> Iterable[str]:
    yield name
    for number in range(2, MOST + 2):
        yield f"{name[: LONGEST_NAME - 6]} ({number})"


def _free(owner: Account, slug: str, given: str) -> str:
    name = naming.clean(given)
    if not name:
        raise InputError("A preset needs a name. Write at least one letter.", code="no_name")
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"The name of a preset has at most {LONGEST_NAME} letters. Write a shorter one.", code="long_name"
        )
    if Preset.objects.of(owner).filter(operation=slug, name=name).exists():
        raise InputError(f"You have a preset “{name}” already. Choose another name, or change that one.", code="taken")
    return name


def _inserted(owner: Account, slug: str, name: str, params: dict[str, Any]) -> Preset:
    _refuse_too_many(owner)
    return Preset.objects.create(owner=owner, operation=slug, name=name, params=params)


def _refuse_too_many(owner: Account) -> None:
    if Preset.objects.of(owner).count() >= MOST:
        raise InputError(f"You have {MOST} presets, and there cannot be more. Delete one first.", code="too_many")
