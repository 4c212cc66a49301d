"""ETags: what has not changed is not sent again (If-None-Match), and what has changed is not overwritten (If-Match)."""

import functools
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from ninja.utils import is_async_callable

from jobs.api import inside
from jobs.api.errors import ApiError, of_status

View = TypeVar("View", bound=Callable[..., Any])
ROOT = "/api/"
CHANGES = ("PUT", "PATCH", "DELETE")
CHANGING_SECONDS = 60
"""How long at most one change of a thing that has a condition keeps others out that have one."""
PATIENCE_SECONDS = 0.5
PAUSE_SECONDS = 0.05
"""How long, and how often, such a change waits for another one: a thread is held meanwhile."""
BARE = re.compile(r'[^\s",]+')
UNREADABLE = "{} cannot be read, so nothing was changed. Send the ETag in its quotes, as it came, or *."


class ConditionalMiddleware:
    """Innermost, where an answer is not compressed yet: its ETag tells what it says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_read = request.method == "GET" and request.path_info.startswith(ROOT)
        return unless_known(request, response) if is_read else response


def guarded(view: View) -> View:
    """Let a change be made only if the thing still is as its sender has seen it: 412 when not.

    It goes around every call, inside of who asks, how often, and whether what they send can be read. Of changes with a
    condition one at a time looks and is made, so that of several who name the same ETag one is let through; what is
    changed without a condition, or on a page, between a look and its change goes by unseen, except by calls that know
    versions of their own and look once more. Raises 409 (in_progress) while another one takes its time.
    """
    if is_async_callable(view):  # none of them changes anything
        return view

    @functools.wraps(view)
    def once_looked_at(request: HttpRequest, *args: Any, **arguments: Any) -> Any:
        wanted, unwanted = (named(request, name) for name in ("If-Match", "If-None-Match"))
        if request.method not in CHANGES or not (wanted or unwanted):
            return view(request, *args, **arguments)
        with alone(request.path_info):
            refuse_changed(request, wanted, unwanted)
            return view(request, *args, **arguments)

    return once_looked_at  # type: ignore[return-value]


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Keep other changes that have a condition away from what has this path."""
    key = f"changing:{hashlib.sha256(path.encode()).hexdigest()}"
    until = time.monotonic() + PATIENCE_SECONDS
    while not cache.add(key, 1, CHANGING_SECONDS):
        if time.monotonic() > until:
            raise ApiError(409, "in_progress", "This is being changed just now. Wait a moment, then send it again.")
        time.sleep(PAUSE_SECONDS)
    ends = time.monotonic() + CHANGING_SECONDS
    try:
        yield
    finally:
        if time.monotonic() < ends:  # else it is somebody else's by now
            cache.delete(key)


def refuse_changed(request: HttpRequest, wanted: list[str], unwanted: list[str]) -> None:
    """Raise 412 where it is not as a change supposes. What does not exist is left to the call itself to say.

    ETags are taken for the same also where compression has marked one as weak, which would never do by the letter.
    """
    status, present = seen(request)
    request.seen_tag = present  # type: ignore[attr-defined] # for `named_version`
    if status >= 500:  # nobody knows what is there
        raise of_status(status)
    if status in (401, 403) or (status == 404 and request.method != "PUT"):
        return
    if (wanted and not matches(wanted, present)) or (unwanted and matches(unwanted, present)):
        raise ApiError(412)


def matches(tags: list[str], present: str | None) -> bool:
    return present is not None and ("*" in tags or present in {strong(tag) for tag in tags})


def named(request: HttpRequest, header: str) -> list[str]:
    """The ETags of a header, none without it; one that came without its quotes counts too. Raises 400 for what cannot
    be read where it is a change that would be made without it."""
    if header not in request.headers:
        return []
    told = request.headers[header].strip()
    if tags := parse_etags(told):
        return tags
    if BARE.fullmatch(told):
        return [f'"{told}"']
    if request.method in CHANGES:
        raise ApiError(400, message=UNREADABLE.format(header))
    return []


def named_version(request: HttpRequest) -> tuple[str | None, bool]:
    """The version that a change names by the ETag it was made of, None for any; and whether there may be none yet."""
    tags = [strong(tag).strip('"') for tag in named(request, "If-Match") if tag != "*"]
    present = (getattr(request, "seen_tag", None) or "").strip('"')
    return (present if present in tags else tags[0] if tags else None), named(request, "If-None-Match") == ["*"]


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
