"""One process migrates a database at a time, on however many machines they start: MariaDB's DDL has no transactions."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

WAIT_SECONDS = 600
"""How long another process may take for its migrations."""


@contextlib.contextmanager
def alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Hold the right to migrate the database of this connection; the server or the kernel gives it back however we end.

    Raises CommandError when another process does not come to an end.
    """
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "mysql":
        unhurried(connection)
        with _lock_of_server(connection.copy(), name):
            yield
    elif connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        with Path(f"{name}.migrating").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    else:
        yield


def unhurried(connection: BaseDatabaseWrapper) -> None:
    """From its next connection on, an answer may take any time: a table of millions of rows is copied for minutes, and
    the version that goes on working beside us holds rows of it."""
    connection.close()
    options = connection.settings_dict["OPTIONS"]
    for name in ("read_timeout", "write_timeout"):
        options.pop(name, None)
    options["init_command"] += f", innodb_lock_wait_timeout = {WAIT_SECONDS}, lock_wait_timeout = {WAIT_SECONDS}"


@contextlib.contextmanager
def _lock_of_server(own: Any, database: str) -> Iterator[None]:
    """A lock belongs to a session, so this one has its own."""
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(%s, %s)", [f"migrate {database}"[:64], WAIT_SECONDS])
            if cursor.fetchone() != (1,):
                raise CommandError(f"Another process still migrates {database}. Wait for its end, then try again.")
        yield
    finally:
        own.close()
