import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from jobs.models.made_at import MadeAtField

if TYPE_CHECKING:
    from jobs.models.account import Account


class PipelineQuerySet(models.QuerySet["Pipeline"]):
    def of(self, owner: "Account") -> "PipelineQuerySet":
        return self.filter(owner=owner)


class Pipeline(models.Model):
    """A chain of work that somebody saved under a name. `steps` is what `jobs.services.steps` reads and writes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pipelines")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=80)
    steps = models.JSONField(default=list)
    created_at = MadeAtField()
    changed_at = models.DateTimeField(auto_now=True)

    objects = PipelineQuerySet.as_manager()

    class Meta:
        ordering = ["name", "slug"]
        constraints = [models.UniqueConstraint(fields=["owner", "slug"], name="one_pipeline_per_slug")]

    def __str__(self) -> str:
        return self.name
