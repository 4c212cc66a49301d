"""How many requests this web process answered, and how long each took, by the route that they came for.

Several that share an address (`videoservice/web_group.py`) cannot be asked one by one: they count in files of one
folder, and each tells the sum of all since the site was started.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from videoservice.later import Later

REGISTRY = CollectorRegistry()
"""Of this process; each has its own."""
ProcessCollector(registry=REGISTRY)
SECONDS = Histogram(
    "videoservice_request_seconds",
    "Requests that this web process answered; of long answers until their sending begins.",
    ["route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)


def registry() -> CollectorRegistry:
    """What is told: of this process, or of all that share its address."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    forget_the_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    found = CollectorRegistry()
    MultiProcessCollector(found)
    return found


def forget_the_dead(folder: Path) -> None:
    """What a process that has gone said of its present state counts no more; what it had counted does."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, str(folder))


class RequestMetricsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        response = self.get_response(request)
        if isinstance(response, Later):
            return response  # no answer yet
        # Never the path: whatever strangers ask for would become a series of its own.
        route = request.resolver_match.route if request.resolver_match else "none"
        SECONDS.labels(route, response.status_code).observe(time.perf_counter() - begun)
        return response
