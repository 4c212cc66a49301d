"""The beat of one attempt at something: it says that the attempt lives, and interrupts it when it has to stop."""

import logging
import os
import signal
import threading
import time
from types import FrameType
from typing import Any, Protocol, Self
from uuid import UUID

from django.conf import settings
from django.db import Error, connection

from jobs.errors import Cancelled, JobError, Released, TimedOut

log = logging.getLogger(__name__)
GRACE_SECONDS = 1.5
"""How long work that was told to stop may take to clean up before its process is ended."""


class Attempted(Protocol):
    """A row that attempts are made at."""

    pk: UUID
    attempt: int

    def beat(self, attempt: int) -> bool: ...


class Heart:
    """Holds an attempt while it works: a thread beats on its row and interrupts the work when it has to stop.

    Use it in the main thread of the work-horse: an interruption is a signal whose handler raises the reason there, so
    it also ends a blocking read or wait. The row is asked instead of Redis, so a stop arrives also while Redis is down.
    SIGTERM, by which a worker that has to go takes its work-horse along, is an interruption too.
    """

    def __init__(self, row: Attempted, timeout_seconds: float) -> None:
        self.row = row
        self.attempt = row.attempt
        self.started = time.monotonic()
        self.deadline = self.started + timeout_seconds
        self.reason: JobError | None = None
        self._ending = False
        self._deciding = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="life-signs", daemon=True)

    def __enter__(self) -> Self:
        self._main = threading.get_ident()
        signal.signal(signal.SIGUSR1, self._interrupt)
        self._outside = signal.signal(signal.SIGTERM, self._release)
        self._thread.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._outside)
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

    def allow(self, seconds: float) -> None:
        """So much of the time went by in waiting for something else: it does not count."""
        self.deadline += seconds

    def stuck(self, reason: JobError) -> None:
        """The work does not react to its reason to stop, and the process ends after this."""

    def _beat(self) -> None:
        try:
            while not self._over.wait(settings.HEARTBEAT_SECONDS):
                try:
                    alive = self.row.beat(self.attempt)
                except Error as error:
                    log.warning("could not beat for %s: %s", self.row.pk, error)
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
            log.error("%s did not stop by itself", self.row.pk)
            self.stuck(reason)
            os._exit(1)

    def _release(self, number: int, frame: FrameType | None) -> None:
        """The worker has to go. Runs in the main thread, which may hold the lock: it is not taken here."""
        if self._ending or self.reason or self._over.is_set():
            return
        self.reason = Released("The worker was told to stop.")
        raise self.reason

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
