"""Raw parameters of a request, checked as the page's form would."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from jobs.api.errors import ApiError, invalid, of_form
from jobs.engine.model.mediainfo import MediaInfo
from jobs.models import Account
from jobs.operations import registry
from jobs.services import parameters


def checked(slug: str, params: Mapping[str, Any], info: MediaInfo | None, owner: Account | None) -> Any:
    """Frozen parameters, or a 422 that names what is wrong: the operation, a parameter, or the recording for it; with
    an owner also what they do not have of other files."""
    try:
        known = registry.get(slug).form_class.base_fields
    except KeyError as error:
        offered = ", ".join(operation.slug for operation in registry.every())
        raise ApiError(
            422, "unknown_operation", f"There is no operation “{slug[:50]}”. Choose one of {offered}."
        ) from error
    if unknown := [name for name in params if name not in known]:
        raise invalid([(f"params.{name}", "There is no such parameter.") for name in unknown])
    try:
        return parameters.parse(slug, params, info, owner=owner)
    except ValidationError as error:
        raise of_form(error, prefix="params.") from error
