"""What a request has to pass first: it came under a name of the site, and the database has this version's tables."""

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from videoservice import tables
from videoservice.errors import answer
from videoservice.outages import refusal_of
from videoservice.refusals import UPGRADING, Refusal, unknown_host

FOR_MACHINES = ("/healthz", "/readyz", "/status", "/metrics")
"""Asked by load balancers and monitors under whatever name or address they know, also while the tables are missing."""


class GateMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in FOR_MACHINES:
            # Django's own middleware asks for the name of every request; these answers do not depend on it.
            request.get_host = lambda: "localhost"  # type: ignore[method-assign]
        elif refusal := refused(request):
            return answer(request, refusal)
        return self.get_response(request)


def refused(request: HttpRequest) -> Refusal | None:
    try:
        request.get_host()
    except DisallowedHost:
        return unknown_host(request.headers.get("Host", ""))
    try:
        return None if tables.are_there() else UPGRADING
    except DatabaseError as error:
        if refusal := refusal_of(error):
            return refusal
        raise
