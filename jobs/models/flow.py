from django.conf import settings
from django.db import models


class Flow(models.Model):
    """An owner's flow of work through a queue, as start-time fair queueing has it (`services.line`)."""

    queue = models.CharField(max_length=20)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="flows")
    finish_tag = models.FloatField(default=0)
    """The virtual time, in seconds of work, at which the share of what was last taken is used up."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["queue", "owner"], name="one_flow_per_owner")]

    def __str__(self) -> str:
        return f"{self.owner_id} in {self.queue}"
