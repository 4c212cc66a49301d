"""How somebody last chose to see the library, cards or a list, some or many at once: kept in cookies, for it is about
this screen."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

CARDS, LIST = "cards", "list"
CHOICES = {"view": ("look", (CARDS, LIST)), "at_once": ("many", ("0", "1"))}
"""By the parameter of an address that chooses: the cookie that remembers it, and what there is to choose from."""
YEAR_SECONDS = 365 * 86400


def look_of(request: HttpRequest) -> str:
    """As an open page says of itself, else as was last chosen in this browser."""
    return LIST if _of(request, "look") == LIST else CARDS


def many_of(request: HttpRequest) -> bool:
    """The same of whether a page shows many at once."""
    return _of(request, "many") == "1"


def _of(request: HttpRequest, name: str) -> str:
    return request.GET.get(name) or request.COOKIES.get(name, "")


def chosen(request: HttpRequest) -> HttpResponse | None:
    """To the same page, with what its address chooses remembered; None where it chooses nothing."""
    asked = {name: request.GET[name] for name, (_, values) in CHOICES.items() if request.GET.get(name) in values}
    if not asked:
        return None
    query = request.GET.copy()
    for name in asked:
        del query[name]
    response = redirect(f"{request.path}?{query.urlencode()}" if query else request.path)
    for name, value in asked.items():
        secure = settings.SESSION_COOKIE_SECURE
        response.set_cookie(CHOICES[name][0], value, YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax")
    return response
