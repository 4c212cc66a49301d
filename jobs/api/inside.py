"""One call of the API asked from inside another one, for the same account."""

import copy
import inspect

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve


def get(request: HttpRequest, path: str) -> HttpResponseBase | None:
    """What a GET of this path would be answered now; None where there is none, or it would take its time."""
    try:
        match = resolve(path)
    except Resolver404:
        return None
    if inspect.iscoroutinefunction(match.func):
        return None
    asked = copy.copy(request)
    asked.method = "GET"
    asked.META = {**request.META, "REQUEST_METHOD": "GET", "QUERY_STRING": ""}
    asked.path = asked.path_info = path
    asked.resolver_match = match
    asked.is_inside = True  # type: ignore[attr-defined] # it does not count as another request
    asked.__dict__.pop("GET", None)  # a query that was read
    response: HttpResponseBase = match.func(asked, *match.args, **match.kwargs)
    return response
