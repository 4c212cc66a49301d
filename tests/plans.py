"""How a database goes about the statements that something makes."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

TABLES = "jobs_job, jobs_run, jobs_video, jobs_artifact, jobs_removal"


def analyze() -> None:
    """Tell the database what its tables hold, as it finds out by itself after a while."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE {TABLES}" if connection.vendor == "mysql" else "ANALYZE")
        cursor.fetchall()


def of(act: Callable[[], Any], table: str = "jobs_") -> list[tuple[str, str]]:
    """The statements that read a table of that name, each with its plan as text."""
    with CaptureQueriesContext(connection) as asked:
        act()
    statements = [query["sql"] for query in asked if query["sql"].startswith("SELECT") and table in query["sql"]]
    return [(sql, plan(sql)) for sql in statements]


def plan(sql: str) -> str:
    how = "EXPLAIN " if connection.vendor == "mysql" else "EXPLAIN QUERY PLAN "
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(how + sql.replace("%", "%%"), [])
        return "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())


def sorts(plan: str) -> bool:
    """Whether rows have to be put in order, or grouped, apart from an index. On SQLite those of the same microsecond
    may be."""
    return any(word in plan for word in ("filesort", "temporary", "TEMP B-TREE FOR ORDER BY", "FOR GROUP BY"))


def sorting(found: Iterable[tuple[str, str]]) -> list[str]:
    """The statements among these that sort, with their plans, to be read when a test fails."""
    return [f"{sql}\n{plan}" for sql, plan in found if sorts(plan)]
