"""Whether this process lives, whether it can serve, and whether there are workers.

No sign-in, and nothing secret in the answers. They are given under any name, as load balancers ask by address.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from jobs.services import parts, queue_load
from videoservice.errors import answer
from videoservice.refusals import AWAY
from videoservice.single import Single

LOADS = Single("status", queue_load.every, kept_seconds=1)
"""Anybody may ask, so it is looked up once a second at most."""
PATIENCE_SECONDS = 3
"""How long the database has for that."""


async def healthz(request: HttpRequest) -> JsonResponse:
    """The web process is up. Asks nothing of anything else, and waits for no thread (`videoservice/handler.py`)."""
    response = JsonResponse({"ok": True}, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
    response["Content-Length"] = str(len(response.content))  # as the middleware does, which it goes past
    return response


def readyz(request: HttpRequest) -> JsonResponse:
    """This process can serve: 200, or 503 with `checks` saying what it lacks, and `missing` in words."""
    found = parts.needed()
    missing = [f"{part.name}: {public(part)}" for part in found if not part.is_well]
    response = JsonResponse(
        {"ok": not missing, "checks": {part.name.lower(): part.is_well for part in found}, "missing": missing},
        status=503 if missing else 200,
    )
    response["Cache-Control"] = "no-store"
    return response


def public(part: parts.Part) -> str:
    """What is wrong with it, without what it says itself, which may name machines."""
    return part.told if part.told == parts.BEHIND else "does not answer"


def status(request: HttpRequest) -> HttpResponse:
    """What is in the queues, and how many workers live: null while Redis is away. No machine is named."""
    try:
        loads = LOADS.get(PATIENCE_SECONDS)
    except TimeoutError:
        return answer(request, AWAY)
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
