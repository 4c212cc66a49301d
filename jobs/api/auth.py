"""Who is asking: a bearer token, or the session of a signed-in page."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest
from ninja.decorators import decorate_view
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from jobs.api.errors import ApiError
from jobs.auth import attempts, confirming, limits, scopes
from jobs.models import Account, Token

Call = TypeVar("Call", bound=Callable[..., Any])

work = decorate_view(scopes.work)
"""Below a router's method: a token with the scope “work” may make this call. Others that change things take “all”."""

everything = decorate_view(scopes.everything)
"""Only a token with the scope “all” may make this call, though it changes nothing."""


class BearerAuth(HttpBearer):
    openapi_description = "A token from /account/tokens/, or from `python manage.py createtoken EMAIL`."

    def authenticate(self, request: HttpRequest, token: str) -> Account:
        found = Token.find(token)
        if found is None:
            raise refusal(request)
        refuse_over_limit(request, found.owner, found)
        if sentence := scopes.refusal(found, scopes.needed(request)):
            raise ApiError(403, "scope", sentence)
        request.token = found  # type: ignore[attr-defined] # what it makes may not do more than itself
        request.user = found.owner  # so that views shared with the pages see the owner
        return found.owner


class SessionAuth(APIKeyCookie):
    """The last of the ways: who is not signed in here has none."""

    param_name = settings.SESSION_COOKIE_NAME
    openapi_description = "The session of a signed-in page. Unsafe methods need the header X-CSRFToken."

    def __call__(self, request: HttpRequest) -> Account:
        account = self.authenticate(request, None)
        if check_csrf(request):
            message = "The CSRF token is missing or wrong. Send it as X-CSRFToken, or use a bearer token."
            raise ApiError(403, "csrf", message)
        return account

    def authenticate(self, request: HttpRequest, key: str | None) -> Account:
        if not request.user.is_authenticated:
            raise refusal(request)
        refuse_over_limit(request, request.user)
        return request.user


def stranger(request: HttpRequest) -> Account:
    """Lets in who is not signed in, as AnonymousUser. No class, so that the document names no further way."""
    return SessionAuth()(request) if request.user.is_authenticated else request.user  # type: ignore[return-value]


ANYBODY = [BearerAuth(), stranger]
"""For a call that takes no token; one that comes has to be good. Ask `asker`, not `owner`, who calls."""


def asker(request: HttpRequest) -> Account | None:
    """Who makes a call that takes no token; None for a stranger."""
    found = request.auth  # type: ignore[attr-defined] # set by ninja
    return found if isinstance(found, Account) and found.is_authenticated else None


def refusal(request: HttpRequest) -> ApiError:
    """401, or 429 for an address that keeps trying."""
    return ApiError(429 if attempts.too_many(request) else 401)


def refuse_over_limit(request: HttpRequest, account: Account, token: Token | None = None) -> None:
    """Count the call; raises 429 when there were too many."""
    if sentence := limits.refusal(request, account, token):
        raise ApiError(429, "too_many_calls", sentence)


def token_of(request: HttpRequest) -> Token | None:
    """The token that a checked request came with; None for a session."""
    return getattr(request, "token", None)


def owner(request: HttpRequest) -> Account:
    """The account that a checked request acts for."""
    account: Account = request.auth  # type: ignore[attr-defined] # set by ninja
    return account


def refuse_unconfirmed(request: HttpRequest, *, by_sign_in: bool = True) -> None:
    """For what outlives a session, or takes everything along: raises 403 where a session asks that has not shown lately
    who it is. Tokens have their scope."""
    if token_of(request) is None and not confirming.is_confirmed(request, by_sign_in=by_sign_in):
        message = "This takes the password once more. Ask for it on the page of your account, or send a token."
        raise ApiError(403, "reauthenticate", message)


def confirmed(call: Call) -> Call:
    """Above `@idempotent`, below a router's method: `refuse_unconfirmed` first, also where an answer is kept."""

    @functools.wraps(call)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        refuse_unconfirmed(request)
        return call(request, *args, **kwargs)

    return checked  # type: ignore[return-value]
