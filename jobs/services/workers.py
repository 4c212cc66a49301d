"""Which workers live, by what they say of themselves in Redis."""

from pathlib import Path

import django_rq
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from jobs import machine


def alive(queue: str) -> int:
    """How many workers that live listen to a queue. Raises RedisError."""
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
