import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from jobs.models.image import Image
from jobs.models.video import Video

if TYPE_CHECKING:
    from jobs.models.account import Account


class UploadQuerySet(models.QuerySet["Upload"]):
    def of(self, owner: "Account") -> "UploadQuerySet":
        return self.filter(owner=owner)

    def under_way(self) -> "UploadQuerySet":
        """Without those that have become a recording or an image, whose rows then go."""
        return self.exclude(pk__in=Video.with_trash.values("pk")).exclude(pk__in=Image.objects.values("pk"))

    def expired(self) -> "UploadQuerySet":
        return self.filter(expires_at__lt=Now())


class Upload(models.Model):
    """A recording or image on its way in by chunks (tus). Its bytes lie in a part file; the row goes when it is there.

    `work` is what to do with a recording once it is whole: parameters by operation slug, already checked.
    """

    class Kind(models.TextChoices):
        RECORDING = "recording"
        IMAGE = "image"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.RECORDING)
    name = models.CharField(max_length=255)
    title = models.CharField(max_length=200, blank=True)
    length = models.PositiveBigIntegerField("whole length in bytes")
    offset = models.PositiveBigIntegerField("bytes received", default=0)
    work = models.JSONField(default=dict, blank=True)
    pipeline = models.CharField(max_length=80, blank=True)
    """The slug of the chain to run on it instead."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = UploadQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
