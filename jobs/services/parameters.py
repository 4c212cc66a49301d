"""The parameters of an operation: raw input into the frozen dataclass that `run` gets, and that to JSON and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict

from jobs.engine.model.mediainfo import MediaInfo
from jobs.errors import InputError
from jobs.models import Account
from jobs.operations import registry
from jobs.operations.base import Operation, Params
from jobs.services import inputs


def parse(
    slug: str,
    data: QueryDict | Mapping[str, Any],
    info: MediaInfo | None = None,
    prefix: str | None = None,
    *,
    owner: Account | None = None,
) -> Params:
    """The frozen parameters of an operation from raw input, with its defaults for what is missing.

    Raises KeyError for an unknown operation, ValidationError with the messages by field (with an owner also about other
    files that they do not have), and InputError when the recording (if given) does not allow the work.
    """
    operation = registry.get(slug)
    if info is not None:
        refuse_unfit(slug, info)
    form = operation.form_class(data, prefix=prefix)
    if not form.is_valid():
        raise ValidationError({name: errors.as_data() for name, errors in form.errors.items()})
    params = operation.params(form.cleaned_data)
    if owner is not None and (absent := inputs.absent(owner, slug, params)):
        raise ValidationError(absent)
    if info is not None:
        operation.check(info, params)
    return params


def fits(operation: Operation[Any], info: MediaInfo) -> bool:
    """Whether the recording has the track that the operation works on."""
    return {"video": info.video is not None, "audio": bool(info.audio)}.get(operation.accepts, True)


def refuse_unfit(slug: str, info: MediaInfo) -> None:
    """Raise InputError when the recording lacks the track that the operation works on."""
    operation = registry.get(slug)
    if fits(operation, info):
        return
    if operation.accepts == "video":
        raise InputError(
            f"“{operation.title}” needs a picture, and this recording is sound only. Leave it out.", code="no_video"
        )
    if info.unread:
        raise InputError(
            f"“{operation.title}” needs sound, and this recording's cannot be read here ({info.unread[0]}). Leave it "
            "out, or upload the recording with another kind of sound, such as AAC.",
            code="no_audio",
        )
    raise InputError(
        f"“{operation.title}” needs sound, and this recording has no audio track. Leave it out.", code="no_audio"
    )


def as_json(params: Params) -> dict[str, Any]:
    return {"version": params.VERSION, **dataclasses.asdict(params)}


def from_json(slug: str, data: Mapping[str, Any]) -> Params:
    """Stored parameters back as the frozen dataclass."""
    fields = {field.name for field in dataclasses.fields(registry.get(slug).params_class)}
    values = {key: _tuples(value) for key, value in data.items() if key in fields}
    params: Params = registry.get(slug).params_class(**values)
    return params


def _tuples(value: Any) -> Any:
    """JSON knows lists only; frozen parameters hold tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
