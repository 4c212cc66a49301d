"""Statements that are asked for one owner after another: written once in a process, and asked for many at once.

Django takes longer to write a statement than a database to answer one that reads a few rows of an index.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from django.db import connection

from jobs.models import Account

OWNER = -2_000_000_007
TIME = datetime(1971, 1, 1, 0, 0, 0, 7, tzinfo=UTC)
"""They stand in a statement for the key of an owner, and for when they cleared their queue."""
AT_ONCE = 50
"""Owners in one statement: SQLite puts no more than 500 together, and MariaDB takes longer to read longer ones."""


def anybody(*, has_cleared: bool) -> Account:
    """Whose rows a statement is written for."""
    return Account(pk=OWNER, queue_cleared_at=TIME if has_cleared else None)


@dataclasses.dataclass(frozen=True)
class Statement:
    """`params` hold what stands for an owner."""

    sql: str
    params: tuple[Any, ...]

    @classmethod
    def of(cls, rows: Any) -> Self:
        sql, params = rows.query.sql_with_params()
        return cls(sql, tuple(params))

    def rows(self, model: Any, owners: Sequence[Account]) -> list[Any]:
        """Those of each of these owners, each in their order."""
        found: list[Any] = []
        for part in parts(owners):
            asked = (f"SELECT * FROM ({self.sql}) part{n}" for n in range(len(part)))  # noqa: S608 Django's
            found += model.objects.raw(" UNION ALL ".join(asked), [one for owner in part for one in self.values(owner)])
        return found

    def answers(self, owners: Sequence[Account]) -> dict[int, tuple[Any, ...]]:
        """Of a statement that gives a single row, that of each of these owners by their key."""
        found: dict[int, tuple[Any, ...]] = {}
        for part in parts(owners):
            asked = f"SELECT %s, whole.* FROM ({self.sql}) whole"  # noqa: S608 Django's
            values = [one for owner in part for one in (owner.pk, *self.values(owner))]
            with connection.cursor() as cursor:
                cursor.execute(" UNION ALL ".join([asked] * len(part)), values)
                found |= {int(pk): tuple(answer) for pk, *answer in cursor.fetchall()}
        return found

    def values(self, owner: Account) -> list[Any]:
        adapted = connection.ops.adapt_datetimefield_value
        stands_for = {OWNER: owner.pk, adapted(TIME): adapted(owner.queue_cleared_at)}
        return [stands_for.get(one, one) for one in self.params]


def parts(owners: Sequence[Account]) -> Iterator[Sequence[Account]]:
    return (owners[first : first + AT_ONCE] for first in range(0, len(owners), AT_ONCE))
