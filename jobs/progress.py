"""The life signs of one attempt at a job: it beats, reports measured progress, and stops when it has to."""

import logging
import time
from typing import Any

from django.db import Error, connection

from jobs import publish, spans
from jobs.engine.model.share import percent
from jobs.engine.runtime.kept_parts import KeptParts
from jobs.errors import JobError, TimedOut
from jobs.heart import Heart, stopped
from jobs.models import Job
from jobs.pace import Pace
from jobs.services import expectation, lifecycle

log = logging.getLogger(__name__)
REPORT_SECONDS = 0.5
"""The least time between two reports: a page gets at most two a second of a job."""


GOING_ON_SECONDS = 5.0
"""How long it is said where the work goes on."""


class LifeSigns(Heart):
    """Those of a job: the beat of its attempt, and how far it is. Use it as a Heart.

    `kept` tells which of the work an attempt before has done: progress then goes there at once, which is no measure of
    how fast this one is.
    """

    def __init__(self, job: Job, timeout_seconds: float, kept: KeptParts | None = None) -> None:
        super().__init__(job, timeout_seconds)
        self.job = job
        self._kept, self._found = kept, 0
        self._goes_on, self._skipped_at = "", 0.0
        self.fraction = 0.0
        self.pace = Pace(self.started, *expectation.of(job))
        self._reported = (0.0, 0.0, "")
        self._stages = spans.Stages()

    def __exit__(self, *exc: Any) -> None:
        self._stages.end()
        super().__exit__(*exc)

    def progress(self, fraction: float, stage: str) -> None:
        """Report that `fraction` of the work is done, 0 to 1, and what is being done. Raises when it has to stop.

        While the database is away the work goes on unreported.
        """
        if self.reason:
            raise self.reason
        self._stages.at(stage)
        before, self.fraction = self.fraction, min(1.0, max(self.fraction, fraction))
        now = time.monotonic()
        stage = self._going_on(now, before, stage)
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

    @property
    def went_on(self) -> bool:
        """Whether an attempt before has done a part of the work."""
        return self._found > 0

    def _going_on(self, now: float, before: float, stage: str) -> str:
        """The stage to show: for a moment, where the work goes on."""
        if self._kept and self._kept.found > self._found:
            self._found, self._skipped_at = self._kept.found, now
            self.pace.skipped(now, before, self.fraction)
            self._goes_on = f"Going on at {percent(self.fraction)}"
        return self._goes_on if self._goes_on and now - self._skipped_at < GOING_ON_SECONDS else stage

    def stuck(self, reason: JobError) -> None:
        if isinstance(reason, TimedOut) and self.job.fail(reason, self.attempt):
            lifecycle.ended(self.job)
