from django.db import models
from django.db.models.functions import Now


class ChainDraft(models.Model):
    """A chain that is being put together on the page of a recording, or of a result of it. `steps` are as those of a
    `Pipeline`; `name` is that of the saved chain it was begun with."""

    video = models.OneToOneField("jobs.Video", on_delete=models.CASCADE, related_name="chain_draft")
    steps = models.JSONField(default=list)
    name = models.CharField(max_length=80, blank=True)
    saved_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Chain for {self.video_id}"
