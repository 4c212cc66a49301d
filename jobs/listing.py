"""Long lists, newest first, any part of which is read from indexes alone, however far back it lies.

A list is made of bands, one after the other, and each of streams: rows that one index holds in the order of a time. No
index holds the rows of two tables, or of two states, in one order, so the streams of a band are merged here, and each
gives no more rows than the part may hold.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from jobs import keyset
from jobs.keyset import Part


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a row stood in a list when it was read. It stays a place when the row goes or moves."""

    band: int
    at: datetime
    stream: int
    pk: UUID

    def __str__(self) -> str:
        return keyset.written(self.band, keyset.microseconds(self.at), self.stream, self.pk.hex)

    @classmethod
    def read(cls, text: str) -> Self:
        """From what `str` gave. Raises ValueError."""
        band, at, stream, pk = keyset.read(text, (int, int, int, str))
        return cls(band, keyset.time(at), stream, UUID(pk))

    @classmethod
    def named(cls, text: str) -> Self | None:
        """None for what is no place."""
        with contextlib.suppress(ValueError):
            return cls.read(text) if text else None
        return None


class Listing:
    """`bands` hold querysets without an order, `time` is the column that orders each. Where another column, `lead`,
    tells the bands apart, `whole` are the streams of all: then the first part takes one statement for each of them.
    `rising`: within each band the oldest come first, as in a line, and `newer` and `older` stand for before and behind.
    """

    def __init__(
        self,
        bands: Sequence[Sequence[Any]],
        time: str,
        whole: Sequence[Any] = (),
        lead: str = "",
        *,
        rising: bool = False,
    ) -> None:
        self.bands, self.time, self.whole, self.lead, self.rising = bands, time, whole, lead, rising

    def part(self, count: int, behind: Place | None = None) -> Part:
        """The first rows behind a place, or of all."""
        found = self._read(behind, count + 1, newer=False) if behind or not self.whole else self._first(count + 1)
        rows = found[:count]
        older = rows[-1][0] if len(found) > count else None
        return Part([row for _, row in rows], rows[0][0] if rows and behind else None, older)

    def named(self, word: str) -> Place | None:
        """The place of that word, None for what is none."""
        return Place.named(word)

    def shown(self, behind: str, count: int) -> Part:
        """The part behind the place that a word names; the first one where it names none, or nothing stands there."""
        place = Place.named(behind)
        part = self.part(count, place)
        return part if part.rows or not place else self.part(count)

    def begin(self, place: Place, count: int) -> Place | None:
        """Behind which place the part begins that ends before this one. None: it is the first part, which is whole."""
        found = self._read(place, count + 1, newer=True)
        return found[count][0] if len(found) > count else None

    def _first(self, count: int) -> list[tuple[Place, Any]]:
        """So many rows of all bands, of which the lead of the last one is 0."""
        found: list[tuple[Place, Any]] = []
        for stream, rows in enumerate(self.whole):
            for row in rows.order_by(f"-{self.lead}", f"-{self.time}", "-pk")[:count]:
                band = len(self.bands) - 1 - getattr(row, self.lead)
                found.append((Place(band, getattr(row, self.time), stream, row.pk), row))
        found.sort(key=lambda one: (-one[0].band, one[0].at, -one[0].stream), reverse=True)
        return found[:count]

    def _read(self, place: Place | None, count: int, *, newer: bool) -> list[tuple[Place, Any]]:
        found: list[tuple[Place, Any]] = []
        for number, band in self._from(place, newer=newer):
            begin = place if place and place.band == number else None
            found += self._merged(number, band, begin, count - len(found), newer=newer)
            if len(found) == count:
                break
        return found

    def _from(self, place: Place | None, *, newer: bool) -> Iterator[tuple[int, Sequence[Any]]]:
        """The bands from a place on, in the direction asked for."""
        numbered = list(enumerate(self.bands))
        if place:
            numbered = numbered[: place.band + 1] if newer else numbered[max(0, place.band) :]
        yield from reversed(numbered) if newer else numbered

    def _merged(
        self, number: int, band: Sequence[Any], place: Place | None, count: int, *, newer: bool
    ) -> list[tuple[Place, Any]]:
        """So many rows of a band from a place on. Of rows of the same time those of the first stream come first, where
        the oldest do those of the last."""
        newer = newer != self.rising
        order = (self.time, "pk") if newer else (f"-{self.time}", "-pk")
        found: list[tuple[Place, Any]] = []
        for stream, rows in enumerate(band):
            chosen = self._beyond(rows, place, stream, newer=newer) if place else rows
            found += [
                (Place(number, getattr(row, self.time), stream, row.pk), row) for row in chosen.order_by(*order)[:count]
            ]
        # The sort is stable, also in reverse: within a stream the order stays that of the database.
        found.sort(key=lambda one: (one[0].at, -one[0].stream), reverse=not newer)
        return found[:count]

    def _beyond(self, rows: Any, place: Place, stream: int, *, newer: bool) -> Any:
        """Those of a stream that stand behind a place, or before it."""
        if stream == place.stream:
            return rows.filter((keyset.newer if newer else keyset.older)(self.time, place.at, place.pk))
        earliest, latest = keyset.edges(place.at)
        inside = (stream < place.stream) == newer
        bound = (earliest if inside else latest) if newer else (latest if inside else earliest)
        lookup = ("gte" if inside else "gt") if newer else ("lte" if inside else "lt")
        return rows.filter(**{f"{self.time}__{lookup}": bound})
