import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from jobs.models.account import Account


def digest(secret: str) -> str:
    """Tokens are long and random, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Token(models.Model):
    """A bearer token of the API. Only its hash is kept; the secret is shown once."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name or f"Token {self.pk}"

    @classmethod
    def issue(cls, owner: "Account", name: str = "") -> str:
        """Make a token and return its secret."""
        secret = f"vs_{secrets.token_urlsafe(32)}"
        cls.objects.create(owner=owner, name=name, digest=digest(secret))
        return secret

    @classmethod
    def find(cls, secret: str) -> Self | None:
        """The token with this secret, of an active account; marks it as used, to the minute."""
        token = cls.objects.select_related("owner").filter(digest=digest(secret), owner__is_active=True).first()
        now = timezone.now()
        # Scripts ask often, and each mark is a write that others have to wait for.
        if token and (token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1)):
            cls.objects.filter(pk=token.pk).update(last_used_at=now)
        return token
