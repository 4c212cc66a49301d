"""Whether the database has the tables of this version: `manage.py prepare` makes them, before or after we start.

A database that is further than we are, as in the middle of an upgrade, has them too (CONTRIBUTING.md, Migrations).
"""

import logging
import threading
import time

from django.db import DatabaseError, Error, connection
from django.db.migrations.executor import MigrationExecutor

log = logging.getLogger(__name__)
PAUSE_SECONDS = 1.0
"""How often they are asked for while they are missing, or the database is away."""
_asking = threading.Lock()
_found: bool | Error | None = None
"""What came of asking the last time; None before the first."""
_asked_at = -float("inf")


def are_there() -> bool:
    """Asked until it is so, once a second at most, and then known for good. Raises DatabaseError when it is away, as it
    was the last time; only who comes before that waits for who asks."""
    if _found is not True and _asking.acquire(blocking=_found is None):
        try:
            _ask()
        finally:
            _asking.release()
    if isinstance(_found, Error):
        raise _found
    return bool(_found)


def _ask() -> None:
    global _found, _asked_at
    if _found is True or time.monotonic() - _asked_at < PAUSE_SECONDS:
        return
    try:
        _found = not missing()
    except Error as error:
        _found = error.with_traceback(None)
    _asked_at = time.monotonic()


def are_known() -> bool:
    """Whether they have been found. Asks nobody."""
    return _found is True


def missing() -> list[str]:
    """The migrations that the database still waits for. Raises DatabaseError when it is away."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def wait() -> None:
    """Return when they are there. Says once what is waited for: for processes that can do nothing without."""
    said = ""
    while True:
        try:
            if are_there():
                return
            why = "the database waits for its migration: run manage.py prepare"
        except DatabaseError as error:
            connection.close()
            why = f"the database is away: {error}"
        if why != said:
            log.warning("waiting, as %s", why)
            said = why
        time.sleep(PAUSE_SECONDS)
