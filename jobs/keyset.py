"""Going on in a list from one of its rows, by what the list is ordered by, so that a part further back is found by an
index and holds the same rows whatever comes meanwhile."""

import base64
import binascii
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q, Value


def older(field: str, at: datetime, pk: Any) -> Q:
    """Of a list with the newest first, then the highest keys: what stands behind the row of this time and key."""
    earliest, latest = edges(at)
    return Q(**{f"{field}__lte": latest}) & (Q(**{f"{field}__lt": earliest}) | Q(pk__lt=pk))


def newer(field: str, at: datetime, pk: Any) -> Q:
    """What stands before it."""
    earliest, latest = edges(at)
    return Q(**{f"{field}__gte": earliest}) & (Q(**{f"{field}__gt": latest}) | Q(pk__gt=pk))


def edges(at: datetime) -> tuple[Any, Any]:
    """The first and the last of all that stands for this time in a column, for comparing.

    SQLite compares texts, and has two for whole milliseconds: its own clock writes three digits, Django six or none.
    """
    if connection.vendor != "sqlite" or at.microsecond % 1000:
        return at, at
    text = str(at.astimezone(UTC).replace(tzinfo=None))
    return (Value(text[:-3]), at) if at.microsecond else (at, Value(f"{text}.000"))


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
