"""How the parts are that the site stands on: whether each answers, how soon, and what it says of itself."""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from redis import Redis
from redis.exceptions import RedisError

from jobs import storage, wording

FAILURES = (DatabaseError, RedisError, OSError)
PATIENCE_SECONDS = 2
"""How long a Redis has for its answer."""


@dataclasses.dataclass(frozen=True)
class Part:
    name: str
    is_well: bool
    told: str


def every() -> list[Part]:
    checks = {"Database": database, **of_redis(), "Storage": stored}
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


def of_redis() -> dict[str, Callable[[], str]]:
    """A check for each Redis, by its name: there is one for all uses, or several (`videoservice.redis_servers`)."""
    uses: dict[str, list[str]] = {}
    for use, url in settings.REDIS.by_use().items():
        uses.setdefault(url, []).append(use)
    if len(uses) == 1:
        return {"Redis": functools.partial(redis, settings.REDIS.queue)}
    return {f"Redis ({', '.join(names)})": functools.partial(redis, url) for url, names in uses.items()}


def redis(url: str) -> str:
    """Its version, how much it holds, and whether that outlives it. Raises RedisError, and OSError when it cannot
    write."""
    with asked(url) as client:
        told: dict[str, Any] = client.info()
    kept = "kept on disk" if told.get("aof_enabled") else "in memory only"
    if told.get("aof_last_write_status", "ok") != "ok":
        raise OSError("it could not write to its disk")
    return f"Redis {told['redis_version']}, {wording.size(int(told['used_memory']))}, {kept}"


def redis_answers(url: str) -> bool:
    try:
        with asked(url) as client:
            return bool(client.ping())
    except (RedisError, OSError):
        return False


def asked(url: str) -> Redis:
    """A client that does not wait long. Its `with` closes it."""
    return Redis.from_url(url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS)


def stored() -> str:
    """Whether it takes a file."""
    storage.try_out()
    return f"takes files, {wording.size(storage.free_bytes())} free"


def mail() -> Part:
    return Part("E-mail", True, "goes out" if settings.EMAIL_URL else "not set up: EMAIL_URL")
