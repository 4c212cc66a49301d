"""RQ's worker, made safe for work that runs other programs and takes long."""

import ctypes
import logging
import os
import signal
from types import FrameType
from typing import Any

from django.db import connections
from redis.exceptions import RedisError
from rq import Worker
from rq.job import Job as Entry
from rq.worker.base import StopRequested

from jobs.services import reconcile

log = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1
_prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, by whatever cause. Only Linux can."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


class MediaWorker(Worker):
    """Listens to one queue only: RQ can lose an entry that a worker on several queues is just taking.

    It dies without leaving its work-horse behind, stops at once when told to (its job goes back in line instead of
    holding up a restart), and lets running work go on while Redis is away.
    """

    def fork_work_horse(self, job: Entry, queue: Any) -> None:
        connections.close_all()  # a connection must not be shared by two processes
        self._parent = os.getpid()
        super().fork_work_horse(job, queue)

    def main_work_horse(self, job: Entry, queue: Any) -> None:
        die_with_parent(self._parent)
        super().main_work_horse(job, queue)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop now. Work under way is ended; `monitor_work_horse` then finds it dead and puts its job back in line."""
        if not self.horse_pid:
            raise StopRequested
        self._stop_requested = True
        self.kill_horse()

    def handle_work_horse_killed(self, job: Entry, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """The work-horse ended without a word: killed from outside, out of memory, or by our own stop."""
        reconcile.recover_entry(str(job.args[0]))
        connections.close_all()

    def maintain_heartbeats(self, job: Entry) -> None:
        try:
            super().maintain_heartbeats(job)
        except RedisError as error:
            log.warning("Redis is away while a job runs: %s", error)

    def set_current_job_working_time(self, current_job_working_time: float, pipeline: Any = None) -> None:
        try:
            super().set_current_job_working_time(current_job_working_time, pipeline)
        except RedisError as error:
            log.warning("Redis is away while a job runs: %s", error)
