from django.conf import settings
from django.db import models

QUIET_FROM, QUIET_TO = 22 * 60, 7 * 60


class NoticeTimes(models.Model):
    """When an account wants to be told; without a row at any time. The minutes are those after midnight where it is."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="notice_times"
    )
    is_quiet = models.BooleanField(default=False)
    """Whether it is told nothing between these two, which may lie on two days."""
    quiet_from = models.PositiveSmallIntegerField(default=QUIET_FROM)
    quiet_to = models.PositiveSmallIntegerField(default=QUIET_TO)
    is_daily = models.BooleanField(default=False)
    """Whether all that is to be mailed comes in one email a day."""

    def __str__(self) -> str:
        return f"times of {self.owner_id}"
