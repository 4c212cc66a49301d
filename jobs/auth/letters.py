"""Letters that tell an account of a change to how it is signed in to."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from jobs.auth.browsers import browser_name

CHANGES = {
    "account/email/password_changed": "Your password has been changed",
    "account/email/password_set": "A password has been chosen for your account",
    "account/email/password_reset": "Your password has been changed by a link from a letter",
    "account/email/email_changed": "The address of your account is now {to_email}",
    "account/email/email_confirm": "Your address has been confirmed",
    "account/email/email_deleted": "The address {deleted_email} does not belong to your account any more",
    "mfa/email/totp_activated": "An authenticator app has been set up for your account",
    "mfa/email/totp_deactivated": "The authenticator app has been turned off for your account",
    "mfa/email/recovery_codes_generated": "New recovery codes have been made for your account",
    "mfa/email/webauthn_added": "A passkey has been added to your account",
    "mfa/email/webauthn_removed": "A passkey has been removed from your account",
    "socialaccount/email/account_connected": "Your account has been connected with {provider}",
    "socialaccount/email/account_disconnected": "Your account is not connected with {provider} any more",
}
"""In words, by the names of allauth's letters."""
NOTIFICATION = "account/email/notification"


def of_change(prefix: str, context: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The template of a letter, by the beginning of its name, and what it is filled with: one for all changes, and any
    other letter as it is."""
    if prefix not in CHANGES:
        return prefix, context
    company = settings.COMPANY.name if settings.COMPANY else "another service"
    facts = {
        "told": CHANGES[prefix].format_map({"provider": company, **context}),
        "browser": browser_name(str(context.get("user_agent", ""))),
        "security": f"{settings.SITE_URL}{reverse('security')}",
    }
    return NOTIFICATION, {**context, **facts}
