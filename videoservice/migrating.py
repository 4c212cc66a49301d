"""One process migrates a database at a time, on however many machines they start: MariaDB's DDL has no transactions."""

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

WAIT_SECONDS = 600
"""How long another process may take for its migrations."""
NO_LOCK = 1205
LOCK_SECONDS, LOCK_PAUSE_SECONDS, LOCK_TRIES = 3, 1, 150
"""How long a statement waits for what others hold, and how often: ten minutes in all."""


@contextlib.contextmanager
def alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Hold the right to migrate the database of this connection; the server or the kernel gives it back however we end.

    Raises CommandError when another process does not come to an end.
    """
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "mysql":
        unhurried(connection)
        with _lock_of_server(connection.copy(), name), connection.execute_wrapper(again):
            yield
    elif connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        with Path(f"{name}.migrating").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    else:
        yield


def unhurried(connection: BaseDatabaseWrapper) -> None:
    """From its next connection on, an answer may take any time: a table of millions of rows is copied for minutes.

    For locks it waits shortly: a change of a table and a transaction of the version beside us can each hold what the
    other one waits for, which the server does not see, and until one gives up everybody waits.
    """
    connection.close()
    options = connection.settings_dict["OPTIONS"]
    for name in ("read_timeout", "write_timeout"):
        options.pop(name, None)
    options["init_command"] += f", innodb_lock_wait_timeout = {LOCK_SECONDS}, lock_wait_timeout = {LOCK_SECONDS}"


def again(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Make a statement once more that got no lock: it alone was undone. Raises OperationalError if none ever comes."""
    for left in reversed(range(LOCK_TRIES)):
        try:
            return execute(sql, params, many, context)
        except OperationalError as error:
            if not left or not error.args or error.args[0] != NO_LOCK:
                raise
            time.sleep(LOCK_PAUSE_SECONDS)
    return None


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
