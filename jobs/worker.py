"""RQ's worker, made safe for work that runs other programs and takes long."""

import contextlib
import ctypes
import dataclasses
import functools
import logging
import mmap
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import Error, connections
from redis.exceptions import RedisError
from rq import Worker, worker_registration
from rq.exceptions import InvalidJobOperation
from rq.job import Job as Entry
from rq.worker.base import StopRequested

from jobs import machine
from jobs.process_use import Meter
from jobs.services import line, losses, reconcile, workers
from jobs.services.losses import Loss
from videoservice import tracing

log = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1
STOPS = (signal.SIGTERM, signal.SIGINT)
DRAIN = signal.SIGUSR1
"""Tells a worker to finish what it does, however long that takes, take nothing new, and end."""
RELEASE_SECONDS = 5.0
"""How long a work-horse may take to put its job back in line before it is killed."""
NICENESS = {"fast": 5, "fetch": 5, "hooks": 5, "cut": 10, "encode": 10, "speech": 10}
"""Of work-horses and what they start, by queue: pages come first, then small work. The kernel's order for reading and
writing follows it."""
_prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, by whatever cause. Only Linux can."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def unique_name(queue: str) -> str:
    """A name for a worker: tells an operator where it is, and is nobody else's, as host and process id alone may be."""
    return f"{socket.gethostname()}-{queue}-{secrets.token_hex(4)}"


def horse_name(worker: str, pid: int) -> str:
    """What is written on the row of a job that this work-horse does."""
    return f"{worker} {pid}"


class Note:
    """A note that a work-horse leaves for its worker, in memory that they share: the id of the job that it has taken.
    Only the work-horse knows, and it may die without a word."""

    SIZE = 16

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, self.SIZE)

    def clear(self) -> None:
        self._shared[:] = bytes(self.SIZE)

    def write(self, pk: UUID) -> None:
        self._shared[:] = pk.bytes

    def read(self) -> UUID | None:
        """None: it had taken none."""
        found = self._shared[:]
        return UUID(bytes=found) if any(found) else None


@contextlib.contextmanager
def stops_held() -> Iterator[None]:
    """Signals to stop wait until the block has ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (*STOPS, DRAIN))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*STOPS, DRAIN))


def outliving_redis(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of RQ's worker that only keeps books in Redis: while that is away, they are not kept."""

    @functools.wraps(method)
    def tolerant(self: "MediaWorker", *args: Any, **options: Any) -> Any:
        try:
            return method(self, *args, **options)
        except RedisError as error:
            log.warning("Redis is away: %s", error)
            return None

    return tolerant


class MediaWorker(Worker):
    """Listens to one queue only: RQ can lose an entry that a worker on several queues is just taking.

    It dies without leaving its work-horse behind, and lives and lets running work go on while Redis is away. SIGTERM
    drains it: what is under way may end within STOP_GRACE_SECONDS. A second one, Ctrl-C, or the end of these seconds
    releases the job: it goes back in line, keeps its place, and no attempt counts against it.
    """

    max_connection_wait_time = 5.0
    note: ClassVar[Note] = Note()
    """Of this process, which is one worker."""
    _horse = ""
    _status: int | None = None
    _oom_kills = 0
    _is_told = False
    """Whether SIGTERM or Ctrl-C has come."""
    _is_released = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._meter = Meter()

    set_state = outliving_redis(Worker.set_state)
    check_for_suspension = outliving_redis(Worker.check_for_suspension)
    run_maintenance_tasks = outliving_redis(Worker.run_maintenance_tasks)
    set_current_job_working_time = outliving_redis(Worker.set_current_job_working_time)
    prepare_job_execution = outliving_redis(Worker.prepare_job_execution)
    handle_execution_ended = outliving_redis(Worker.handle_execution_ended)
    execute_job = outliving_redis(Worker.execute_job)
    register_death = outliving_redis(Worker.register_death)
    unsubscribe = outliving_redis(Worker.unsubscribe)

    @property
    def dequeue_timeout(self) -> int:
        """Seconds from one heartbeat of an idle worker to the next."""
        return self.job_monitoring_interval

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """RQ waits for a Redis that takes no connection, and would end with one that hangs or refuses to write."""
        while True:
            try:
                return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            except RedisError as error:
                log.warning("Redis is away: %s", error)
                time.sleep(1)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that we live, and who we are: RQ says that at birth only, and Redis may have lost everything since."""
        if pipeline is not None:
            return self._announce(timeout, pipeline)
        try:
            with self.connection.pipeline() as own:
                self._announce(timeout, own)
                own.execute()
        except RedisError as error:
            log.warning("Redis is away: %s", error)
        return self._obey()

    @outliving_redis
    def maintain_heartbeats(self, job: Entry) -> None:
        super().maintain_heartbeats(job)
        self._obey()

    @outliving_redis
    def _obey(self) -> None:
        """An operator may have asked for a restart. Once: a second signal would not let the work end."""
        if not (self.is_horse or self._is_told) and self.connection.exists(workers.RESTART_KEY % self.name):
            os.kill(os.getpid(), signal.SIGTERM)

    def _announce(self, timeout: int | None, pipeline: Any) -> None:
        super().heartbeat(timeout, pipeline)
        # From this and what is left of it Redis tells how long we have said nothing, whatever our clock shows.
        lasts = {"expires_after": timeout or self.worker_ttl + 60}
        use = dataclasses.asdict(self._meter.read(alone=not self.horse_pid))
        pipeline.hset(self.key, mapping={**self.serialize(), **lasts, **use, "state": self.get_state()})
        worker_registration.register(self, pipeline)

    def serialize(self) -> dict[str, Any]:
        return {**super().serialize(), "machine": machine.identity(), "processors": os.cpu_count() or 1}

    # The work-horse --------------------------------------------------------------------------------------------------

    def fork_work_horse(self, job: Entry, queue: Any) -> None:
        connections.close_all()  # a connection must not be shared by two processes
        self._parent, self._oom_kills = os.getpid(), machine.oom_kills()
        self.note.clear()
        with stops_held():  # a stop has to find the work-horse
            super().fork_work_horse(job, queue)
            self._horse = horse_name(self.name, self.horse_pid)

    def main_work_horse(self, job: Entry, queue: Any) -> None:
        die_with_parent(self._parent)
        os.nice(NICENESS.get(queue.name, max(NICENESS.values())))
        super().main_work_horse(job, queue)

    def perform_job(self, job: Entry, queue: Any) -> bool:
        try:
            return super().perform_job(job, queue)
        finally:
            tracing.flush()  # the work-horse ends without any further ado

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()
        signal.signal(DRAIN, signal.SIG_IGN)  # until the work gives it a meaning of its own
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*STOPS, DRAIN))

    def handle_job_success(self, job: Entry, queue: Any, started_job_registry: Any) -> None:
        try:
            super().handle_job_success(job, queue, started_job_registry)
        except InvalidJobOperation:  # Redis lost the entry while the work was done; the row tells how it ended
            with self.connection.pipeline() as pipeline:
                self.cleanup_execution(job, pipeline)
                pipeline.delete(job.key)
                pipeline.execute()
        except RedisError as error:
            log.warning("Redis is away: %s", error)

    # Its end ---------------------------------------------------------------------------------------------------------

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End when the work under way is done, or released: see the class."""
        if not self.horse_pid:
            raise StopRequested
        is_first, self._is_told = not self._is_told, True
        self._stop_requested = True
        if is_first and signum == signal.SIGTERM and settings.STOP_GRACE_SECONDS:
            self._later(settings.STOP_GRACE_SECONDS, self.release)
        else:
            self.release()

    def release(self) -> None:
        """Have the work-horse put its job back in line. One that does not is killed, as on a second call; then
        `monitor_work_horse` finds it dead and does that."""
        if self._is_released:
            return self.kill_horse()
        self._is_released = True
        with contextlib.suppress(ProcessLookupError):
            if self.horse_pid:
                os.kill(self.horse_pid, signal.SIGTERM)
        return self._later(RELEASE_SECONDS, self.kill_horse)

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        if self.horse_pid:  # 0 would be ourselves
            super().kill_horse(sig)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        """RQ has the process' one timer."""
        timer = threading.Timer(seconds, do)
        timer.daemon = True
        with stops_held():  # so that its thread holds them for good, and none ends there
            timer.start()

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()
        signal.signal(DRAIN, self.request_drain)

    def request_drain(self, signum: int, frame: FrameType | None) -> None:
        """End when the work under way is done; at once when there is none."""
        if not self.horse_pid:
            raise StopRequested
        self._stop_requested = True

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        pid, self._status, usage = super().wait_for_horse()
        return pid, self._status, usage

    def monitor_work_horse(self, job: Entry, queue: Any) -> None:
        self._status = None
        try:
            super().monitor_work_horse(job, queue)
        finally:
            if self._status != os.EX_OK:
                with stops_held():
                    self._recover()

    def handle_work_horse_killed(self, job: Entry, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """RQ tells of this only when Redis still knows the entry, so it is done in `monitor_work_horse`."""

    def _recover(self) -> None:
        """The work-horse ended without a word: killed from outside, out of memory, or by our own stop."""
        taken = self.note.read()
        try:
            if taken:
                reconcile.recover_of(self._horse, str(taken), self._loss())
            else:
                self._ring()  # the entry that woke it is gone, and took nothing
        except Error as error:
            log.warning("the database is away, the reconciler will find job %s: %s", taken, error)
        connections.close_all()

    def _ring(self) -> None:
        line.ring(self.queues[0].name)

    def _loss(self) -> Loss:
        number = os.WTERMSIG(self._status) if self._status and os.WIFSIGNALED(self._status) else None
        # Service managers send SIGTERM to the work-horse too, which may die of it before we are told.
        if self._stop_requested or number == signal.SIGTERM:
            return losses.STOPPED
        if number == signal.SIGKILL and machine.oom_kills() > self._oom_kills:
            return losses.MEMORY
        return losses.KILLED
