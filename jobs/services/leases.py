"""Rows that somebody has for a minute, and for longer as long as they live: whoever follows one that died waits no more
than that. All times are the database's."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import Error, connection
from django.db.models import QuerySet
from django.db.models.functions import Now

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
"""For how long others wait for somebody who died."""
RENEW_SECONDS = 15


@contextlib.contextmanager
def renewed(rows: QuerySet[Any], what: str) -> Iterator[None]:
    """Put off the end of a lease (`held_until`) inside the block. `rows` is the row for as long as it is ours."""
    over = threading.Event()
    keeper = threading.Thread(target=_renew, args=(rows, what, over), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _renew(rows: QuerySet[Any], what: str, over: threading.Event) -> None:
    try:
        while not over.wait(RENEW_SECONDS):
            try:
                rows.update(held_until=Now() + LEASE)
            except Error as error:
                log.warning("the lease on %s is not renewed: %s", what, error)
    finally:
        connection.close()
