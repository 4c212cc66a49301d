"""How many rows several questions find, asked at once, and none counted further than people want to know."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Value

K = TypeVar("K")


def counts(questions: Mapping[K, Sequence[Any]], most: int) -> dict[K, int]:
    """Of each question the rows that its querysets find together, in one statement for all; each queryset counts at
    most one row more than `most`, so that a number beyond it says "more"."""
    asked = [(key, *_counting(rows, most)) for key, many in questions.items() for rows in many]
    if not asked:
        return dict.fromkeys(questions, 0)
    selected = ", ".join(
        f"(SELECT COUNT(*) FROM ({sql}) part{at})"  # noqa: S608 what Django wrote
        for at, (_, sql, _) in enumerate(asked)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {selected}", [value for _, _, params in asked for value in params])
        numbers = cursor.fetchone()
    found = dict.fromkeys(questions, 0)
    for (key, _, _), number in zip(asked, numbers, strict=True):
        found[key] += number
    return found


def _counting(rows: Any, most: int) -> tuple[str, Sequence[Any]]:
    sql, params = rows.order_by().values_list(Value(1))[: most + 1].query.sql_with_params()
    return sql, params
