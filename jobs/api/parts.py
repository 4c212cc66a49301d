"""Long lists by parts: `limit` and `offset` count rows, `after` goes on behind the last row of an earlier answer."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from jobs import keyset
from jobs.api.errors import invalid
from jobs.api.schemas import Following

KINDS = {"created_at": int, "title": str, "duration_seconds": float, "size": int}
"""What a value of a column, by which lists are ordered, is in a word of `next`."""


@dataclasses.dataclass(frozen=True)
class Part:
    """`following` is what to send as `after` for the next one, None where nothing follows; `count` that of all rows,
    which is not looked up for every part."""

    rows: Sequence[Any]
    following: str | None
    count: int | None


def part(found: Any, query: Following, order: str = "-created_at") -> Part:
    """That part of these rows; of those with the same value the one with the higher key comes where a higher value
    would. Raises ApiError for a word that none of these answers gave."""
    field, falls = order.removeprefix("-"), order.startswith("-")
    rows = found.order_by(order, "-pk" if falls else "pk")
    if not query.after:
        got = list(rows[query.offset : query.offset + query.limit + 1])
        return Part(got[: query.limit], _following(got, query.limit, order), found.order_by().count())
    if query.offset:
        raise invalid([("offset", "With after leave this out.")])
    try:
        behind = _behind(field, query.after, order, falls=falls)
    except ValueError as error:
        raise invalid([("after", "Send what an answer with the same order had as next.")]) from error
    got = list(rows.filter(behind)[: query.limit + 1])
    return Part(got[: query.limit], _following(got, query.limit, order), None)


def _following(got: Sequence[Any], limit: int, order: str) -> str | None:
    if len(got) <= limit:
        return None
    last = got[limit - 1]
    value = getattr(last, order.removeprefix("-"))
    told = keyset.microseconds(value) if isinstance(value, datetime) else value
    return keyset.written(order, told, last.pk.hex)


def _behind(field: str, word: str, order: str, *, falls: bool) -> Q:
    told, value, pk = keyset.read(word, (str, KINDS[field], str))
    if told != order:
        raise ValueError(word)
    key = UUID(pk)
    if field == "created_at":
        return (keyset.older if falls else keyset.newer)(field, keyset.time(value), key)
    beyond = "lt" if falls else "gt"
    return Q(**{f"{field}__{beyond}": value}) | Q(**{field: value, f"pk__{beyond}": key})
