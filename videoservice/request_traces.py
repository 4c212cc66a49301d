"""A span for each request, named by its route, never by its address; it joins the trace of a `traceparent`."""

from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from videoservice import tracing
from videoservice.later import Later

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
ASKED_OFTEN = ("/healthz", "/readyz", "/status", "/metrics", "/static/")
"""Beginnings of paths that machines ask for every few seconds, or that are files."""


class RequestTracesMiddleware:
    """Outermost, so that all that a request takes lies in its span."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not tracing.wanted():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(ASKED_OFTEN):
            return self.get_response(request)
        span = getattr(request, "span", None) or begun(request)
        with span.current():
            response = self.get_response(request)
        if isinstance(response, Later):  # no answer yet, and it is asked for again
            request.span = span  # type: ignore[attr-defined]
        else:
            end(span, request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        request.trace_failure = tracing.failure(exception)  # type: ignore[attr-defined]


def begun(request: HttpRequest) -> tracing.Span:
    parent = request.headers.get("traceparent", "")
    return tracing.begin(method(request), parent, kind="server", facts={"http.request.method": method(request)})


def end(span: tracing.Span, request: HttpRequest, response: HttpResponseBase) -> None:
    route = f"/{request.resolver_match.route}" if request.resolver_match else ""
    span.note({"http.response.status_code": response.status_code})
    if route:
        span.note({"http.route": route})
        span.rename(f"{method(request)} {route}")
    if response.status_code >= 500:
        span.fail(getattr(request, "trace_failure", str(response.status_code)))
    span.end()


def method(request: HttpRequest) -> str:
    return request.META["REQUEST_METHOD"] if request.META.get("REQUEST_METHOD") in METHODS else "_OTHER"
