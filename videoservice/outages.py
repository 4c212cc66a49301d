"""Failures that are nobody's mistake: something that the site needs is away or full, and the same may do later."""

import errno
import logging
import sqlite3

from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from videoservice.refusals import AWAY, DISK_FULL, Refusal

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
STORAGE_AWAY = (
    *(errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT),
    *(errno.EMFILE, errno.ENFILE),
)
MYSQL_FULL = (1021, 1114)
MYSQL_AWAY = (1040, 1053, 1180, 1203, 1205, 1213, 1226, 1290, 1317, 1412, 1836, 1927)
"""Too many connections, shutting down, waited too long for a lock, read only, killed, a table changed by a migration
meanwhile. From 2000 on: not reached."""


def refusal_of(error: BaseException | None) -> Refusal | None:
    """What to answer instead of "something went wrong"; None for a mistake of ours."""
    if isinstance(error, OSError):
        return DISK_FULL if error.errno in FULL else AWAY if error.errno in STORAGE_AWAY else None
    if isinstance(error, RedisError):
        return AWAY
    if isinstance(error, OperationalError | InterfaceError):
        cause = error.__cause__
        return _of_sqlite(cause) if isinstance(cause, sqlite3.Error) else _of_mysql(error)
    return None


def _of_sqlite(error: sqlite3.Error) -> Refusal | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DISK_FULL
    return None if code == sqlite3.SQLITE_ERROR else AWAY  # an error like "no such column"


def _of_mysql(error: Exception) -> Refusal | None:
    code = error.args[0] if error.args else 0
    if isinstance(error, InterfaceError) or not isinstance(code, int):
        return AWAY
    if code in MYSQL_FULL:
        return DISK_FULL
    return AWAY if code >= 2000 or code in MYSQL_AWAY else None


class Brief(logging.Filter):
    """An outage is a line in the log for each request, not a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        is_told = getattr(record, "status_code", 0) in (AWAY.number, DISK_FULL.number)
        if record.exc_info and (is_told or isinstance(record.exc_info[1], RedisError)):
            record.msg, record.args = "%s: %s", (record.getMessage(), record.exc_info[1])
            record.exc_info = None
        return True
