"""Who is asking, and what is theirs. Whatever belongs to somebody else does not exist: 404."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect

from jobs.auth import attempts, limits, scopes
from jobs.errors import Busy
from jobs.models import Account, Token
from jobs.prepared_row import Given, PreparedRow
from videoservice.errors import wants_page

M = TypeVar("M", bound=models.Model)
View = Callable[..., Any]
UNKNOWN = "Sign in, or send a token that is valid and has not ended in the header “Authorization: Bearer …”."
TOO_MANY = "There were too many attempts. Wait a minute, then try again."


def signed_in(view: View) -> View:
    """Let in who has a session or a bearer token; works on plain and async views.

    A bearer token has to have the scope that the view takes (`jobs.auth.scopes`). It needs no CSRF token, because no
    browser sends it by itself. A session does, for every unsafe method, and is checked for one here instead of in the
    middleware.
    """
    if iscoroutinefunction(view):

        @functools.wraps(view)
        async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            refusal = await sync_to_async(_refusal)(request)
            return refusal or await view(request, *args, **kwargs)
    else:

        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return _refusal(request) or view(request, *args, **kwargs)

    guarded.csrf_exempt = True  # type: ignore[attr-defined]
    return guarded


def owned(model: type[M], owner: Any, pk: UUID | str) -> M:
    """The object of this owner, or 404."""
    try:
        found = _of_owner(model).find(owner=owner.pk, pk=pk)
    except (ValidationError, ValueError) as error:
        raise Http404 from error
    if found is None:
        raise Http404
    return found


@functools.cache
def _of_owner(model: type[M]) -> PreparedRow[M]:
    """The row of a key that is an owner's."""
    owner, pk = Given("owner", Account._meta.pk), Given("pk", model._meta.pk)
    return PreparedRow(lambda: model._default_manager.of(owner).filter(pk=pk))  # type: ignore[attr-defined]


def refused(status: int, code: str, message: str, **headers: str) -> JsonResponse:
    """An error as scripts read it, which says of a busy server when to ask again."""
    response = JsonResponse({"error": {"code": code, "message": message}}, status=status, headers=headers)
    if status == 503:
        response.headers.setdefault("Retry-After", str(Busy.retry_after_seconds))
    return response


def bearer(request: HttpRequest) -> str | None:
    """The secret of the Authorization header. Other schemes may be those of a proxy in front and are passed over."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Why this request gets no further, or None. Sets the user of a token."""
    if (secret := bearer(request)) is not None:
        token = Token.find(secret)
        if token is None:
            return refused(429, "too_many_requests", TOO_MANY) if attempts.too_many(request) else _unknown()
        if sentence := limits.refusal(request, token.owner, token):
            return refused(429, "too_many_calls", sentence)
        if sentence := scopes.refusal(token, scopes.needed(request)):
            return refused(403, "scope", sentence)
        request.user = token.owner
        return None
    if not isinstance(request.user, Account) or not request.user.is_authenticated:
        return _sign_in_first(request)
    return _Csrf(_checked).process_view(request, _checked, (), {})


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(resolve_url(settings.LOGIN_URL))
    if wants_page(request):
        return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
    return _unknown()


def _unknown() -> HttpResponse:
    return refused(401, "unauthorized", UNKNOWN, **{"WWW-Authenticate": "Bearer"})


def _checked(request: HttpRequest) -> HttpResponse:
    """Stands for the view in Django's check."""
    return HttpResponse()


class _Csrf(CsrfViewMiddleware):
    """Django's own check, with an answer that scripts can read."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        if wants_page(request):
            return super()._reject(request, reason)  # type: ignore[misc]
        return refused(403, "csrf", "This page is out of date. Load it again and try once more.")
