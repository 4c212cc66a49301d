"""The life signs of one attempt at a job: it beats, reports measured progress, and stops when it has to."""

import logging
import os
import signal
import threading
import time
from types import FrameType
from typing import Any, Self

from django.conf import settings
from django.db import Error, connection

from jobs import publish
from jobs.errors import Cancelled, JobError, TimedOut
from jobs.models import Job
from jobs.pace import Pace
from jobs.services import expectation
from jobs.services import jobs as services

log = logging.getLogger(__name__)
REPORT_SECONDS = 0.5
"""The least time between two reports: a page gets at most two a second of a job."""
GRACE_SECONDS = 1.5
"""How long work that was told to stop may take to clean up before its process is ended."""


class LifeSigns:
    """Holds an attempt while it works: a thread beats on its row and interrupts the work when it has to stop.

    Use it in the main thread of the work-horse: an interruption is a signal whose handler raises the reason there, so
    it also ends a blocking read or wait. The row is asked instead of Redis, so a stop arrives also while Redis is down.
    """

    def __init__(self, job: Job, timeout_seconds: float) -> None:
        self.job = job
        self.attempt = job.attempt
        self.started = time.monotonic()
        self.deadline = self.started + timeout_seconds
        self.reason: JobError | None = None
        self.fraction = 0.0
        self.pace = Pace(self.started, *expectation.of(job))
        self._reported = (0.0, 0.0, "")
        self._ending = False
        self._deciding = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="life-signs", daemon=True)

    def __enter__(self) -> Self:
        self._main = threading.get_ident()
        signal.signal(signal.SIGUSR1, self._interrupt)
        self._thread.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self._over.set()
        self._thread.join()

    def end(self) -> None:
        """Interrupt no more, but beat on: the row is about to reach its end, and its own UPDATE decides which.

        A beat that finds the row succeeded must not take it for stopped, and while the end waits for a database that is
        away, nobody may take the attempt for lost when it is back. Raises when the work has to stop already.
        """
        with self._deciding:
            self._ending = True
        if self.reason:
            raise self.reason

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

    def _beat(self) -> None:
        try:
            while not self._over.wait(settings.HEARTBEAT_SECONDS):
                try:
                    alive = self.job.beat(self.attempt)
                except Error as error:
                    log.warning("could not beat for job %s: %s", self.job.pk, error)
                    connection.close()
                    continue
                if not alive:
                    return self._stop(stopped())
                if time.monotonic() > self.deadline and not self._ending:
                    return self._stop(timed_out())
        finally:
            connection.close()

    def _stop(self, reason: JobError) -> None:
        with self._deciding:
            if self._ending:
                return
            self.reason = reason
            signal.pthread_kill(self._main, signal.SIGUSR1)
        if not self._over.wait(GRACE_SECONDS):
            # Stuck where no signal handler of Python runs. The worker cleans up after a work-horse that ended.
            log.error("job %s did not stop by itself", self.job.pk)
            if isinstance(reason, TimedOut) and self.job.fail(reason, self.attempt):
                services.ended(self.job)
            os._exit(1)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.reason and not self._over.is_set():
            raise self.reason


def stopped() -> Cancelled:
    return Cancelled("The job was stopped.")


def timed_out() -> TimedOut:
    return TimedOut(
        "This took much longer than it should, so it was stopped. Try again when the server is less busy; if that "
        "fails too, tell the operator."
    )
