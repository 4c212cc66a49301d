"""What a call takes of a bearer token, and what is said to one that may not do as much.

What only reads takes `read`, everything else `all`: a call that nobody thought about lets no narrow token do harm.
`work` marks those that take less, because all they do is bring recordings and put work on them.
"""

import functools
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest

from jobs.models.token import Scope, Token

View = Callable[..., Any]
SAFE = ("GET", "HEAD", "OPTIONS")
MARK = "scope_of_call"


def takes(scope: Scope) -> Callable[[View], View]:
    """For a view that takes another scope than its method tells. It goes above whatever lets the token in."""

    def decorated(view: View) -> View:
        @functools.wraps(view)
        def marked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            setattr(request, MARK, scope)
            return view(request, *args, **kwargs)

        return markcoroutinefunction(marked) if iscoroutinefunction(view) else marked

    return decorated


work = takes(Scope.WORK)
everything = takes(Scope.ALL)
"""Also for what only reads, but more than a narrow token should get."""


def needed(request: HttpRequest) -> Scope:
    marked: Scope | None = getattr(request, MARK, None)
    return marked or (Scope.READ if request.method in SAFE else Scope.ALL)


def refusal(token: Token, needed: Scope) -> str | None:
    """Why this token may not do what takes that much, as a sentence; None when it may."""
    if Scope(token.scope).includes(needed):
        return None
    enough = " or ".join(f"“{scope}”" for scope in Scope if scope.includes(needed))
    return (
        f"This token has the scope “{token.scope}”, and this takes {enough}. "
        "Make such a token on the page “API tokens” of your account."
    )
