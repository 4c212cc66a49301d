"""Passkeys, codes of an app and recovery codes: what allauth's are called here, and how their secrets are kept."""

import base64
import logging
import secrets

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django.contrib.auth.base_user import AbstractBaseUser

from jobs.auth.browsers import browser_name
from jobs.services import sealing

log = logging.getLogger(__name__)


class MFAAdapter(DefaultMFAAdapter):
    """Secrets lie in the database under a key made of SECRET_KEY, so that a copy of it signs nobody in."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right, or it has been used already. Wait for the next one.",
        "unverified_email": "Confirm your email addresses first, or remove those that are not yours.",
        "add_email_blocked": "An address cannot be added while two-factor sign-in is on. Turn it off, then add it.",
    }

    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The secret; one that nothing fits where SECRET_KEY is another by now: no code is right then."""
        try:
            return sealing.unseal(encrypted_text)
        except sealing.Unreadable:
            log.error("a second factor was kept under another SECRET_KEY: remove it in the admin, and set it up anew")
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        return browser_name(context.request.headers.get("User-Agent", ""))


class AddPasskeyForm(AddWebAuthnForm):
    """One that signs in by itself is what most people want; a plain security key is the exception."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["maxlength"] = 60
        passwordless = self.fields["passwordless"]
        passwordless.initial = True
        passwordless.label = "Sign in with it alone"
        passwordless.help_text = (
            "Your device then asks for your finger, face or PIN. Without this it comes after a password."
        )
