import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from jobs.models.job import Job

if TYPE_CHECKING:
    from jobs.models.account import Account

LONGEST = timedelta(hours=2)
"""How long a file that came in one piece may be looked at; who died meanwhile leaves its hold no longer."""


class HoldQuerySet(models.QuerySet["Hold"]):
    def of(self, owner: "Account") -> "HoldQuerySet":
        return self.filter(owner=owner)

    def good(self) -> "HoldQuerySet":
        """Those of attempts that run, and of files that are looked at."""
        running = Q(job__status=Job.Status.RUNNING, job__attempt=models.F("attempt"))
        return self.filter(running | Q(job=None, created_at__gt=Now() - LONGEST))


class Hold(models.Model):
    """Bytes that are kept free of an account's quota for something under way: a file that came in one piece, or what an
    attempt of a job is expected to make. Uploads by chunks are their own hold, as their rows have a length."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="holds")
    size = models.PositiveBigIntegerField("size in bytes")
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, null=True, blank=True, related_name="holds")
    attempt = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    objects = HoldQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.size} bytes for {self.owner_id}"
