"""Long lists by parts: `limit` and `offset` count rows, `after` goes on behind the last row of an earlier answer."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from jobs.api.errors import invalid
from jobs.api.schemas import Following
from jobs.keyset import Place, sorting


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
    rows = found.order_by(*sorting(order))
    if not query.after:
        got = list(rows[query.offset : query.offset + query.limit + 1])
        return Part(got[: query.limit], _following(got, query.limit, order), found.order_by().count())
    if query.offset:
        raise invalid([("offset", "With after leave this out.")])
    try:
        behind = Place.read(query.after, order).behind()
    except ValueError as error:
        raise invalid([("after", "Send what an answer with the same order had as next.")]) from error
    got = list(rows.filter(behind)[: query.limit + 1])
    return Part(got[: query.limit], _following(got, query.limit, order), None)


def _following(got: Sequence[Any], limit: int, order: str) -> str | None:
    return str(Place.of(got[limit - 1], order)) if len(got) > limit else None
