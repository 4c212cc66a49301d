from django.db import models
from django.db.models.functions import Now

from jobs.models.upload import Upload


class UploadPart(models.Model):
    """Bytes of an upload that object storage has: a part of its multipart upload, or, while they are too few for one,
    an object of their own. What the rows say is how much has arrived."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    """Of the part; 0 for an object of its own."""
    offset = models.PositiveBigIntegerField("first byte")
    size = models.PositiveBigIntegerField("bytes")
    etag = models.CharField(max_length=255, blank=True)
    """What the storage calls a part's bytes."""
    key = models.CharField(max_length=120, blank=True)
    """Of an object of its own."""
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("offset",)
        constraints = (models.UniqueConstraint(fields=["upload", "offset"], name="upload_part_offset"),)

    def __str__(self) -> str:
        return f"bytes {self.offset} to {self.offset + self.size} of {self.upload_id}"
