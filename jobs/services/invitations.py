"""Invitations: who has an account lets somebody else have one."""

import secrets
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from jobs.errors import InputError
from jobs.models import Account, Invitation
from jobs.models.token import digest

LASTS = timedelta(days=7)
MOST_A_DAY = 20
"""How many one account may send within 24 hours, withdrawn ones too: each may be a letter to a stranger."""


def invite(by: Account, email: str, *, is_mailed: bool) -> tuple[Invitation, str]:
    """Make an invitation. Returns it with the secret of its link, which is not kept.

    An earlier one of theirs to the same address ends with it. Raises InputError (too_many).
    """
    if by.invitations.filter(created_at__gt=Now() - timedelta(days=1)).count() >= MOST_A_DAY:
        raise InputError("You have invited as many people as you may within a day. Go on tomorrow.", code="too_many")
    email = email.lower()
    withdraw(by, Invitation.open().filter(email=email))
    secret = secrets.token_urlsafe(32)
    made = Invitation.objects.create(
        invited_by=by, email=email, digest=digest(secret), is_mailed=is_mailed, expires_at=Now() + LASTS
    )
    return made, secret


def withdraw(by: Account, invitations: QuerySet[Invitation]) -> int:
    """End those that are theirs and still open. Returns how many these were."""
    open_ones = list(invitations.filter(invited_by=by, used_at=None, withdrawn_at=None).values_list("pk", flat=True))
    return Invitation.objects.filter(pk__in=open_ones, used_at=None).update(withdrawn_at=Now())


def find(secret: str) -> Invitation | None:
    """The open invitation of a link; none when there is an account with its address by now."""
    return _free(Invitation.open().filter(digest=digest(secret)).first())


def for_address(email: str) -> Invitation | None:
    return _free(Invitation.open().filter(email=email.lower()).first())


def of(account: Account) -> list[Invitation]:
    """What an account has sent, the newest first, each with `now` of the database."""
    return list(account.invitations.filter(withdrawn_at=None).annotate(now=Now()))


def is_taken(email: str) -> bool:
    return Account.objects.filter(email__iexact=email).exists()


def _free(invitation: Invitation | None) -> Invitation | None:
    return None if invitation is None or is_taken(invitation.email) else invitation
