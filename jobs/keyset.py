"""Long lists by keyset: going on from one of the rows, by what the list is ordered by, so that any part, however far
back it lies, is found by an index and holds the same rows whatever comes meanwhile."""

import base64
import binascii
import dataclasses
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from django.db import connection
from django.db.models import Q, Value

KINDS = {
    "created_at": int,
    "title": str,
    "sort_name": str,
    "duration_seconds": float,
    "size": int,
}
"""What a value of a column is in the word of a place."""


# Conditions -----------------------------------------------------------------------------------------------------------


def older(field: str, at: datetime, pk: Any) -> Q:
    """Of a list with the newest first, then the highest keys: what stands behind the row of this time and key."""
    return beyond(field, at, pk, up=False)


def newer(field: str, at: datetime, pk: Any) -> Q:
    """What stands before it."""
    return beyond(field, at, pk, up=True)


def beyond(field: str, value: Any, pk: Any, *, up: bool) -> Q:
    """What has a higher value, or of the same one a higher key; or lower ones. The bound of its own lets MariaDB begin
    in the midst of an index."""
    lowest, highest = edges(value)
    way, near, far = ("gt", lowest, highest) if up else ("lt", highest, lowest)
    return Q(**{f"{field}__{way}e": near}) & (Q(**{f"{field}__{way}": far}) | Q(**{f"pk__{way}": pk}))


def edges(value: Any) -> tuple[Any, Any]:
    """The first and the last of all that stands for this value in a column, for comparing.

    SQLite compares times as texts, and has two for whole milliseconds: its own clock writes three digits, Django six
    or none.
    """
    if not isinstance(value, datetime) or connection.vendor != "sqlite" or value.microsecond % 1000:
        return value, value
    text = str(value.astimezone(UTC).replace(tzinfo=None))
    return (Value(text[:-3]), value) if value.microsecond else (value, Value(f"{text}.000"))


# Lists ----------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a row stood in rows of this order when it was read: of those with the same value the higher key comes where
    a higher value would."""

    order: str
    value: Any
    pk: UUID

    def __str__(self) -> str:
        told = microseconds(self.value) if isinstance(self.value, datetime) else self.value
        return written(self.order, told, self.pk.hex)

    @classmethod
    def of(cls, row: Any, order: str) -> Self:
        return cls(order, getattr(row, column(order)), row.pk)

    @classmethod
    def read(cls, word: str, order: str) -> Self:
        """From what `str` gave. Raises ValueError, also for a place in another order."""
        told, value, pk = read(word, (str, KINDS[column(order)], str))
        if told != order:
            raise ValueError(word)
        return cls(order, time(value) if column(order) == "created_at" else value, UUID(pk))

    def behind(self) -> Q:
        return beyond(column(self.order), self.value, self.pk, up=not falls(self.order))

    def before(self) -> Q:
        return beyond(column(self.order), self.value, self.pk, up=falls(self.order))


def column(order: str) -> str:
    return order.removeprefix("-")


def falls(order: str) -> bool:
    return order.startswith("-")


def sorting(order: str, *, turned: bool = False) -> tuple[str, str]:
    """What to order rows by; `turned`: from the end."""
    sign = "-" if falls(order) != turned else ""
    return f"{sign}{column(order)}", f"{sign}pk"


@dataclasses.dataclass(frozen=True)
class Part:
    """Some rows of a list in their order. `newer` and `older` are the places to go on from, None where nothing is."""

    rows: list[Any]
    newer: Any = None
    older: Any = None


class Ordered:
    """Rows of one table in the order of one of its columns: for lists that people put in an order of their own choice.
    (`Listing` is for several tables in the order of times.)"""

    def __init__(self, rows: Any, order: str) -> None:
        self.rows, self.order = rows, order

    def named(self, word: str) -> Place | None:
        """The place of that word; None for what is none in this order."""
        try:
            return Place.read(word, self.order) if word else None
        except ValueError:
            return None

    def part(self, count: int, behind: Place | None = None) -> Part:
        """The first rows behind a place, or of all."""
        rows = self.rows.filter(behind.behind()) if behind else self.rows
        found: Sequence[Any] = list(rows.order_by(*sorting(self.order))[: count + 1])
        shown = list(found[:count])
        newer = Place.of(shown[0], self.order) if shown and behind else None
        return Part(shown, newer, Place.of(shown[-1], self.order) if len(found) > count else None)

    def shown(self, behind: str, count: int) -> Part:
        """The part behind the place that a word names; the first one where it names none, or nothing stands there."""
        place = self.named(behind)
        part = self.part(count, place)
        return part if part.rows or not place else self.part(count)

    def begin(self, place: Place, count: int) -> Place | None:
        """Behind which place the part begins that ends before this one. None: it is the first part, which is whole."""
        rows = self.rows.filter(place.before()).order_by(*sorting(self.order, turned=True))
        found = list(rows[count : count + 1])
        return Place.of(found[0], self.order) if found else None


# Places as words of addresses -----------------------------------------------------------------------------------------


def written(*values: str | int | float | None) -> str:
    """A place in a list as a word for addresses."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read(text: str, kinds: Sequence[type]) -> list[Any]:
    """The values that `written` made a word of. Raises ValueError for any other word."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, UnicodeError, RecursionError) as error:
        raise ValueError(text) from error
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise ValueError(text)
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(text)  # JSON has none, and nor have databases
        if isinstance(value, str):
            value.encode()  # raises a ValueError for half a letter, which no database takes
    return values


def time(microseconds: int) -> datetime:
    """A time since 1970, as `microseconds` gives it. Raises ValueError for one that no database takes."""
    if not 0 <= microseconds < 200 * 366 * 86400 * 10**6:
        raise ValueError(microseconds)
    seconds, rest = divmod(microseconds, 10**6)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def microseconds(at: datetime) -> int:
    """Since 1970."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**6 + since.microseconds
