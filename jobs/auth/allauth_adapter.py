"""How allauth makes our accounts and lets them in."""

import logging
import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse

from jobs.auth import attempts, invited, letters
from jobs.models import Account, SignIn
from videoservice.visitors import plain, visitor

log = logging.getLogger(__name__)
KNOWN_COOKIE = "known"
"""Marks a browser in which somebody has signed in before."""
KNOWN_SALT = "known browser"
KNOWN_SECONDS = 365 * 24 * 3600
TAKEN_TRIES, TAKEN_SECONDS = 10, 3600
"""How many addresses that are taken one visitor may try to sign up with, and in which time."""


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """The first account can always be made: an install needs an operator."""
        if settings.COMPANY and settings.COMPANY.only:
            return False  # its service makes them: jobs.auth.company
        if settings.SIGNUP == "open" or not Account.objects.exists():
            return True
        place = getattr(request, "resolver_match", None)  # the page's form holds to the invited address, no other does
        is_page = place is not None and place.url_name == "account_signup"
        return settings.SIGNUP == "invite" and is_page and invited.accepted(request) is not None

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Who comes by the link of a letter has the address that it was sent to."""
        return invited.has_shown(request, email) or super().is_email_verified(request, email)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Where the entrance leads straight to a company's service, it would sign in again at once."""
        address = super().get_logout_redirect_url(request)
        return f"{address}?stay" if settings.COMPANY and settings.COMPANY.only else address

    def clean_email(self, email: str) -> str:
        """Where letters confirm addresses, signing up with a taken one looks like any other. Without mail it has to be
        refused, which tells that it is taken; so nobody may find out many.

        What a company's service says is cleaned by this too, but typed by nobody.
        """
        place = getattr(self.request, "resolver_match", None)
        is_typed = not (place and place.url_name == "openid_connect_callback")
        is_told = is_typed and not settings.EMAIL_URL and Account.objects.filter(email__iexact=email).exists()
        if is_told and attempts.too_many(self.request, "taken", most=TAKEN_TRIES, seconds=TAKEN_SECONDS):
            raise ValidationError("There were too many attempts. Wait an hour, then try again.")
        return super().clean_email(email)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Limits go by it, and the record of sign-ins shows it."""
        return plain(super().get_client_ip(request))

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        prefix, filled = letters.of_change(template_prefix, context)
        return super().render_mail(prefix, email, filled, headers)

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Account:
        invitation = invited.accepted(request)
        account = super().save_user(request, user, form, commit)
        assert isinstance(account, Account)
        if commit:
            account.claim_install()
        if commit and invitation and invitation.email == account.email.lower():
            invitation.use(account)
        return account

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Who is counted when passwords are guessed for an address: not the address, but the visitor who tries.

        Counting the address would let anybody lock its owner out. A browser that the owner has signed in with before
        counts for itself, so that not even a neighbour behind the same router can do that.
        """
        key = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}:{known_browser(request, credentials.get('email', '')) or visitor(self.get_client_ip(request))}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        if settings.COMPANY and settings.COMPANY.only and not request.user.is_authenticated:
            raise ValidationError(f"Sign in by {settings.COMPANY.name}.")
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:  # no row: it would let strangers fill the table as fast as they can ask
            log.warning("too many sign-ins for %r from %s", credentials.get("email"), self.get_client_ip(request))
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        self._record(request, str(credentials.get("email", "")), succeeded=False)

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        assert isinstance(user, Account)
        response = super().post_login(request, user, **kwargs)
        self._record(request, user.email, succeeded=True)
        remember_browser(response, user)
        return response

    def _record(self, request: HttpRequest, email: str, *, succeeded: bool) -> None:
        address, browser = self.get_client_ip(request), request.headers.get("User-Agent", "")
        SignIn.record(email, address=address, browser=browser, succeeded=succeeded)
        log.info("%s %r from %s", "signed in:" if succeeded else "refused to sign in:", email, address)


def known_browser(request: HttpRequest, email: str) -> str:
    """What names this browser if this address has signed in with it before, else nothing."""
    value = request.get_signed_cookie(KNOWN_COOKIE, "", salt=KNOWN_SALT, max_age=KNOWN_SECONDS)
    name, _, pk = (value or "").partition(":")
    is_theirs = pk.isdigit() and Account.objects.filter(pk=int(pk), email__iexact=email).exists()
    return name if is_theirs else ""


def remember_browser(response: HttpResponse, account: Account) -> None:
    response.set_signed_cookie(
        KNOWN_COOKIE,
        f"{secrets.token_urlsafe(12)}:{account.pk}",
        salt=KNOWN_SALT,
        max_age=KNOWN_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
