from django.conf import settings
from django.db import models


class DailyUse(models.Model):
    """How many seconds of recordings an account has had worked on in a day. It stays when the jobs are removed."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="daily_use")
    day = models.DateField()
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "day"], name="one_use_per_day")]

    def __str__(self) -> str:
        return f"{self.owner_id}, {self.day}"
