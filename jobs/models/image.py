import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from jobs.models.made_at import MadeAtField

if TYPE_CHECKING:
    from jobs.models.account import Account


class ImageQuerySet(models.QuerySet["Image"]):
    def of(self, owner: "Account") -> "ImageQuerySet":
        return self.filter(owner=owner)

    def unused_for(self, time: timedelta) -> "ImageQuerySet":
        return self.filter(used_at__lt=Now() - time)


class Image(models.Model):
    """A still picture that somebody uploaded for use in work, such as a logo. Stored as a PNG that we wrote ourselves.

    `name` is what the uploaded file was called, `key` the storage key; size, hash and pixels are those of the PNG.
    `used_at` is when it was uploaded or last asked for by a job; long after that it is cleared away.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="images")
    name = models.CharField("file name", max_length=255)
    key = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField("size in bytes")
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_at = MadeAtField()
    used_at = models.DateTimeField("last used", default=timezone.now, db_index=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["owner", "-created_at"])]

    def __str__(self) -> str:
        return self.name
