"""Whether the database has the tables of this version: `manage.py prepare` makes them, before or after we start.

A database that is further than we are, as in the middle of an upgrade, has them too (CONTRIBUTING.md, Migrations).
"""

import logging
import threading
import time

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

log = logging.getLogger(__name__)
PAUSE_SECONDS = 1.0
"""How often they are asked for while they are missing."""
_asking = threading.Lock()
_are_there = False
_asked_at = -float("inf")


def are_there() -> bool:
    """Asked until it is so, once a second at most; then known for good. Raises DatabaseError when it is away."""
    global _are_there, _asked_at
    if _are_there:
        return True
    with _asking:
        if not _are_there and time.monotonic() - _asked_at >= PAUSE_SECONDS:
            _are_there = not missing()
            _asked_at = time.monotonic()
        return _are_there


def are_known() -> bool:
    """Whether they have been found. Asks nobody."""
    return _are_there


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
