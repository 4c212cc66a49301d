from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from jobs.models.account import Account

KEPT = timedelta(days=90)


class SignIn(models.Model):
    """One try to sign in with a password, for operators to look at. `email` is what was typed."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sign_ins")
    email = models.CharField("e-mail address", max_length=254)
    succeeded = models.BooleanField()
    address = models.GenericIPAddressField("from")
    browser = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = "sign-in"

    def __str__(self) -> str:
        return f"{self.email}, {'signed in' if self.succeeded else 'refused'}"

    @classmethod
    def record(cls, email: str, *, address: str, browser: str, succeeded: bool) -> Self:
        return cls.objects.create(
            account=Account.objects.filter(email__iexact=email).first(),
            email=email[:254],
            address=address,
            browser=browser[:200],
            succeeded=succeeded,
        )

    @classmethod
    def forget_old(cls) -> None:
        cls.objects.filter(at__lt=Now() - KEPT).delete()
