"""Who is known by a session or a token, asked outside of Django's requests."""

import dataclasses
from collections.abc import Callable
from importlib import import_module

from django.conf import settings
from django.contrib import auth
from django.db import connections
from django.http import HttpRequest

from jobs.auth import scopes
from jobs.models import Account, Scope, Token
from videoservice.refusals import SIGN_IN, Refusal


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What a request brings: the key of a session, and the secret of a bearer token, which then counts alone."""

    session_key: str
    secret: str

    def __bool__(self) -> bool:
        return bool(self.session_key or self.secret)

    def refusal(self, of_account: Callable[[Account], Refusal | None]) -> Refusal | None:
        """Why nothing long is taken in from them; None when it is. A token that only reads has nothing long to send;
        `of_account` says what else speaks against it, by whose they are.

        For a thread outside of Django's: leaves no connection to the database open."""
        try:
            if not self.secret:
                account = signed_in(self.session_key)
                return of_account(account) if account else SIGN_IN
            token = Token.find(self.secret)
            if token is None:
                return SIGN_IN
            sentence = scopes.refusal(token, Scope.WORK)
            return Refusal("403 Forbidden", "scope", sentence) if sentence else of_account(token.owner)
        finally:
            connections.close_all()


def signed_in(session_key: str) -> Account | None:
    """Whose session this is; None when it is over."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = auth.get_user(request)
    return user if isinstance(user, Account) and user.is_active else None
