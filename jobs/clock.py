"""The present by the database's clock: what one machine writes and another compares has to be told by the same one.

Statements take `Now()`. This is for what is reckoned outside of them: how far the two clocks are apart is measured once
a minute in each process, so that knowing the time costs no statement.
"""

import threading
import time
from datetime import UTC, datetime

from django.db import Error, connection

MEASURED_SECONDS = 60.0
AGAIN_SECONDS = 5.0
"""After a failure."""
NEVER = -float("inf")
_STATEMENT = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "mysql": "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6",
}
_measuring = threading.Lock()
_offset = 0.0
_measured_at = NEVER


def seconds() -> float:
    """Since 1970, by the database's clock; while that is away by what is known of it."""
    return time.time() + offset()


def now() -> datetime:
    return datetime.fromtimestamp(seconds(), UTC)


def offset() -> float:
    """By how many seconds the database's clock is ahead of ours; where it may be less than a tenth, not at all."""
    if _is_due() and _measuring.acquire(blocking=_measured_at == NEVER):
        try:
            if _is_due():  # another thread may have measured while we waited
                _measure()
        finally:
            _measuring.release()
    return _offset


def _is_due() -> bool:
    return time.monotonic() - _measured_at > MEASURED_SECONDS


def _measure() -> None:
    """A database that is away, or hangs, is asked again after a moment, by one thread at a time."""
    global _offset, _measured_at
    asked = time.time()
    try:
        told = _ask()
    except Error:
        _measured_at = time.monotonic() - MEASURED_SECONDS + AGAIN_SECONDS
    else:
        _offset, _measured_at = _apart(asked, told, time.time()), time.monotonic()


def _apart(asked: float, told: float, answered: float) -> float:
    """What was told is of some moment between asking and the answer, which on a busy machine may be long."""
    if asked - 0.1 < told < answered + 0.1:
        return 0.0
    return told - (asked + answered) / 2


def _ask() -> float:
    """Beside Django's cursor: this is nothing that the request asks for."""
    with connection.wrap_database_errors:
        connection.ensure_connection()
        cursor = connection.connection.cursor()
        try:
            cursor.execute(_STATEMENT[connection.vendor])
            return float(cursor.fetchone()[0])
        finally:
            cursor.close()
