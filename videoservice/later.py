"""An answer that is to come later: who waits for it holds no thread."""

from collections.abc import Awaitable, Callable

from django.http import HttpRequest, HttpResponse


class Later(HttpResponse):
    """Stands for an answer that is not known yet: the handler asks for it again when `wait` is over. Only where this
    `is_possible`."""

    def __init__(self, wait: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.wait = wait


def is_possible(request: HttpRequest) -> bool:
    """Whether the request came through a handler that waits, and has not waited yet."""
    return getattr(request, "may_wait", False)


def allow(request: HttpRequest) -> None:
    request.may_wait = True  # type: ignore[attr-defined]


def forbid(request: HttpRequest) -> None:
    """It has waited: what was found out about it before is found out again."""
    request.may_wait = False  # type: ignore[attr-defined]
    for name in ("_cached_user", "_acached_user"):
        request.__dict__.pop(name, None)
