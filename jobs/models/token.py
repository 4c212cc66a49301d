import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import OperationalError, models
from django.db.models import Q
from django.db.models.functions import Now

from jobs.models.made_at import MadeAtField
from jobs.prepared_row import Given, PreparedRow

if TYPE_CHECKING:
    from jobs.models.account import Account

BEGINNING = 7
"""How many characters of a secret are kept to tell it by: `vs_` and four of the 43 that nobody can guess."""
MARKED_EVERY = timedelta(minutes=1)


def digest(secret: str) -> str:
    """Tokens are long and random, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Scope(models.TextChoices):
    """How much a token may do. Each may what those before it may."""

    READ = "read", "Read"
    WORK = "work", "Work"
    ALL = "all", "Everything"

    def includes(self, other: "Scope") -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(other)

    @classmethod
    def widest(cls, scopes: Iterable[str]) -> "Scope":
        return max((cls(scope) for scope in scopes), key=list(cls).index)


class Token(models.Model):
    """A bearer token of the API. Only its hash is kept; the secret is shown once."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    begins = models.CharField("begins with", max_length=12, blank=True, editable=False)
    """The beginning of the secret, to find out which one a script has; empty for old tokens."""
    scope = models.CharField("may", max_length=8, choices=Scope, default=Scope.ALL)
    created_at = MadeAtField()
    expires_at = models.DateTimeField("ends", null=True, blank=True)
    """By the database's clock; null for no end."""
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name or f"Token {self.pk}"

    @classmethod
    def make(cls, owner: "Account", name: str = "", scope: str = Scope.ALL, expires_at: Any = None) -> tuple[Self, str]:
        """A new token and its secret. `expires_at` is a time or an expression for one."""
        secret = f"vs_{secrets.token_urlsafe(32)}"
        token = cls.objects.create(
            owner=owner,
            name=name,
            digest=digest(secret),
            begins=secret[:BEGINNING],
            scope=scope,
            expires_at=expires_at,
        )
        return token, secret

    @classmethod
    def issue(cls, owner: "Account", name: str = "", scope: str = Scope.ALL, expires_at: Any = None) -> str:
        """Make a token and return its secret."""
        return cls.make(owner, name, scope, expires_at)[1]

    @classmethod
    def find(cls, secret: str) -> "Token | None":
        """The token with this secret that has not ended, of an active account; marks it as used, to the minute."""
        token = LIVE.find(digest=digest(secret))
        # Scripts ask often, and each mark is a write that others have to wait for.
        used = token and token.last_used_at
        if token and (used is None or token.now - used > MARKED_EVERY):  # type: ignore[attr-defined] # annotated
            with suppress(OperationalError):  # of a database that may only be read for now, people may go on reading
                cls.objects.filter(pk=token.pk).update(last_used_at=Now())
        return token


def _live() -> models.QuerySet[Token]:
    """Those that have not ended, with whose they are, and the present by the same clock."""
    live = Q(expires_at=None) | Q(expires_at__gt=Now())
    found = Token.objects.select_related("owner").filter(live, owner__is_active=True)
    return found.filter(digest=Given("digest", models.CharField())).annotate(now=Now())


LIVE = PreparedRow(_live)
