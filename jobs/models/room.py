from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from jobs.models import turns

if TYPE_CHECKING:
    from jobs.models.account import Account

AS_ALL = "Empty: as the settings say for everybody. 0: without a limit."

SHORTER = "After their last use. 0: as the settings say for everybody; only shorter times than those count."


class Room(models.Model):
    """What one account may take and how long it keeps it, where that is not what the settings say for everybody."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="room"
    )
    gigabytes = models.FloatField(
        "storage in GB", null=True, blank=True, validators=[MinValueValidator(0)], help_text=AS_ALL
    )
    minutes = models.PositiveIntegerField(
        "minutes worked on a month", null=True, blank=True, help_text="Of recordings, as long as they play."
    )
    jobs = models.PositiveIntegerField("jobs at the same time", null=True, blank=True)
    results_days = models.PositiveIntegerField("results kept for days", default=0, help_text=SHORTER)
    originals_days = models.PositiveIntegerField("recordings kept for days", default=0)
    caches_days = models.PositiveIntegerField("measurements kept for days", default=0)
    turns = models.PositiveBigIntegerField(default=0, editable=False)
    """How often something was asked for; raising it holds the row."""

    class Meta:
        verbose_name = "room"
        verbose_name_plural = "room"

    def __str__(self) -> str:
        return f"room of {self.owner_id}"

    @classmethod
    def hold(cls, owner: "Account") -> None:
        """Let nobody else count what this account has until the transaction ends. Call it in one, before counting."""
        turns.hold(cls, owner.pk)
