"""Which jobs are asked for, by what they are called."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

if TYPE_CHECKING:
    from jobs.models.account import Account
    from jobs.models.job import Job  # noqa: F401 the base class names it
    from jobs.models.video import Video


class JobQuerySet(models.QuerySet["Job"]):
    def of(self, owner: "Account") -> "JobQuerySet":
        return self.filter(owner=owner)

    def active(self) -> "JobQuerySet":
        return self.filter(under_way=1)

    def moving(self) -> "JobQuerySet":
        """Active, and not held up in a chain by a step that did not succeed, until somebody tries that one again.

        Nothing of it is in the trash: to ask with the trash gives the same, by an index that is shorter.
        """
        return self.active().exclude(status=self.model.Status.WAITING, run__status__in=self.model.TERMINAL)

    def without_logs(self) -> "JobQuerySet":
        """Without the columns that may be long."""
        return self.defer("command_log", "log_tail", "error_detail")

    def on(self, video: "Video") -> "JobQuerySet":
        """Work on this very recording, not on results that were made of it."""
        return self.filter(source=video) if video.artifact_id else self.filter(video=video, on_result=False)

    def lost(self) -> "JobQuerySet":
        """Running by their row, but silent for too long: their worker is gone."""
        return self.filter(
            status=self.model.Status.RUNNING, heartbeat_at__lt=Now() - timedelta(seconds=settings.LOST_AFTER_SECONDS)
        )

    def shown(self) -> "JobQuerySet":
        """With what tells of a job, in five queries whatever their number.

        A join with the recordings would let MariaDB begin with those, and then sort all jobs of the owner.
        """
        return self.prefetch_related("video", "source", "artifacts", "after")
