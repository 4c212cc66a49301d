"""Taking turns: rows that are held while something of an account is counted, by a counter that goes up."""

from typing import Any, TypeVar

from django.db import connection, models
from django.db.models import F

M = TypeVar("M", bound=models.Model)


def hold(model: type[M], owner: int) -> None:
    """Hold the row of this account, whose key `owner` is, until the transaction ends; make it where there is none.

    It is made in one statement: of several who insert at once MariaDB lets all losers share the row, and none may
    change it.
    """
    rows: Any = model._default_manager
    if rows.filter(pk=owner).update(turns=F("turns") + 1):
        return
    has_target = connection.features.supports_update_conflicts_with_target
    rows.bulk_create(
        [model(owner_id=owner, turns=1)],
        update_conflicts=True,
        update_fields=["turns"],
        unique_fields=["owner"] if has_target else None,
    )
