"""The life signs of one attempt at a job: it beats, reports measured progress, and stops when it has to."""

import logging
import time

from django.db import Error, connection

from jobs import publish
from jobs.errors import JobError, TimedOut
from jobs.heart import Heart, stopped
from jobs.models import Job
from jobs.pace import Pace
from jobs.services import expectation
from jobs.services import jobs as services

log = logging.getLogger(__name__)
REPORT_SECONDS = 0.5
"""The least time between two reports: a page gets at most two a second of a job."""


class LifeSigns(Heart):
    """Those of a job: the beat of its attempt, and how far it is. Use it as a Heart."""

    def __init__(self, job: Job, timeout_seconds: float) -> None:
        super().__init__(job, timeout_seconds)
        self.job = job
        self.fraction = 0.0
        self.pace = Pace(self.started, *expectation.of(job))
        self._reported = (0.0, 0.0, "")

    def progress(self, fraction: float, stage: str) -> None:
        """Report that `fraction` of the work is done, 0 to 1, and what is being done. Raises when it has to stop.

        While the database is away the work goes on unreported.
        """
        if self.reason:
            raise self.reason
        self.fraction = min(1.0, max(self.fraction, fraction))
        now = time.monotonic()
        self.pace.saw(now, self.fraction)
        last, _, last_stage = self._reported
        if now - last < REPORT_SECONDS and (stage == last_stage or now - last < REPORT_SECONDS / 2):
            return
        self._reported = (now, self.fraction, stage)
        try:
            left = self.pace.seconds_left(now, self.fraction)
            current = self.job.advance(self.attempt, self.fraction, stage, left)
        except Error as error:
            log.warning("could not report progress of job %s: %s", self.job.pk, error)
            connection.close()
            return
        if not current:
            raise stopped()
        publish.job_changed(self.job)

    def stuck(self, reason: JobError) -> None:
        if isinstance(reason, TimedOut) and self.job.fail(reason, self.attempt):
            services.ended(self.job)
