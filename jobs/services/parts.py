"""How the parts are that the site stands on: whether each answers, how soon, and what it says of itself."""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from typing import Any

import django_rq
from django.conf import settings
from django.db import DatabaseError, connection
from redis.exceptions import RedisError

from jobs import storage, wording

FAILURES = (DatabaseError, RedisError, OSError)


@dataclasses.dataclass(frozen=True)
class Part:
    name: str
    is_well: bool
    told: str


def every() -> list[Part]:
    checks = {"Database": database, "Redis": redis, "Storage": stored}
    return [*(_part(name, check) for name, check in checks.items()), mail()]


def _part(name: str, check: Callable[[], str]) -> Part:
    begun = time.perf_counter()
    try:
        told = check()
    except FAILURES as error:
        return Part(name, False, f"does not answer: {str(error)[:120]}")
    return Part(name, True, f"{told}, {wording.brief(time.perf_counter() - begun)}")


def database() -> str:
    """“MariaDB 10.11.6”, and of a server how many are connected."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sqlite_version()")
            return f"SQLite {cursor.fetchone()[0]}"
        cursor.execute("SELECT VERSION()")
        version = str(cursor.fetchone()[0]).split("-")
        cursor.execute("SHOW STATUS LIKE 'Threads_connected'")
        return f"{version[1] if len(version) > 1 else 'MySQL'} {version[0]}, {cursor.fetchone()[1]} connections"


def redis() -> str:
    """Its version, how much it holds, and whether that outlives it."""
    told: dict[str, Any] = django_rq.get_connection(next(iter(settings.RQ_QUEUES))).info()
    kept = "kept on disk" if told.get("aof_enabled") else "in memory only"
    if told.get("aof_last_write_status", "ok") != "ok":
        raise OSError("it could not write to its disk")
    return f"Redis {told['redis_version']}, {wording.size(int(told['used_memory']))}, {kept}"


def stored() -> str:
    """Whether it takes a file."""
    with tempfile.TemporaryFile(dir=storage.path("")) as file:
        file.write(b"1")
        file.flush()
    return f"takes files, {wording.size(storage.free_bytes())} free"


def mail() -> Part:
    return Part("E-mail", True, "goes out" if settings.EMAIL_URL else "not set up: EMAIL_URL")
