from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from jobs.models.account import Account

KEPT = timedelta(days=90)


class Invitation(models.Model):
    """A link by which somebody may make an account for one address, once. Only the link's hash is kept."""

    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail address")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    is_mailed = models.BooleanField(default=False)
    """Whether the link went to the address alone: who has it, has the address."""
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="invited_by"
    )

    class Meta:
        indexes = [models.Index(fields=["email"])]
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.email

    @classmethod
    def open(cls) -> models.QuerySet[Self]:
        """Those that still let somebody in."""
        return cls.objects.filter(used_at=None, withdrawn_at=None, expires_at__gt=Now(), invited_by__is_active=True)

    def use(self, account: Account) -> None:
        type(self).objects.filter(pk=self.pk, used_at=None).update(used_at=Now(), used_by=account)

    @classmethod
    def forget_old(cls) -> None:
        cls.objects.filter(created_at__lt=Now() - KEPT).delete()
