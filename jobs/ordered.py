"""Rows of one table in the order of one of its columns, any part of which is read from an index, however far back it
lies: for lists that people put in an order of their own choice."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from jobs import keyset
from jobs.listing import Part

KINDS = {
    "created_at": int,
    "title": str,
    "sort_name": str,
    "duration_seconds": float,
    "size": int,
}
"""What a value of a column is in the word of a place."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a row stood in rows of this order when it was read: of those with the same value the higher key comes where
    a higher value would."""

    order: str
    value: Any
    pk: UUID

    def __str__(self) -> str:
        told = keyset.microseconds(self.value) if isinstance(self.value, datetime) else self.value
        return keyset.written(self.order, told, self.pk.hex)

    @classmethod
    def of(cls, row: Any, order: str) -> "Place":
        return cls(order, getattr(row, column(order)), row.pk)

    @classmethod
    def read(cls, word: str, order: str) -> "Place":
        """From what `str` gave. Raises ValueError, also for a place in another order."""
        told, value, pk = keyset.read(word, (str, KINDS[column(order)], str))
        if told != order:
            raise ValueError(word)
        return cls(order, keyset.time(value) if column(order) == "created_at" else value, UUID(pk))

    def behind(self) -> Q:
        return self._beyond(up=not falls(self.order))

    def before(self) -> Q:
        return self._beyond(up=falls(self.order))

    def _beyond(self, *, up: bool) -> Q:
        """What has higher values, or lower ones. The bound of its own lets MariaDB begin in the midst of an index."""
        name = column(self.order)
        if name == "created_at":
            return (keyset.newer if up else keyset.older)(name, self.value, self.pk)
        way = "gt" if up else "lt"
        bound = Q(**{f"{name}__{way}e": self.value})
        return bound & (Q(**{f"{name}__{way}": self.value}) | Q(**{f"pk__{way}": self.pk}))


def column(order: str) -> str:
    return order.removeprefix("-")


def falls(order: str) -> bool:
    return order.startswith("-")


def sorting(order: str, *, turned: bool = False) -> tuple[str, str]:
    """What to order rows by; `turned`: from the end."""
    sign = "-" if falls(order) != turned else ""
    return f"{sign}{column(order)}", f"{sign}pk"


class Ordered:
    """What `Listing` is for the order of times."""

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
