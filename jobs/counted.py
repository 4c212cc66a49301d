"""How many rows several questions find, asked at once, and none counted further than people want to know."""

import itertools
from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Value

from jobs.prepared import Statement

K = TypeVar("K")


def counts(questions: Mapping[K, Sequence[Any]], most: int) -> dict[K, int]:
    """Of each question the rows that its querysets find together, in one statement for all; each queryset counts at
    most one row more than `most`, so that a number beyond it says "more"."""
    asked = statement(questions, most)
    if not asked.params:
        return dict.fromkeys(questions, 0)
    with connection.cursor() as cursor:
        cursor.execute(asked.sql, asked.params)
        return told(questions, cursor.fetchone())


def statement(questions: Mapping[K, Sequence[Any]], most: int) -> Statement:
    """What is asked for that, whose answer `told` understands."""
    asked = [_counting(rows, most) for many in questions.values() for rows in many]
    selected = ", ".join(
        f"(SELECT COUNT(*) FROM ({sql}) part{at}) AS number{at}"  # noqa: S608 what Django wrote
        for at, (sql, _) in enumerate(asked)
    )
    return Statement(f"SELECT {selected}", tuple(value for _, params in asked for value in params))


def told(questions: Mapping[K, Sized], numbers: Iterable[int]) -> dict[K, int]:
    left = iter(numbers)
    return {key: sum(itertools.islice(left, len(many))) for key, many in questions.items()}


def _counting(rows: Any, most: int) -> tuple[str, Sequence[Any]]:
    sql, params = rows.order_by().values_list(Value(1))[: most + 1].query.sql_with_params()
    return sql, params
