from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models.functions import Now

KEPT = timedelta(days=60)


class Sweep(models.Model):
    """A comparison of the storage with the database, and what came of it."""

    at = models.DateTimeField("ended at", db_default=Now(), db_index=True)
    is_fix = models.BooleanField("mended", default=False)
    report = models.JSONField(default=dict)
    """`services.sweeping.Report` as JSON."""

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"

    @classmethod
    def record(cls, report: dict[str, Any], *, is_fix: bool) -> None:
        cls.objects.create(report=report, is_fix=is_fix)
        cls.objects.filter(at__lt=Now() - KEPT).delete()
