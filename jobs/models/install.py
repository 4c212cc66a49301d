import uuid
from datetime import timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone


class Install(models.Model):
    """The one row that says which install this database is of. The storage carries the same identity."""

    number = models.PositiveSmallIntegerField(primary_key=True, default=1)
    identity = models.UUIDField(default=uuid.uuid4, editable=False)
    swept_at = models.DateTimeField("storage last swept", default=timezone.now)
    retained_at = models.DateTimeField("retention last looked at", default=timezone.now)

    push_key = models.TextField(blank=True, editable=False)
    """What notices to browsers are signed with (`services.push`), sealed."""

    def __str__(self) -> str:
        return str(self.identity)

    @classmethod
    def get(cls) -> "Install":
        return cls.objects.get_or_create(pk=1)[0]

    def take_turn(self, every: timedelta, column: str = "swept_at") -> bool:
        """Whether it is time to do something again that was last done at the time in `column`, and this process is the
        one to do it."""
        due = Install.objects.filter(**{"pk": self.pk, f"{column}__lt": Now() - every})
        return due.update(**{column: Now()}) == 1
