"""Where somebody is signed in, and that open pages hear of it at once when they no longer are."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_out
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from jobs import clock, publish
from jobs.models import Account, PushBrowser
from jobs.models.token import digest

SEEN_SECONDS = 300
"""How exactly it is told when a session was used last."""
MOMENT_SECONDS = 10
"""How long a process does not ask Redis again whether a session is to be noted: players ask many times a second."""
MOST_REMEMBERED = 10_000


class SeenMiddleware:
    """Note when and from where a session was used. allauth's own writes with every request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._until: dict[str, float] = {}
        """When each session may be noted again, as far as this process remembers."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        key = request.session.session_key
        if key and response.status_code < 500 and self._is_due(key) and _is_of_asker(request):
            self.note(request, key)
        return response

    def _is_due(self, key: str) -> bool:
        return self._until.get(key, 0.0) <= time.monotonic()

    def note(self, request: HttpRequest, key: str) -> None:
        try:
            if cache.add(f"seen:{digest(key)}", 1, SEEN_SECONDS):
                UserSession.objects.create_from_request(request)
        except DatabaseError:  # what was asked for has been answered
            cache.delete(f"seen:{digest(key)}")
            return
        if len(self._until) >= MOST_REMEMBERED:
            self._until.clear()
        self._until[key] = time.monotonic() + MOMENT_SECONDS


def _is_of_asker(request: HttpRequest) -> bool:
    """Whether the session is that of the account that asks: a bearer token stands before it, and may be another one's.
    Noted as that one's, the session would be out of its owner's sight, and go on when they sign out everywhere."""
    return request.user.is_authenticated and request.session.get(SESSION_KEY) == str(request.user.pk)


def of(account: Account) -> list[UserSession]:
    """The sessions of an account that are not over, the one used last first."""
    return sorted(UserSession.objects.purge_and_list(account), key=lambda one: one.last_seen_at, reverse=True)


def people() -> int:
    """How many have used a page within ten minutes: when a session was seen last is noted every five."""
    since = clock.now() - timedelta(seconds=2 * SEEN_SECONDS)
    return UserSession.objects.filter(last_seen_at__gte=since).order_by().values("user").distinct().count()


def end(sessions: list[UserSession]) -> None:
    get_adapter().end_sessions(sessions)


def _look_again(account_pk: int) -> None:
    """The pages of an account ask whether their sessions are still good."""
    transaction.on_commit(lambda: publish.tell([account_pk]))


def _forget_browser(session_key: str) -> None:
    """Who has signed out there is not told there either."""
    PushBrowser.objects.filter(session=digest(session_key)).delete()


@receiver(post_delete, sender=UserSession)
def _on_session_ended(instance: UserSession, **kwargs: Any) -> None:
    _forget_browser(instance.session_key)
    _look_again(instance.user_id)


@receiver(user_logged_out)
def _on_signed_out(user: Account | None, request: HttpRequest, **kwargs: Any) -> None:
    _forget_browser(request.session.session_key or "")
    if user is not None:
        _look_again(user.pk)


@receiver(post_save, sender=Account)
def _on_account_changed(instance: Account, created: bool, **kwargs: Any) -> None:
    """Another password ends the other sessions, closing an account all of them."""
    is_new_password = getattr(instance, "_password", None) is not None
    if not created and (is_new_password or not instance.is_active):
        _look_again(instance.pk)
    if not instance.is_active:
        PushBrowser.objects.filter(owner=instance.pk).delete()
