"""Tokens of the API, as their owners make them."""

from datetime import datetime

from django.db import transaction
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from jobs.errors import InputError
from jobs.models import Account, Scope, Token

MOST = 100
"""How many an account may have."""


def make(
    owner: Account, name: str, scope: Scope, expires_at: datetime | Combinable | None, by: Token | None = None
) -> tuple[Token, str]:
    """A new token and its secret. `by` is the token that asks for it, which may hand on no more than it has.

    Raises InputError for an end that has passed, for more than MOST, and for more than `by` may do.
    """
    if by and not Scope(by.scope).includes(scope):
        raise InputError(
            f"A token with the scope “{by.scope}” can make none with “{scope}”. Choose a narrower one.", code="scope"
        )
    with transaction.atomic():
        token, secret = Token.make(owner, name, scope, expires_at)
        token.refresh_from_db(fields=["expires_at"])
        if Token.objects.filter(pk=token.pk, expires_at__lte=Now()).exists():
            raise InputError("This end has passed. Choose a later one.", code="expires_at")
        if by and by.expires_at and (token.expires_at is None or token.expires_at > by.expires_at):
            raise InputError(
                f"The token that asks ends at {by.expires_at.isoformat()}. Choose an end that is no later.",
                code="expires_at",
            )
        if owner.tokens.count() > MOST:
            raise InputError(f"You have {MOST} tokens. Revoke those that nothing uses any more.", code="too_many")
    return token, secret


def revoke(token: Token) -> None:
    """Whatever sends it is nobody from now on."""
    token.delete()
