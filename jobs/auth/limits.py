"""How many calls a token, and an account with all of its tokens and pages, may make in a minute.

Counted in the shared cache, both in one trip; while Redis is away, in each process by itself.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, cast

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from jobs import clock
from jobs.models import Account, Token
from videoservice.cache import Cache
from videoservice.middleware import AnswerMiddleware

WINDOW_SECONDS = 60
View = Callable[..., Any]
MARK = "is_not_counted"


@dataclasses.dataclass(frozen=True)
class Window:
    """The limit that is nearest, and how much of it was used before it starts anew."""

    who: str
    limit: int
    used: int
    seconds_left: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_over(self) -> bool:
        return self.used > self.limit

    @property
    def sentence(self) -> str:
        return (
            f"{self.who} has made the {self.limit} calls that it may make in a minute. Wait {self.seconds_left} "
            f"{'second' if self.seconds_left == 1 else 'seconds'}, then go on."
        )

    @property
    def headers(self) -> Mapping[str, str]:
        told = {"Limit": self.limit, "Remaining": self.remaining, "Reset": self.seconds_left}
        found = {f"RateLimit-{name}": str(value) for name, value in told.items()}
        return found | ({"Retry-After": str(self.seconds_left)} if self.is_over else {})


def not_counted(when: Callable[[HttpRequest], bool]) -> Callable[[View], View]:
    """For a view some of whose requests are bounded in another way. It goes above whatever lets the token in."""

    def decorated(view: View) -> View:
        @functools.wraps(view)
        def marked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            setattr(request, MARK, when(request))
            return view(request, *args, **kwargs)

        return marked

    return decorated


def refusal(request: HttpRequest, account: Account, token: Token | None = None) -> str | None:
    """Count this request; why it gets no further, as a sentence, or None. The answer's headers tell of it anyway.

    Not counted: what its view says so of (`not_counted`), and what a call asks inside of it.
    """
    is_counted = hasattr(request, "call_window")  # it has waited, and is asked again
    if is_counted or getattr(request, "is_inside", False) or getattr(request, MARK, False):
        return None
    window = counted(account, token)
    request.call_window = window  # type: ignore[attr-defined] # for the headers
    return window.sentence if window and window.is_over else None


def counted(account: Account, token: Token | None) -> Window | None:
    """None where any number may be made."""
    limits = {f"account-{account.pk}": ("This account", settings.ACCOUNT_CALLS_PER_MINUTE)}
    if token:
        limits[f"token-{token.pk}"] = ("This token", settings.TOKEN_CALLS_PER_MINUTE)
    limits = {key: limit for key, limit in limits.items() if limit[1]}
    if not limits:
        return None
    number, passed = divmod(clock.seconds(), WINDOW_SECONDS)
    keys = [f"calls:{key}:{number:.0f}" for key in limits]
    counts = cast(Cache, cache).count(keys, 2 * WINDOW_SECONDS)
    left = max(1, round(WINDOW_SECONDS - passed))
    windows = [Window(*limit, count, left) for limit, count in zip(limits.values(), counts, strict=True)]
    return min(windows, key=lambda window: window.limit - window.used)


class LimitHeadersMiddleware(AnswerMiddleware):
    def changed(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        window: Window | None = getattr(request, "call_window", None)
        for name, value in (window.headers if window else {}).items():
            response.headers[name] = value
        return response
