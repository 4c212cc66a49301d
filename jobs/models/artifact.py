import uuid
from typing import TYPE_CHECKING

from django.db import models

from jobs.engine.model.told import Told
from jobs.models.made_at import MadeAtField
from jobs.models.removal import LiveManager, RemovalField

if TYPE_CHECKING:
    from jobs.models.account import Account


class ArtifactQuerySet(models.QuerySet["Artifact"]):
    def of(self, owner: "Account") -> "ArtifactQuerySet":
        return self.filter(job__owner=owner)


class Artifact(models.Model):
    """One file that a job made. `key` is its storage key, `name` what a download of it is called."""

    class Kind(models.TextChoices):
        VIDEO = "video"
        AUDIO = "audio"
        IMAGE = "image"
        CAPTIONS = "captions"
        TEXT = "text"
        DATA = "data"
        TIMELINE = "timeline"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="artifacts")
    position = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField("size in bytes")
    media_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    body = models.UUIDField(null=True, blank=True, editable=False)
    """Where its bytes lie on the disk once for several rows: the same for all of them. None: the bytes are its own."""
    metadata = models.JSONField(default=dict, blank=True)
    pinned = models.BooleanField(default=False)
    """Whether it stays for good, whatever the retention."""
    used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    """Played, downloaded or worked on; written at most once a day."""
    created_at = MadeAtField()
    removal = RemovalField()
    missing_since = models.DateTimeField(null=True, blank=True, editable=False)
    """Since when a sweep knows that the file is gone."""

    objects = LiveManager.from_queryset(ArtifactQuerySet)()
    with_trash = ArtifactQuerySet.as_manager()

    class Meta:
        ordering = ["position", "created_at"]
        indexes = [models.Index(fields=["removal", "created_at", "id"], name="artifact_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def told(self) -> Told:
        return Told.from_json(self.metadata)

    @property
    def shows_moment(self) -> bool:
        """Whether it is a picture of one moment of the recording, and so can stand for it."""
        return self.kind == self.Kind.IMAGE and "time" in self.metadata

    @property
    def is_poster(self) -> bool:
        """Whether it was chosen to stand for the recording."""
        subject = self.job.subject
        return subject is not None and subject.poster.endswith(f"/poster-{self.pk}.jpg")
