"""Pages for those who are signed in. Who is not, any more, signs in and comes back to the page, with what was typed; so
does who sent a form to what is in the trash meanwhile, and takes it out."""

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from jobs.auth.access import refused
from jobs.auth.requests import PageRequest

View = Callable[..., Any]
TYPED = "typed"
"""The cookie that carries a form over the sign-in or the way out of the trash, signed: strangers make no rows."""
LONGEST = 3500
"""Characters of that cookie; browsers take about 4000. A longer form is not carried."""
TYPED_SECONDS = 3600


class NotThere(Http404):
    """What a form was sent to has gone. `page` is the address of the page that the form belongs to."""

    def __init__(self, page: str) -> None:
        super().__init__("a form was sent to what is not there")
        self.page = page


def member(view: View) -> View:
    """Let in who is signed in. Scripts of a page that is still open are only told: what it shows stays."""

    @functools.wraps(view)
    def guarded(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.htmx:
            return refused(401, "unauthorized", "You are signed out. Sign in again, then try once more.")
        return redirect_to_login(request.get_full_path() if request.method in ("GET", "HEAD") else request.path)

    return guarded


def changes(page: str, *names: str) -> Callable[[View], View]:
    """For an address that takes forms only and belongs to `page`, the name of a route with these arguments of its own.

    Who asks for it without a form, as a browser does after signing in or by a bookmark, gets the page.
    """

    def decorate(view: View) -> View:
        guarded = member(view)

        @functools.wraps(view)
        def changing(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            address = reverse(page, args=[kwargs[name] for name in names])
            if request.method != "POST":
                return redirect(address)
            if request.user.is_authenticated or request.htmx:
                try:
                    return guarded(request, *args, **kwargs)
                except Http404 as error:
                    raise NotThere(address) from error
            return keep_typed(request, address, redirect_to_login(address))

        return changing

    return decorate


def keep_typed(request: HttpRequest, page: str, response: HttpResponse) -> HttpResponse:
    """Send what was typed along, for when `page` is asked for again."""
    data = request.POST.copy()
    data.pop("csrfmiddlewaretoken", None)
    signed = signing.dumps([page, data.urlencode()], salt=TYPED, compress=True)
    if data and len(signed) <= LONGEST:
        response.set_cookie(
            TYPED, signed, TYPED_SECONDS, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
        )
    return response


def typed(request: HttpRequest) -> QueryDict | None:
    """What was typed on this page before its owner had to sign in again, or to take it out of the trash. Say it, and
    `forget_typed` with the answer."""
    try:
        page, data = signing.loads(request.COOKIES.get(TYPED, ""), salt=TYPED, max_age=TYPED_SECONDS)
    except signing.BadSignature:
        return None
    if page != request.path:
        return None
    messages.info(request, "What you had entered is still here: send it again.")
    return QueryDict(data)


def forget_typed(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(TYPED, samesite="Lax")
    return response
