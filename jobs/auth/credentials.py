"""Who is known by a session or a token, asked outside of Django's requests."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.db import connections
from django.utils import timezone
from django.utils.crypto import constant_time_compare

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
    return signed_in_all([session_key]).get(session_key)


def signed_in_all(session_keys: Iterable[str]) -> dict[str, Account]:
    """Whose sessions these are, in two queries however many there are; those that are over are left out.

    What `auth.get_user` looks at for one: who it names may still sign in, and has the password that it began with.
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    alive = store.get_model_class().objects.filter(session_key__in=set(session_keys), expire_date__gt=timezone.now())
    found = {row.session_key: store.decode(row.session_data) for row in alive}
    named = {key: data[auth.SESSION_KEY] for key, data in found.items() if _is_of_ours(data)}
    accounts = {str(one.pk): one for one in Account.objects.filter(pk__in=set(named.values()), is_active=True)}
    hashes = {pk: _hashes(account) for pk, account in accounts.items()}
    return {
        key: accounts[pk]
        for key, pk in named.items()
        if any(constant_time_compare(found[key].get(auth.HASH_SESSION_KEY, ""), one) for one in hashes.get(pk, ()))
    }


def _is_of_ours(data: Mapping[str, Any]) -> bool:
    known = data.get(auth.BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
    return known and str(data.get(auth.SESSION_KEY, "")).isdecimal()


def _hashes(account: Account) -> list[str]:
    """Of the password, with the secret key and with those before it."""
    return [account.get_session_auth_hash(), *account.get_session_auth_fallback_hash()]
