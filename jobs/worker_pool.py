"""Several workers under one parent, each a process of its own.

RQ's WorkerPool does not fit: its workers all listen to the same queues, under names and with options of its choosing.
Here the parent loads what jobs need once, and forks: a worker costs some megabytes, and one that died is back in
milliseconds.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from django.core.management.base import CommandError

from jobs.worker import DRAIN, STOPS, MediaWorker, Note, die_with_parent

log = logging.getLogger(__name__)
WATCHED = (*STOPS, DRAIN, signal.SIGCHLD)
SOON_SECONDS = 1.0
LATE_SECONDS = 30.0
"""How long it waits before it starts one again that died at once: each time twice as long, up to the latter."""


class Pool:
    """Runs `work(queue)` in a process for each of the queues, until a signal asks for the end. Each gets that signal
    too, and every further one."""

    def __init__(self, queues: Sequence[str], work: Callable[[str], None]) -> None:
        self.work = work
        self._places = [Place(queue) for queue in queues]
        self._stopping = False

    def run(self) -> None:
        """Returns when all have ended after a stop. Those that end by themselves are started again."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        try:
            while not self._stopping or any(place.pid for place in self._places):
                if not self._stopping:
                    self._start_due()
                found = signal.sigtimedwait(WATCHED, SOON_SECONDS)
                if found and found.si_signo != signal.SIGCHLD:
                    self._stop(found.si_signo)
                self._reap()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)

    def _start_due(self) -> None:
        for place in self._places:
            if not place.pid and time.monotonic() >= place.due:
                self._start(place)

    def _start(self, place: "Place") -> None:
        parent = os.getpid()
        place.started = time.monotonic()
        place.pid = os.fork()
        if not place.pid:
            self._be(place.queue, parent)

    def _be(self, queue: str, parent: int) -> NoReturn:
        """The child. In a group of its own: Ctrl-C at a terminal is for the parent, which tells each once."""
        status = 1
        try:
            os.setpgrp()
            die_with_parent(parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            MediaWorker.note = Note()  # that of the parent is in the memory of all
            self.work(queue)
            status = 0
        except CommandError as error:
            print(error, file=sys.stderr)  # noqa: T201 as the command does when it is alone
        except Exception:  # the end of this process: nobody above it would tell
            log.exception("the worker of %s failed", queue)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _stop(self, number: int) -> None:
        self._stopping = True
        for place in self._places:
            if place.pid:
                os.kill(place.pid, number)

    def _reap(self) -> None:
        for place in self._places:
            if place.pid and os.waitpid(place.pid, os.WNOHANG)[0]:
                place.ended()
                if not self._stopping:
                    log.warning("a worker of %s ended and is started again", place.queue)


class Place:
    """Of one worker: who has it now, and when the next one may."""

    def __init__(self, queue: str) -> None:
        self.queue, self.pid = queue, 0
        self.started = self.due = 0.0
        self._pause = 0.0

    def ended(self) -> None:
        self.pid, now = 0, time.monotonic()
        self._pause = (
            0.0 if now - self.started > LATE_SECONDS else min(LATE_SECONDS, max(SOON_SECONDS, 2 * self._pause))
        )
        self.due = now + self._pause
