import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from jobs import clock
from jobs.models.made_at import MadeAtField

if TYPE_CHECKING:
    from jobs.models.account import Account


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def of(self, owner: "Account") -> "WebhookQuerySet":
        return self.filter(owner=owner)

    def active(self) -> "WebhookQuerySet":
        return self.filter(paused_at=None)

    def mail_due(self) -> "WebhookQuerySet":
        return self.filter(mail_at__lte=Now())


class Webhook(models.Model):
    """An address of an account that is called when something happens to its recordings, jobs and chains.

    Changed by `services.webhooks` alone. All times are the database's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField("address", max_length=2000)
    events = models.JSONField(default=list)
    """The kinds of events that it is told, as `services.events.Kind` calls them."""
    secret = models.TextField(editable=False)
    """What deliveries are signed with, as `services.sealing` keeps it: to sign it has to be read again."""
    old_secret = models.TextField(blank=True, editable=False)
    old_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    """The secrets before the present one sign along until then; sealed together, with spaces between them."""
    created_at = MadeAtField()
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    """When the first try failed since the last one that succeeded; None while all is well."""
    failures = models.PositiveIntegerField(default=0, editable=False)
    """How many tries failed since."""
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_reason = models.CharField(max_length=500, blank=True, editable=False)
    """Why the site switched it off; "" where its owner did."""
    mail_at = models.DateTimeField(null=True, blank=True, db_index=True, editable=False)
    """When its owner is to be told of that by mail; None where that is not to be, or has been."""
    mail_tries = models.PositiveSmallIntegerField(default=0, editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.url

    def get_absolute_url(self) -> str:
        return reverse("webhook", args=[self.pk])

    @property
    def changes_secret_until(self) -> datetime | None:
        """Until when the secret before the present one signs along; None when it does not (any more)."""
        until = self.old_secret_until
        return until if until and until > clock.now() else None

    @property
    def is_active(self) -> bool:
        return self.paused_at is None
