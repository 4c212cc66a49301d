import uuid

from django.db import models
from django.db.models.functions import Now


def new_version() -> str:
    """Never one that was there before, so that a draft which was given up and begun anew is another one."""
    return uuid.uuid4().hex


class Draft(models.Model):
    """Cuts of a recording made by hand: every part of it in order, and the settings beside them."""

    video = models.OneToOneField("jobs.Video", on_delete=models.CASCADE, related_name="draft")
    parts = models.JSONField()
    settings = models.JSONField(default=dict)
    version = models.CharField(max_length=32, default=new_version)
    saved_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Draft of {self.video_id}"
