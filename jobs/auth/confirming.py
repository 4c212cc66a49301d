"""Whether who asks by a session has shown lately who they are.

A session lasts for weeks, and may be in a browser that was left open. What outlives it, or takes everything along,
needs the password once more, or another proof; who signed in just now has given it.
"""

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

R = TypeVar("R", bound=HttpResponseBase)
SAFE = ("GET", "HEAD", "OPTIONS")


def is_confirmed(request: HttpRequest, *, by_sign_in: bool = True) -> bool:
    """Whether that was within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds; `by_sign_in` lets the sign-in itself count."""
    if by_sign_in and _signed_in_lately(request):
        return True
    try:
        reauthentication_required(lambda request: HttpResponse())(request)
    except ReauthenticationRequired:
        return False
    return True


def _signed_in_lately(request: HttpRequest) -> bool:
    if not request.user.is_authenticated:
        return False
    begins = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
    return any(one["at"] > begins for one in get_authentication_records(request, request.user))


def confirmed(view: Callable[..., R]) -> Callable[..., R]:
    """For a view of a page, below `member`: before a form does anything who sent it is asked for proof. Then it goes
    on with what was sent; so its answer stands at the address of that question, and forms in it name their own."""

    @functools.wraps(view)
    def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> R:
        if request.method not in SAFE and not is_confirmed(request):
            raise ReauthenticationRequired  # allauth asks, and keeps what was sent in the session
        return view(request, *args, **kwargs)

    return asking
