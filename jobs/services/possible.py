"""What can be done with a recording, and of the rest why not, in a few words."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from jobs.models import Account, Video
from jobs.operations import registry
from jobs.operations.base import GROUPS, Group, Operation, Unfit
from jobs.operations.fields import RecordingField, RecordingsField
from jobs.services import inputs

LOST = Unfit("missing_file", "its file is missing")
IN_TRASH = Unfit("in_trash", "it is in the trash")
ALONE = Unfit("no_other", "needs another recording")


@dataclasses.dataclass(frozen=True)
class Possible:
    """A kind of work, and why a recording does not allow it (None where it does); `caveat` is what this install lacks
    for doing it well."""

    operation: Operation[Any]
    unfit: Unfit | None
    caveat: str

    @property
    def said(self) -> str:
        """What stands beside its title."""
        return self.unfit.words if self.unfit else self.caveat or self.operation.gist


def of(owner: Account, video: Video) -> list[Possible]:
    """All kinds of work in the order of the page, as far as can be told without looking into the file."""
    always = IN_TRASH if video.removal_id else LOST if video.missing_since else None
    is_alone = not always and not inputs.has_others(owner, video)
    found = []
    for operation in registry.every():
        unfit = always or operation.unfit(video.info) or (ALONE if is_alone and needs_another(operation) else None)
        found.append(Possible(operation, unfit, "" if unfit else operation.caveat()))
    return found


def needs_another(operation: Operation[Any]) -> bool:
    """Whether it cannot be done with one recording alone."""
    return any(
        (isinstance(field, RecordingField) and field.required)
        or (isinstance(field, RecordingsField) and field.minimum > 0)
        for field in operation.form_class.base_fields.values()
    )


def grouped(every: Iterable[Possible]) -> dict[Group, list[Possible]]:
    """By their groups, in the order of these; groups of which there is nothing are left out."""
    rows = list(every)
    found = {group: [one for one in rows if one.operation.group == group] for group in GROUPS}
    return {group: those for group, those in found.items() if those}
