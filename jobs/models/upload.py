import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from jobs.models.image import Image
from jobs.models.made_at import MadeAtField
from jobs.models.video import Video
from videoservice import tracing

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

    def hold(self, pk: uuid.UUID, token: str, lease: timedelta) -> bool:
        """Have one to oneself for so long, by the database's clock. False: it is another's, or gone."""
        free = models.Q(held_by="") | models.Q(held_until__lt=Now())
        return self.filter(free, pk=pk).update(held_by=token, held_until=Now() + lease) == 1

    def held(self, pk: uuid.UUID, token: str) -> "UploadQuerySet":
        """The row, if it is still held by this token."""
        return self.filter(pk=pk, held_by=token)


class Upload(models.Model):
    """A recording or image on its way in by chunks (tus). Its bytes lie in a part file or are parts in object storage;
    the row goes when it is there.

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
    created_at = MadeAtField()
    expires_at = models.DateTimeField(db_index=True)
    traceparent = models.CharField(
        max_length=tracing.LONGEST, default=tracing.present, db_default="", blank=True, editable=False
    )
    """The trace that it is a part of: of the request, or the work, that made it."""

    held_by = models.CharField(max_length=32, blank=True, db_default="", editable=False)
    """Who is at it, where no file can be locked: each request by a token of its own."""
    held_until = models.DateTimeField(null=True, editable=False)
    multipart = models.CharField("multipart upload", max_length=1024, blank=True, db_default="", editable=False)
    """How object storage calls what its parts are sent to."""
    next_part = models.PositiveIntegerField(db_default=1, editable=False)
    """No number is given twice: a part that arrives late must not take the place of another."""

    objects = UploadQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
