import uuid
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from jobs.engine.model.mediainfo import MediaInfo
from jobs.models.made_at import MadeAtField
from jobs.models.removal import LiveManager, RemovalField
from jobs.models.sort_name import SortNameField

if TYPE_CHECKING:
    from jobs.models.account import Account


class VideoQuerySet(models.QuerySet["Video"]):
    def of(self, owner: "Account") -> "VideoQuerySet":
        return self.filter(owner=owner)

    def uploaded(self) -> "VideoQuerySet":
        """Recordings that stand for themselves, without the results that are worked on like recordings."""
        return self.filter(artifact=None)


class Video(models.Model):
    """A recording: video, or sound alone. `key` and `poster` are storage keys.

    Most were uploaded. A result that is worked on, or looked at on a page of its own, has a row too: `artifact`, whose
    id and file are this one's, and `origin`, the recording that it all came from.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="videos")
    artifact = models.OneToOneField(
        "jobs.Artifact", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="recording"
    )
    origin = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="versions"
    )
    title = models.CharField(max_length=200)
    sort_name = SortNameField()
    name = models.CharField("file name", max_length=255)
    key = models.CharField(max_length=255)
    poster = models.CharField(max_length=255, blank=True)
    size = models.PositiveBigIntegerField("size in bytes")
    sha256 = models.CharField(max_length=64, db_index=True)
    body = models.UUIDField(null=True, blank=True, editable=False)
    """As that of a result (`Artifact`), where it was made of one."""
    kind = models.CharField(max_length=5, choices=[("video", "Video"), ("audio", "Audio")])
    duration_seconds = models.FloatField()
    details = models.JSONField(help_text="What probing found: jobs.engine.model.mediainfo.MediaInfo.")
    pinned = models.BooleanField(default=False)
    """Whether it stays for good, whatever the retention. Of results this and the next one are those of `Artifact`."""
    used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    created_at = MadeAtField()
    removal = RemovalField()
    missing_since = models.DateTimeField(null=True, blank=True, editable=False)
    """Since when a sweep knows that the file is gone."""

    objects = LiveManager.from_queryset(VideoQuerySet)()
    with_trash = VideoQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "-created_at"]),
            models.Index(fields=["removal", "created_at", "id"], name="video_newest"),
            models.Index(fields=["owner", "artifact", "removal", "created_at", "id"], name="video_shelf"),
            models.Index(fields=["owner", "artifact", "removal", "sort_name", "id"], name="video_shelf_by_name"),
            models.Index(
                fields=["owner", "artifact", "removal", "duration_seconds", "id"], name="video_shelf_by_length"
            ),
            models.Index(fields=["owner", "artifact", "removal", "size", "id"], name="video_shelf_by_size"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("video", args=[self.pk])

    def save(self, **options: Any) -> None:
        fields = options.get("update_fields")
        if fields is not None and "title" in fields:
            options["update_fields"] = {*fields, "sort_name"}
        super().save(**options)

    @property
    def poster_url(self) -> str:
        """Another address for another poster, so that pages which show one already load the new one; "" for none."""
        return f"{reverse('video-poster', args=[self.pk])}?{self.poster_version}" if self.poster else ""

    @property
    def poster_version(self) -> str:
        """What its poster is called among those that it has had."""
        return PurePosixPath(self.poster).stem

    @property
    def root(self) -> "Video":
        """The recording that it all came from; itself, unless it is a result."""
        return self.origin or self

    @property
    def info(self) -> MediaInfo:
        return MediaInfo.from_json(self.details)
