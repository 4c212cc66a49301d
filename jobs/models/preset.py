import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from jobs.models.made_at import MadeAtField

if TYPE_CHECKING:
    from jobs.models.account import Account


class PresetQuerySet(models.QuerySet["Preset"]):
    def of(self, owner: "Account") -> "PresetQuerySet":
        """What the owner sees: not what was deleted and may still come back."""
        return self.filter(owner=owner, deleted_at=None)


class Preset(models.Model):
    """The values of an operation's form under a name. `params` are what the parameters are stored as, with their
    version; `deleted_at` is when the owner deleted it, who may take that back for a while."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="presets")
    operation = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    params = models.JSONField(default=dict)
    created_at = MadeAtField()
    changed_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = PresetQuerySet.as_manager()

    class Meta:
        ordering = ["operation", "name", "pk"]
        indexes = [models.Index(fields=["owner", "operation", "name"], name="presets_by_name")]

    def __str__(self) -> str:
        return self.name
