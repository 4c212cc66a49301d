"""Whether the process of a container does its work, as its health check asks: exit status 0, or 1 and a sentence.

    python -m videoservice.healthcheck              the web process, or the whole site, on PORT
    python -m videoservice.healthcheck cut encode   workers of this host that listen to these queues
    python -m videoservice.healthcheck reconcile    a process that does rounds, by the sign that it leaves after each

Without Django: it is asked again and again. What ails Redis is told by the site; to start workers anew mends nothing.
"""

import contextlib
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from videoservice import env, redis_servers

ROUNDS = ("reconcile", "inbox")
PATIENCE_SECONDS = 5
SILENT_SECONDS = 60
"""Workers tell Redis every 5 s that they are there."""
ROUND_SECONDS = 600
"""Rounds follow each other in seconds; one that deletes much, or waits for a folder on a network, takes minutes."""


def main(names: Sequence[str]) -> str:
    """What is wrong; nothing if nothing is."""
    if not names:
        return web()
    if names[0] in ROUNDS:
        return rounds(names[0])
    return workers(names)


def web() -> str:
    host = env.text("BIND")
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 (all addresses, so this one too)
    address = f"http://{f'[{host}]' if ':' in host else host}:{env.integer('PORT', 8000)}/healthz"
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        return f"{address} answers {error.code}." if error.code >= 500 else ""  # it answers
    except OSError as error:
        return f"{address} does not answer: {error}"


def workers(queues: Sequence[str]) -> str:
    address = redis_servers.read("").queue
    if not address:
        return ""
    try:
        with Redis.from_url(address, socket_timeout=PATIENCE_SECONDS, decode_responses=True) as redis:
            heard = {queue: last_heard(redis, queue) for queue in queues}
    except RedisError:
        return ""
    silent = [queue for queue, seconds in heard.items() if seconds > SILENT_SECONDS]
    return f"No worker of this host was heard of for {SILENT_SECONDS} s: {', '.join(silent)}." if silent else ""


def last_heard(redis: Redis, queue: str) -> float:
    """How many seconds ago a worker of this host on this queue has said that it lives; infinite for never."""
    ages = [float("inf")]
    for key in redis.smembers(f"rq:workers:{queue}"):
        host, told = redis.hmget(key, "hostname", "last_heartbeat")
        if host == socket.gethostname() and told:
            ages.append((datetime.now(UTC) - datetime.fromisoformat(str(told))).total_seconds())
    return min(ages)


def sign(name: str) -> None:
    """Say that another round has been done. Nowhere when no HEALTH_DIR is set."""
    if folder := env.text("HEALTH_DIR"):
        with contextlib.suppress(OSError):
            (Path(folder) / f"{name}.round").touch()


def rounds(name: str) -> str:
    folder = env.text("HEALTH_DIR")
    if not folder:
        return ""
    try:
        age = time.time() - (Path(folder) / f"{name}.round").stat().st_mtime
    except OSError:
        return f"{name} has finished no round yet."
    return f"{name} has finished no round for {age:.0f} s." if age > ROUND_SECONDS else ""


if __name__ == "__main__":
    told = main(sys.argv[1:])
    sys.stdout.write(f"{told or 'well'}\n")
    raise SystemExit(1 if told else 0)
