import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

from jobs.models.made_at import MadeAtField

if TYPE_CHECKING:
    from jobs.models.account import Account


class ExactField(models.CharField):
    """Text of which every letter counts, in any database: MariaDB takes é for e, and one symbol for any other."""

    def db_parameters(self, connection: Any) -> Any:
        found = super().db_parameters(connection)
        return {**found, "collation": "utf8mb4_bin"} if connection.vendor == "mysql" else found


class TagQuerySet(models.QuerySet["Tag"]):
    def of(self, owner: "Account") -> "TagQuerySet":
        return self.filter(owner=owner)


class Tag(models.Model):
    """A word that its owner sorts recordings by. `key` is what two spellings of one tag have in common."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)
    key = ExactField(max_length=160, editable=False)
    """As `name` without case; some letters have several without."""
    created_at = MadeAtField()

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="one_tag_per_key")]

    def __str__(self) -> str:
        return self.name


class Tagging(models.Model):
    """That a recording has a tag. Results have those of the recording that they came from."""

    video = models.ForeignKey("jobs.Video", on_delete=models.CASCADE, related_name="taggings", db_index=False)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["video", "tag"], name="each_tag_once")]

    def __str__(self) -> str:
        return f"{self.tag} on {self.video_id}"
