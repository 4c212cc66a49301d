"""Making an account without a page, by the rules of the page: allauth's form, its letters, and a limit on tries."""

import dataclasses
from importlib import import_module

from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from jobs.auth import attempts
from jobs.models import Account
from jobs.services import accounts

MOST, SECONDS = 20, 3600
"""How many accounts one visitor may ask for, and in which time."""
FIELDS = {"password1": "password"}
"""What fields of the form are called by those who call."""


class Closed(Exception):
    """Nobody makes an account by themselves here."""


class TooMany(Exception):
    """This visitor has asked for MOST of them."""


@dataclasses.dataclass(frozen=True)
class SignedUp:
    """`account` is None where a letter has to be answered first: whether the address was taken is not told then."""

    email: str
    account: Account | None


def sign_up(request: HttpRequest, email: str, password: str, name: str = "") -> SignedUp:
    """Make an account for a stranger, who is not signed in by it.

    Raises Closed, TooMany, and ValidationError with what is wrong with `email` or `password`.
    """
    if not get_adapter().is_open_for_signup(request):
        raise Closed
    if attempts.too_many(request, "signup", most=MOST, seconds=SECONDS):
        raise TooMany
    form = SignupForm({"email": email, "password1": password})
    if not form.is_valid():
        raise ValidationError({FIELDS.get(field, field): errors for field, errors in form.errors.as_data().items()})
    email = form.cleaned_data["email"]
    try:
        return _made(request, form, email, name)
    finally:  # allauth may have begun a session for it
        request.session = import_module(settings.SESSION_ENGINE).SessionStore()


def _made(request: HttpRequest, form: SignupForm, email: str, name: str) -> SignedUp:
    if form.account_already_exists:
        get_adapter().send_account_already_exists_mail(email)
        return SignedUp(email, None)
    account = form.save(request)
    assert isinstance(account, Account)
    accounts.rename(account, name)
    if not settings.EMAIL_URL:
        return SignedUp(email, account)
    EmailAddress.objects.get(user=account, email=email).send_confirmation(request, signup=True)
    return SignedUp(email, None)
