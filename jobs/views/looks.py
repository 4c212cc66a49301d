"""Cards or a list: what somebody last chose for the library, kept in a cookie, for it is about this screen."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

CARDS, LIST = "cards", "list"
COOKIE = "look"
YEAR_SECONDS = 365 * 86400


def look_of(request: HttpRequest) -> str:
    """As an open page says of itself (`look`), else as was last chosen in this browser."""
    asked = request.GET.get("look") or request.COOKIES.get(COOKIE)
    return LIST if asked == LIST else CARDS


def chosen(request: HttpRequest) -> HttpResponse | None:
    """To the same page, with what its `view` chooses remembered; None where it chooses nothing."""
    look = request.GET.get("view")
    if look not in (CARDS, LIST):
        return None
    query = request.GET.copy()
    del query["view"]
    response = redirect(f"{request.path}?{query.urlencode()}" if query else request.path)
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(COOKIE, look, YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax")
    return response
