import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

if TYPE_CHECKING:
    from jobs.models.account import Account


class DepartureQuerySet(models.QuerySet["Departure"]):
    def of(self, owner: "Account") -> "DepartureQuerySet":
        return self.filter(owner=owner)

    def mailed(self) -> "DepartureQuerySet":
        """Those that a letter is to tell of, now or later. Nobody writes to an account that is switched off."""
        return self.filter(mail_at__isnull=False, told_at=None, owner__is_active=True)

    def mail_due(self) -> "DepartureQuerySet":
        return self.mailed().filter(mail_at__lte=Now())


class Departure(models.Model):
    """One thing that goes soon, as it was not used for as long as its account keeps such things: announced by this row,
    which is not there any more once somebody uses it or wants it kept.

    One of `video`, `run` and `job` is what goes; of the last two all results. All times are the database's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="departures")
    video = models.OneToOneField("jobs.Video", on_delete=models.CASCADE, null=True, related_name="departure")
    run = models.OneToOneField("jobs.Run", on_delete=models.CASCADE, null=True, related_name="departure")
    job = models.OneToOneField("jobs.Job", on_delete=models.CASCADE, null=True, related_name="departure")
    goes_at = models.DateTimeField(db_index=True)
    mail_at = models.DateTimeField("letter due at", null=True, db_index=True)
    told_at = models.DateTimeField("told by mail at", null=True)

    objects = DepartureQuerySet.as_manager()

    class Meta:
        ordering = ["goes_at", "pk"]

    def get_absolute_url(self) -> str:
        subject = self.video or self.run or self.job
        return subject.get_absolute_url() if subject else ""

    def __str__(self) -> str:
        if self.run:
            return f"{self.run.name} of {self.run.video.title}"
        if self.job:
            return f"{self.job.operation_title} of {self.job.video.title}"
        return self.video.title if self.video else ""
