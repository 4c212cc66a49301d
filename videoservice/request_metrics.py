"""How many requests this web process answered, and how long each took, by the route that they came for.

Several that share an address (`videoservice/web_group.py`) cannot be asked one by one: they count in files of one
folder, and each tells the sum of all since the site was started. The files go by the name of the process, so that the
next one of that name goes on counting, and there are never more of them than processes.
"""

import os
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from videoservice.later import Later

FOLDER, NAME = "PROMETHEUS_MULTIPROC_DIR", "WEB_NAME"


def count_as(name: str, folder: str) -> None:
    """Go on with what the process of this name before us has counted; what it said of its present state is over."""
    mark_process_dead(name, folder)
    values.ValueClass = values.MultiProcessValue(lambda: name)


if FOLDER in os.environ and NAME in os.environ:  # before anything is counted
    count_as(os.environ[NAME], os.environ[FOLDER])
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
    if FOLDER not in os.environ:
        return REGISTRY
    found = CollectorRegistry()
    MultiProcessCollector(found)
    return found


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
