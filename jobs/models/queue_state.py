from django.conf import settings
from django.db import models
from django.db.models import Q


class QueueStateQuerySet(models.QuerySet["QueueState"]):
    def held(self) -> "QueueStateQuerySet":
        """Those that give no work now."""
        return self.filter(Q(paused_at__isnull=False) | Q(draining_since__isnull=False))


class QueueState(models.Model):
    """Whether a queue gives work; one without a row does. A pause and a drain of the whole site end apart from each
    other, so that a queue which was paused before is still paused after. All times are the database's."""

    name = models.CharField(max_length=20, primary_key=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    draining_since = models.DateTimeField(null=True, blank=True)
    drained_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    virtual_time = models.FloatField(default=0)
    """The start tag of what was taken last (`services.line`)."""

    objects = QueueStateQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def is_held(self) -> bool:
        return self.paused_at is not None or self.draining_since is not None
