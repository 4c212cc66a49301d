"""Which workers there are, by what they say of themselves in Redis."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import django_rq
from django.conf import settings
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from jobs import clock, machine

SILENT_SECONDS = 30
"""An idle worker says every 5 s that it is there, and so does one at work."""
RESTART_KEY = "videoservice:restart:%s"
"""Is there while a worker is asked to start again; it looks for it each time it says that it is there."""
RESTART_SECONDS = 24 * 3600
"""How long a worker may take to see it. No other gets its name."""


@dataclasses.dataclass(frozen=True)
class Worker:
    """`since`: when it began to listen. `is_busy` by its own word; of what it does the rows know more. `silent_seconds`
    by the clock of Redis; by `skew_seconds` its own is ahead of the database's."""

    name: str
    queue: str
    host: str
    pid: int
    since: datetime | None
    silent_seconds: float
    skew_seconds: float
    is_busy: bool
    is_alive: bool
    cores: float = 0.0
    """How many of its machine's processors it kept busy lately."""
    processors: int = 1
    memory_bytes: int = 0
    is_ending: bool = False
    """Whether it was asked to start again: it takes nothing new."""

    @property
    def share(self) -> float:
        """Of its machine's processors, 0 to 1."""
        return min(1.0, self.cores / self.processors)


def every() -> list[Worker]:
    """All that are registered, also those that are gone and did not say so. Raises RedisError."""
    redis = django_rq.get_connection(next(iter(settings.RQ_QUEUES)))
    with redis.pipeline(transaction=False) as pipeline:
        for queue in settings.RQ_QUEUES:
            pipeline.smembers(WORKERS_BY_QUEUE_KEY % queue)
        keys = [
            (queue, key)
            for queue, found in zip(settings.RQ_QUEUES, pipeline.execute(), strict=True)
            for key in sorted(found)
        ]
        for _, key in keys:
            pipeline.hgetall(key)
            pipeline.pttl(key)
            pipeline.exists(RESTART_KEY % _name(key))
        told = iter(pipeline.execute() if keys else ())
    found = [_worker(*one, *row) for one, *row in zip(keys, told, told, told, strict=True)]
    return [worker for worker in found if worker]


def _name(key: bytes) -> str:
    return key.decode().removeprefix("rq:worker:")


def _worker(queue: str, key: bytes, row: dict[bytes, bytes], left: int, is_ending: int) -> Worker | None:
    """None for one that said goodbye, or whose registration has expired. `left` are milliseconds until it does."""
    told = {name.decode(): value.decode(errors="replace") for name, value in row.items()}
    if not told or told.get("death"):
        return None
    heard_at = _time(told.get("last_heartbeat"))
    now = clock.now()
    if (lasts := told.get("expires_after")) and left >= 0:
        silent = max(0.0, float(lasts) - left / 1000)
        skew = (heard_at - now).total_seconds() + silent if heard_at else 0.0
    else:  # of the release before
        silent, skew = (now - heard_at).total_seconds() if heard_at else 0.0, 0.0
    return Worker(
        name=_name(key),
        queue=queue,
        host=told.get("hostname", ""),
        pid=int(told.get("pid", 0)),
        since=_time(told.get("birth")),
        silent_seconds=silent,
        skew_seconds=skew,
        is_busy=told.get("state") == "busy",
        is_alive=silent <= SILENT_SECONDS and lives(row.get(b"machine"), row.get(b"pid"), row.get(b"death")),
        cores=float(told.get("cores", 0)),
        processors=int(told.get("processors", 1)),
        memory_bytes=int(told.get("memory_bytes", 0)),
        is_ending=bool(is_ending),
    )


def _time(text: str | None) -> datetime | None:
    """As RQ writes it."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def named(name: str) -> Worker | None:
    """The worker of this name, if it lives. Raises RedisError."""
    return next((worker for worker in every() if worker.name == name and worker.is_alive), None)


def restart(name: str) -> bool:
    """Ask a worker to end as on SIGTERM, as soon as it says again that it is there; whoever looks after it, its pool,
    the supervisor or docker, starts it again. False: it was asked already, or has gone. Raises RedisError."""
    worker = named(name)
    if worker is None:
        return False
    redis = django_rq.get_connection(worker.queue)
    return bool(redis.set(RESTART_KEY % name, 1, nx=True, ex=RESTART_SECONDS))


def alive(queue: str) -> int:
    """How many workers that live listen to a queue; none to one that this install does not know (any more). Raises
    RedisError."""
    if queue not in settings.RQ_QUEUES:
        return 0
    redis = django_rq.get_connection(queue)
    with redis.pipeline(transaction=False) as pipeline:
        for key in redis.smembers(WORKERS_BY_QUEUE_KEY % queue):
            pipeline.hmget(key, "machine", "pid", "death")
        return sum(lives(*row) for row in pipeline.execute())


def lives(where: bytes | None, pid: bytes | None, death: bytes | None) -> bool:
    """Whether a registered worker is still there.

    A registration expires two minutes after the last heartbeat; of a worker on this machine the kernel knows better.
    """
    if where is None or pid is None or death is not None:
        return False
    if where.decode() != machine.identity():
        return True
    try:
        state = Path(f"/proc/{int(pid)}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and not yet reaped by who started it
