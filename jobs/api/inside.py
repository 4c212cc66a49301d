"""One call of the API asked from inside another one, for the same account."""

import copy

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve


def get(request: HttpRequest, path: str) -> HttpResponse | None:
    """What a GET of this path would be answered now; None where there is none, or it gives no text."""
    try:
        match = resolve(path)
    except Resolver404:
        return None
    asked = copy.copy(request)
    asked.method = "GET"
    asked.META = {**request.META, "REQUEST_METHOD": "GET", "QUERY_STRING": ""}
    asked.path = asked.path_info = path
    asked.resolver_match = match
    asked.is_inside = True  # type: ignore[attr-defined] # it does not count as another request
    asked.__dict__.pop("GET", None)  # a query that was read
    response = match.func(asked, *match.args, **match.kwargs)
    return response if isinstance(response, HttpResponse) else None
