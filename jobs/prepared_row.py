"""A row that nearly every request looks for, by another key each time: its statement is written once in a process.

Django takes ten times longer to write such a statement than a database to answer it. `jobs.prepared` does the same for
what is asked for many owners at once.
"""

import functools
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connection, models
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)


class Given(models.Value):
    """Stands in a statement for the value that is given under this name when it is asked."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def adapted(self, given: dict[str, Any]) -> Any:
        """The value as the database takes it."""
        return self.output_field.get_db_prep_value(given[self.value], connection)


class Written(NamedTuple):
    """A statement, and how a row of its answer becomes a model."""

    sql: str
    params: tuple[Any, ...]
    model: Any
    fields: slice
    names: list[str]
    converters: Any
    annotations: dict[str, int]
    related: list[Any]


class PreparedRow(Generic[M]):
    """Finds the row that `rows` are made of once all that is `Given` in them is there; no more than one may be."""

    def __init__(self, rows: Callable[[], models.QuerySet[M]]) -> None:
        self._rows = rows

    def find(self, **given: Any) -> M | None:
        written = self._written
        params = [one.adapted(given) if isinstance(one, Given) else one for one in written.params]
        with connection.cursor() as cursor:
            cursor.execute(written.sql, params)
            row = cursor.fetchone()
        return made(written, list(row)) if row else None

    @functools.cached_property
    def _written(self) -> Written:
        query = self._rows().order_by().query
        compiler = query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        info, select = compiler.klass_info, compiler.select
        fields = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        return Written(
            sql,
            tuple(params),
            info["model"],
            fields,
            [column.target.attname for column, *_ in select[fields]],
            tuple(compiler.get_converters(column for column, *_ in select).items()),
            dict(compiler.annotation_col_map or {}),
            get_related_populators(info, select, connection.alias),  # type: ignore[call-arg] # of a later Django
        )


def made(written: Written, row: list[Any]) -> Any:
    """As Django's ModelIterable makes one of a row."""
    for place, (converters, expression) in written.converters:
        for converter in converters:
            row[place] = converter(row[place], expression, connection)
    found = written.model.from_db(connection.alias, written.names, row[written.fields])
    for related in written.related:
        related.populate(row, found)
    for name, place in written.annotations.items():
        setattr(found, name, row[place])
    return found
