import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from jobs.models.account import Account


class LiveManager(models.Manager[Any]):
    """Leaves out what is in the trash, so that no caller can forget to; models have all in `with_trash`.

    It is the default manager: lists of what is related leave it out as well. A single row that another one points to is
    found all the same.
    """

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(removal=None)


class RemovalField(models.ForeignKey):
    """With what a row went to the trash; None for what is not there.

    No index and no constraint: nearly all rows have none, and a database that takes an index of so many equal values
    for a good one reads whole tables by it. What went along is found by what it belongs to.
    """

    def __init__(self, **options: Any) -> None:
        facts = {"to": "jobs.Removal", "on_delete": models.DO_NOTHING, "related_name": "+", "null": True}
        super().__init__(**{**options, **facts, "db_index": False, "db_constraint": False, "editable": False})


class RemovalQuerySet(models.QuerySet["Removal"]):
    def of(self, owner: "Account") -> "RemovalQuerySet":
        return self.filter(owner=owner)

    def restorable(self) -> "RemovalQuerySet":
        return self.filter(is_going=False)

    def due(self) -> "RemovalQuerySet":
        """What is to be deleted for good now."""
        return self.filter(Q(is_going=True) | Q(at__lte=Now() - timedelta(days=settings.TRASH_DAYS)))


class Removal(models.Model):
    """One thing that its owner has removed: it lies in the trash with all that went along, until it goes for good.

    One of `video`, `run`, `job` and `artifact` is what was removed. Its row, and those of what hung on it at that
    moment, have this one as their `removal`; files stay where they are. The row goes with that of the thing.
    """

    class Kind(models.TextChoices):
        RECORDING = "recording"
        CHAIN = "chain"
        JOB = "job"
        RESULT = "result"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="removals")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    title = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField("size in bytes", default=0)
    video = models.OneToOneField("jobs.Video", on_delete=models.CASCADE, null=True, related_name="+")
    run = models.OneToOneField("jobs.Run", on_delete=models.CASCADE, null=True, related_name="+")
    job = models.OneToOneField("jobs.Job", on_delete=models.CASCADE, null=True, related_name="+")
    artifact = models.OneToOneField("jobs.Artifact", on_delete=models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField("removed at", db_default=Now(), db_index=True)
    together = models.UUIDField(null=True, db_index=True, editable=False)
    """What was removed at the same time by one word of its owner has the same, so that it comes back by one."""
    is_going = models.BooleanField(default=False, db_index=True)
    """Whether it is being deleted for good: from then on there is no way back."""

    objects = RemovalQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["owner", "at"]),
            models.Index(fields=["owner", "is_going", "at", "id"], name="removal_list"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def until(self) -> datetime:
        """When it goes for good."""
        return self.at + timedelta(days=settings.TRASH_DAYS)

    @property
    def subject_id(self) -> uuid.UUID | None:
        return self.video_id or self.run_id or self.job_id or self.artifact_id
