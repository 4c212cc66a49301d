"""ETags: what has not changed is not sent again (If-None-Match), and what has changed is not overwritten (If-Match)."""

import hashlib
from collections.abc import Callable

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags

from jobs.api import inside
from jobs.api.errors import ApiError, envelope

ROOT = "/api/"
CHANGES = ("PUT", "PATCH", "DELETE")
CHANGING_SECONDS = 60
"""How long at most one change of a thing that names its ETag keeps others out that name the same."""


class ConditionalMiddleware:
    """Innermost, where an answer is not compressed yet: its ETag tells what it says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(ROOT):
            return self.get_response(request)
        if request.method in CHANGES and ("If-Match" in request.headers or "If-None-Match" in request.headers):
            return self.changed(request)
        response = self.get_response(request)
        return unless_known(request, response) if request.method == "GET" else response

    def changed(self, request: HttpRequest) -> HttpResponseBase:
        """Make a change if the thing still is as the sender has seen it: 412 when not.

        Between the look and the change somebody else could come in: of several who name the same ETag at the same time
        one is let through. Calls that know versions of their own look once more.
        """
        status, present = seen(request)
        is_refused = status in (401, 403, 429) or (status == 404 and request.method != "PUT")
        if is_refused:  # the call itself says so
            return self.get_response(request)
        if not holds(request, present):
            return envelope(ApiError(412))
        key = f"changing:{hashlib.sha256(f'{request.path_info} {present}'.encode()).hexdigest()}"
        if not cache.add(key, 1, CHANGING_SECONDS):
            return envelope(ApiError(412))
        try:
            return self.get_response(request)
        finally:
            cache.delete(key)


def holds(request: HttpRequest, present: str | None) -> bool:
    """Whether what a change supposes is true. `present`: the thing's ETag now, None for a thing that is not there.

    ETags are taken for the same also where compression has marked one as weak, which would never do by the letter.
    """
    wanted, unwanted = (parse_etags(request.headers.get(name, "")) for name in ("If-Match", "If-None-Match"))
    if wanted and not matches(wanted, present):
        return False
    return not (unwanted and matches(unwanted, present))


def matches(tags: list[str], present: str | None) -> bool:
    return present is not None and ("*" in tags or present in {strong(tag) for tag in tags})


def named_version(request: HttpRequest) -> tuple[str | None, bool]:
    """The version that a change names by the ETag it was made of, None for any; and whether there may be none yet."""
    tags = [strong(tag).strip('"') for tag in parse_etags(request.headers.get("If-Match", "")) if tag != "*"]
    return (tags[0] if tags else None), request.headers.get("If-None-Match", "").strip() == "*"


def strong(tag: str) -> str:
    return tag.removeprefix("W/")


def seen(request: HttpRequest) -> tuple[int, str | None]:
    """What a GET of the request's address would give its sender: its status, and its ETag if it is there. 405 for an
    address that gives nothing."""
    response = inside.get(request, request.path_info)
    if response is None:
        return 405, None
    for close in response._resource_closers:  # type: ignore[attr-defined] # `close` would end the request as well
        close()
    return response.status_code, tag_of(response) if response.status_code == 200 else None


def tag_of(response: HttpResponseBase) -> str | None:
    """Its own one, else one made of what it says."""
    if tag := response.headers.get("ETag"):
        return strong(tag)
    return f'"{hashlib.sha256(response.content).hexdigest()[:32]}"' if isinstance(response, HttpResponse) else None


def unless_known(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer with its ETag, or 304 for who has it."""
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    if response.status_code != 200 or not is_json or "no-store" in response.headers.get("Cache-Control", ""):
        return response
    tag = tag_of(response)
    if tag is None:
        return response
    response.headers["ETag"] = tag
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if not matches(parse_etags(request.headers.get("If-None-Match", "")), tag):
        return response
    kept = {name: value for name, value in response.headers.items() if name not in ("Content-Type", "Content-Length")}
    unchanged = HttpResponse(status=304, headers=kept)
    del unchanged.headers["Content-Type"]
    return unchanged
