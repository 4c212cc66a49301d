"""How the parts are that the site stands on: whether each answers, how soon, and what it says of itself.

One that hangs is no excuse for not answering: each is asked in a thread of its own, and given up after a moment. Who
still hangs there is not asked again.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from redis import Redis
from redis.exceptions import RedisError

from jobs import storage, wording
from videoservice import tables
from videoservice.redis_servers import RedisServers
from videoservice.single import Single

FAILURES = (DatabaseError, RedisError, OSError)
PATIENCE_SECONDS = 2
"""How long a Redis has for its answer."""
IN_ALL_SECONDS = 3
"""How long all parts together have for theirs."""
BEHIND = "waits for its migration: run manage.py prepare"


@dataclasses.dataclass(frozen=True)
class Part:
    """`told` is for operators alone: it may name machines."""

    name: str
    is_well: bool
    told: str


class Probe:
    """Asks one part; of several who want to know at the same time, one does."""

    def __init__(self, name: str, ask: Callable[[], str]) -> None:
        self.name, self._ask = name, ask
        self.begin = Single(f"probe-{name}", self._part).begin

    def _part(self) -> Part:
        begun = time.perf_counter()
        try:
            told = self._ask()
        except FAILURES as error:
            return Part(self.name, False, f"does not answer: {str(error)[:120]}")
        if told == BEHIND:
            return Part(self.name, False, told)
        return Part(self.name, True, f"{told}, {wording.brief(time.perf_counter() - begun)}")

    def part(self, answer: Future[Part], until: float) -> Part:
        """What became of it until then, in seconds of `time.monotonic`."""
        try:
            return answer.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            return Part(self.name, False, "has not answered for some seconds")


@functools.cache
def _probes(servers: RedisServers) -> tuple[Probe, ...]:
    asks = {"Database": database, "Tables": migrated, **of_redis(servers), "Storage": stored}
    return tuple(Probe(name, ask) for name, ask in asks.items())


def needed() -> list[Part]:
    """What this process cannot serve without, all within IN_ALL_SECONDS. A Redis of its own for the cache, or for open
    pages, is not among it: without these everything but the live page goes on."""
    return _asked([probe for probe in _probes(settings.REDIS) if "(" not in probe.name or "queue" in probe.name])


def every() -> list[Part]:
    """All parts, within IN_ALL_SECONDS as well."""
    return [*_asked(_probes(settings.REDIS)), mail()]


def _asked(probes: Sequence[Probe]) -> list[Part]:
    begun = [(probe, probe.begin()) for probe in probes]
    until = time.monotonic() + IN_ALL_SECONDS
    return [probe.part(answer, until) for probe, answer in begun]


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


def migrated() -> str:
    """Whether the database has what this version needs."""
    return "of this version" if tables.are_there() else BEHIND


def of_redis(servers: RedisServers) -> dict[str, Callable[[], str]]:
    """A check for each Redis, by its name: there is one for all uses, or several (`videoservice.redis_servers`)."""
    uses: dict[str, list[str]] = {}
    for use, url in servers.by_use().items():
        uses.setdefault(url, []).append(use)
    if len(uses) == 1:
        return {"Redis": functools.partial(redis, servers.queue)}
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
    if not storage.store().is_folder:
        return "a bucket that answers"
    return f"takes files, {wording.size(storage.free_bytes())} free"


def mail() -> Part:
    return Part("E-mail", True, "goes out" if settings.EMAIL_URL else "not set up: EMAIL_URL")
