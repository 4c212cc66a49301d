"""Values of an operation's form that were saved under a name."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from jobs.api.auth import owner, work
from jobs.api.chain_schemas import Name
from jobs.api.documented import failures
from jobs.api.idempotency import idempotent
from jobs.api.parameters import checked
from jobs.api.schemas import path_of
from jobs.models import Account, Preset
from jobs.services import presets

router = Router(tags=["Presets"])
EXAMPLE: dict[str, Any] = {
    "name": "Our logo",
    "operation": "watermark",
    "params": {"text": "© Our company", "corner": "bottom-right"},
}


class PresetIn(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE})

    name: Name
    operation: str = Field(description="A slug of `GET /operations`.")
    params: dict[str, Any] = Field({}, description="What is left out has its default.")


class PresetPatch(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Our new logo"}})

    name: Name | None = None
    params: dict[str, Any] | None = Field(None, description="In place of all that were there.")


class PresetOut(Schema):
    """Values of an operation under a name. `POST /jobs` takes it as `preset`, uploads as the chain `preset-<id>`."""

    id: UUID
    name: str
    operation: str
    params: dict[str, Any]
    created_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, preset: Preset) -> "PresetOut":
        names = ("name", "operation", "created_at", "changed_at")
        return cls(id=preset.pk, params=presets.values(preset), **{name: getattr(preset, name) for name in names})


class PresetList(Schema):
    items: list[PresetOut]
    count: int = Field(description="How many there are in all.")


class PresetQuery(Schema):
    operation: str = Field("", description="Those of one operation alone.")


def own(account: Account, pk: UUID) -> Preset:
    if (preset := presets.find(account, pk)) is None:
        raise Http404("no preset of this owner")
    return preset


@router.get("", response={200: PresetList, **failures(422)}, summary="List presets")
def list_presets(request: HttpRequest, query: Query[PresetQuery]) -> PresetList:
    """Yours, by operation and name."""
    items = [PresetOut.of(preset) for preset in presets.of(owner(request), query.operation)]
    return PresetList(items=items, count=len(items))


@router.post("", response={201: PresetOut, **failures(409, 422)}, summary="Save a preset")
@work
@idempotent(whole=True)
def create_preset(request: HttpRequest, response: HttpResponse, body: PresetIn) -> Status[PresetOut]:
    """Keep parameters under a name, of which there is one for each operation."""
    account = owner(request)
    checked(body.operation, body.params, None, account)
    preset = presets.save(account, body.operation, body.name, body.params)
    response["Location"] = path_of("preset", preset.pk)
    return Status(201, PresetOut.of(preset))


@router.get("/{uuid:preset_id}", response={200: PresetOut, **failures(404)}, summary="Get a preset", url_name="preset")
def get_preset(request: HttpRequest, preset_id: UUID) -> PresetOut:
    """Its name and all of its values."""
    return PresetOut.of(own(owner(request), preset_id))


@router.patch("/{uuid:preset_id}", response={200: PresetOut, **failures(404, 409, 422)}, summary="Change a preset")
@work
def change_preset(request: HttpRequest, preset_id: UUID, patch: PresetPatch) -> PresetOut:
    """Another name, other values, or both. What was begun with it goes on as it was."""
    account = owner(request)
    preset = own(account, preset_id)
    if patch.params is not None:
        checked(preset.operation, patch.params, None, account)
    return PresetOut.of(presets.change(preset, patch.name, patch.params))


@router.delete("/{uuid:preset_id}", response={200: PresetOut, **failures(404)}, summary="Delete a preset")
def delete_preset(request: HttpRequest, preset_id: UUID) -> PresetOut:
    """It can be taken back for a day."""
    preset = own(owner(request), preset_id)
    presets.delete(preset)
    return PresetOut.of(preset)


@router.post("/{uuid:preset_id}/restore", response={200: PresetOut, **failures(404, 422)}, summary="Restore a preset")
@work
def restore_preset(request: HttpRequest, preset_id: UUID) -> PresetOut:
    """Take its deletion back. Where the name is taken meanwhile, it gets a number."""
    if (preset := presets.restore(owner(request), preset_id)) is None:
        raise Http404("no preset of this owner")
    return PresetOut.of(preset)
