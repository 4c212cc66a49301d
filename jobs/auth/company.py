"""Sign-in by a company's own service: whose account it is, whether there may be a new one, and who is an operator."""

import logging
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import user_logged_in
from allauth.account.utils import user_email
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.shortcuts import render

from jobs.models import Account
from jobs.services import accounts, invitations
from videoservice.company import Company

log = logging.getLogger(__name__)


class CompanyAdapter(DefaultSocialAccountAdapter):
    """Accounts are joined on an address that both sides have verified, and on nothing else.

    An account that somebody made under an address that is not theirs would be handed over to its owner with all that
    was prepared in it (tokens, passkeys, webhooks); so it is not joined either.
    """

    def authenticate_by_email(self, sociallogin: SocialLogin) -> Any:
        for address in sociallogin.email_addresses:
            address.verified = is_true(address.verified)
        return super().authenticate_by_email(sociallogin)

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        return EmailAddress.objects.filter(email__iexact=email, verified=True).exists()

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse, with what to do, what would end in an account of nobody's or in somebody else's."""
        if sociallogin.is_existing or sociallogin.state.get("process") != "login":
            return
        verified = [address.email for address in sociallogin.email_addresses if address.verified]
        if not verified:
            raise _refusal(request, "unverified")
        if is_taken(verified[0]):
            raise _refusal(request, "taken", email=verified[0])

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """By the same rules as the page: the service says who somebody is, SIGNUP whether they may have an account."""
        if settings.SIGNUP == "open" or not Account.objects.exists():
            return True
        email = address_of(sociallogin)
        return settings.SIGNUP == "invite" and invitations.for_address(email) is not None

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Account:
        account: Account = super().populate_user(request, sociallogin, data)
        account.email = account.email.lower()
        account.name = str(data.get("name") or "")[: Account._meta.get_field("name").max_length]
        return account

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> Account:
        invitation = invitations.for_address(address_of(sociallogin))
        account: Account = super().save_user(request, sociallogin, form)
        account.claim_install()
        if invitation:
            invitation.use(account)
        return account

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        log.warning("signing in by %s failed: %s %s", provider, error, type(exception).__name__ if exception else "")


def is_true(claim: Any) -> bool:
    """Some services send words: "false" is not true."""
    return claim is True or str(claim).lower() == "true"


def is_taken(email: str) -> bool:
    has_account = Account.objects.filter(email__iexact=email).exists()
    return has_account or EmailAddress.objects.filter(email__iexact=email).exists()


def groups(sociallogin: SocialLogin, company: Company) -> set[str]:
    """The groups that the service says somebody is in; none where it says nothing of groups."""
    data = sociallogin.account.extra_data
    claims = {**(data.get("id_token") or {}), **(data.get("userinfo") or {})}
    found = claims.get(company.groups_claim) or []
    return {found} if isinstance(found, str) else {str(group) for group in found}


def set_operator(account: Account, is_operator: bool) -> None:
    """Make an operator of an account, or no longer; the last operator stays one."""
    with transaction.atomic():
        # Of two operators who sign in at once one is the last.
        list(Account.objects.select_for_update().filter(is_staff=True, is_active=True).values_list("pk"))
        account.refresh_from_db(fields=["is_staff", "is_superuser"])
        if account.is_staff == is_operator:
            return
        if not is_operator and accounts.is_last_operator(account):
            log.warning("%s is in no group of operators, but the last one: stays operator", account)
            return
        account.is_staff = account.is_superuser = is_operator
        account.save(update_fields=["is_staff", "is_superuser"])
    log.info("%s %s, by groups", account, "is an operator now" if is_operator else "is no operator any more")


@receiver(user_logged_in)
def _on_signed_in(user: Account, sociallogin: SocialLogin | None = None, **kwargs: Any) -> None:
    company = settings.COMPANY
    if sociallogin is not None and company and company.operator_group:
        set_operator(user, company.operator_group in groups(sociallogin, company))


def address_of(sociallogin: SocialLogin) -> str:
    """What the service says is their address; "" for none."""
    return (user_email(sociallogin.user) if sociallogin.user else None) or ""


def _refusal(request: HttpRequest, reason: str, **context: Any) -> ImmediateHttpResponse:
    log.warning("refused to sign in by %s: %s", settings.COMPANY and settings.COMPANY.name, reason)
    values = {"reason": reason, "company": settings.COMPANY, **context}
    return ImmediateHttpResponse(render(request, "socialaccount/refused.html", values, status=403))
