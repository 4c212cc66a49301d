"""Whether this process lives, and whether the site can do its work. No sign-in, and nothing secret in the answers."""

from collections.abc import Callable
from functools import partial

import django_rq
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from redis import RedisError

from jobs import storage as kept
from jobs.services import queue_load, workers


async def healthz(request: HttpRequest) -> JsonResponse:
    """The web process is up. Asks nothing of anything else."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """Everything that a job needs is there: 200, or 503 with `checks` saying what is missing."""
    checks = {"database": passes(database), "redis": passes(redis), "storage": passes(storage)}
    for queue in settings.RQ_QUEUES:
        checks[f"{queue} worker"] = checks["redis"] and passes(partial(worker, queue))
    ok = all(checks.values())
    response = JsonResponse({"ok": ok, "checks": checks}, status=200 if ok else 503)
    response["Cache-Control"] = "no-store"
    return response


def status(request: HttpRequest) -> JsonResponse:
    """What is in the queues, and how many workers live: null while Redis is away. No machine is named."""
    loads = queue_load.every()
    found = {
        load.name: {
            "waiting": load.waiting,
            "queued": load.queued,
            "running": load.running,
            "oldest_seconds": round(load.oldest_seconds, 1),
            "paused": load.state.is_held,
            "workers": load.alive,
        }
        for load in loads
    }
    ok = all(found[name]["workers"] for name in settings.RQ_QUEUES)
    draining = any(load.state.draining_since for load in loads)
    response = JsonResponse({"ok": ok, "draining": draining, "queues": found})
    response["Cache-Control"] = "no-store"
    return response


def passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, RedisError, OSError):
        return False


def database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def redis() -> bool:
    return bool(django_rq.get_connection("fast").ping())


def storage() -> bool:
    kept.try_out()
    return True


def worker(queue: str) -> bool:
    """Whether a worker that lives listens to the queue."""
    return workers.alive(queue) > 0
