"""What operators see of everybody's work, and do about it.

Whatever is done may be asked for twice at the same time: the second time finds nothing left to do.
"""

import contextlib
import dataclasses
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from jobs import clock, publish, wording
from jobs.errors import InputError, JobError
from jobs.models import Account, Import, Job
from jobs.operations import registry
from jobs.services import figures, jobs, knowing, line, queue_load, quota, runs, storage_use, usage, versions
from jobs.services.queue_load import QueueLoad
from jobs.services.storage_use import Disk
from jobs.services.workers import Worker

DAYS = 7
"""How far back failures are shown and may be tried again together."""
MOST_KINDS = 10
MOST_OWNERS = 10
NAMED = 3
"""How many accounts, or workers, a sentence names."""
AT_ONCE = 500
"""How many jobs one press acts on; the next one goes on."""
SKEW_SECONDS = 10.0
"""From here on a wrong clock is worth a word."""
S = Job.Status


@dataclasses.dataclass(frozen=True)
class Failure:
    """One kind: an operation and the code of its error. `left` of its `count` were not tried again by anybody."""

    operation: str
    code: str
    count: int
    left: int
    newest: datetime
    message: str
    is_owners: bool
    """Whether the owner has to mend something first, as far as the error says."""

    @property
    def title(self) -> str:
        return registry.title(self.operation)


@dataclasses.dataclass(frozen=True)
class OwnerLoad:
    """Of one account, how many jobs have not ended."""

    pk: int
    email: str
    waiting: int
    queued: int
    running: int

    @property
    def total(self) -> int:
        return self.waiting + self.queued + self.running


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of acting on many jobs. `more`: there are others, for the next press. `refusals` say why, each once."""

    done: int = 0
    refused: int = 0
    refusals: tuple[str, ...] = ()
    more: int = 0


# Seeing --------------------------------------------------------------------------------------------------------------


def failed(days: int = DAYS) -> QuerySet[Job]:
    since = Now() - timedelta(days=days)
    return Job.objects.filter(status=S.FAILED, finished_at__gte=since).order_by()


def left(operation: str, code: str) -> QuerySet[Job]:
    """Failed jobs of a kind that nobody has tried again, the oldest first."""
    again = Job.objects.filter(retry_of=OuterRef("pk"))
    return failed().filter(~Exists(again), operation=operation, error_code=code).order_by("finished_at")


def failures(days: int = DAYS) -> list[Failure]:
    """The kinds with the most failures of that time."""
    again = Exists(Job.objects.filter(retry_of=OuterRef("pk")))
    kinds = failed(days).annotate(again=again).values("operation", "error_code")
    rows = kinds.annotate(count=Count("pk"), left=Count("pk", filter=Q(again=False)), newest=Max("finished_at"))
    return [_failure(row) for row in rows.order_by("-count", "operation", "error_code")[:MOST_KINDS]]


def _failure(row: Mapping[str, Any]) -> Failure:
    of_kind = failed().filter(operation=row["operation"], error_code=row["error_code"], finished_at=row["newest"])
    newest = of_kind.values_list("error_message", "error_permanent").first() or ("", False)
    return Failure(
        row["operation"], row["error_code"], row["count"], row["left"], row["newest"], newest[0], is_owners=newest[1]
    )


def owners() -> list[OwnerLoad]:
    """Those with the most jobs that have not ended."""
    states = {state: Count("pk", filter=Q(status=state)) for state in map(str, Job.ACTIVE)}
    active = Job.objects.filter(status__in=Job.ACTIVE).order_by().values("owner", "owner__email")
    rows: Iterable[Any] = active.annotate(total=Count("pk"), **states).order_by("-total", "owner__email")[:MOST_OWNERS]
    return [
        OwnerLoad(row["owner"], row["owner__email"], *(row[state] for state in map(str, Job.ACTIVE))) for row in rows
    ]


def running() -> dict[str, Job]:
    """What is at work, by the name of the worker."""
    found = Job.objects.filter(status=S.RUNNING).select_related("video", "owner")
    found = found.defer("command_log", "log_tail", "error_detail")[:AT_ONCE]
    return {job.worker.rpartition(" ")[0]: job for job in found}


def coming() -> dict[str, Import]:
    """What is fetched from an address, by the name of the worker."""
    found = Import.objects.filter(status=Import.Status.RUNNING)[:AT_ONCE]
    return {row.worker.rpartition(" ")[0]: row for row in found}


def troubles(loads: Sequence[QueueLoad], disk: Disk) -> list[str]:
    """What somebody has to look at now, the worst first, each as a sentence."""
    found: list[str] = []
    if any(load.workers is None for load in loads):
        found.append("Redis does not answer. Work waits, and nobody can say which workers live.")
    for load in loads:
        if load.alive == 0 and (load.workers is not None):
            line_up = f", and {load.queued} wait in it" if load.queued else ""
            found.append(f"No worker listens to the queue “{load.name}”{line_up}.")
    registered = [worker for load in loads for worker in load.workers or ()]
    found += _lost([worker.name for worker in registered if not worker.is_alive])
    found += [told for worker in registered if (told := _skewed(worker))]
    found = list(dict.fromkeys([*found, *_here()]))  # of several workers of a host each says the same
    found += knowing.troubles()
    if disk.is_near_full:
        found.append("The disk is nearly full. Uploads are refused before nothing is left of it.")
    if near := [room.email for room in rooms() if room.is_near]:
        found.append(f"Nearly all of their quota is used by {_some(near)}. They can upload little more.")
    return found


def summary(troubles: Sequence[str]) -> str:
    """How things stand, in one sentence."""
    if not troubles:
        return "Everything is well."
    return "One thing wants looking at." if len(troubles) == 1 else f"{len(troubles)} things want looking at."


@dataclasses.dataclass(frozen=True)
class OwnerRoom:
    """What an account has in the storage, in bytes, of what it may; `most` 0: any amount."""

    pk: int
    email: str
    used: int
    most: int

    @property
    def share(self) -> float:
        return self.used / self.most if self.most else 0.0

    @property
    def is_near(self) -> bool:
        return self.share >= usage.NEAR


def rooms() -> list[OwnerRoom]:
    """Those nearest to their quota first, then those with most; by figures that are kept for a minute."""
    uses = {use.pk: use for use in storage_use.by_owner() if use.pk is not None}
    allowed = quota.of_many(list(uses))
    every = [OwnerRoom(pk, use.name, use.total, allowed[pk].bytes) for pk, use in uses.items()]
    return sorted(every, key=lambda one: (-one.share, -one.used))


def _skewed(worker: Worker) -> str:
    if abs(worker.skew_seconds) < SKEW_SECONDS:
        return ""
    way = "ahead of" if worker.skew_seconds > 0 else "behind"
    return (
        f"The clock of {worker.host or worker.name} is {wording.span(abs(worker.skew_seconds))} {way} the database's. "
        "No work is lost by that, but set it right."
    )


def _here() -> list[str]:
    """About the clock of this web process, by which codes of authenticator apps and confirmed passwords are judged."""
    if abs(clock.offset()) < SKEW_SECONDS:
        return []
    way = "behind" if clock.offset() > 0 else "ahead of"
    return [
        f"The clock of the web process on {socket.gethostname()} is {wording.span(abs(clock.offset()))} {way} the "
        "database's. Codes of authenticator apps may be refused: set it right."
    ]


def _lost(names: Sequence[str]) -> list[str]:
    """Of workers that have gone: in one sentence, as with a machine all go that it had."""
    if len(names) > 1:
        return [
            f"{len(names)} workers have gone without a word: {_some(names)}. What they did is done again by others."
        ]
    return [f"Worker {name} has gone without a word. What it did is done again by another." for name in names]


def _some(names: Sequence[str]) -> str:
    """“a, b, c and 4 others”."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} other{'s' * (more > 1)}" if more > 0 else "")


def state() -> str:
    """A short name for what the operators' page shows: changes with it, also as work goes on."""
    going_on = Job.objects.filter(status=S.RUNNING).order_by("pk").values_list("pk", "progress", "worker")[:AT_ONCE]
    percents = [(pk, int(progress * 100), worker) for pk, progress, worker in going_on]
    loads = [
        (load.name, load.queued, load.state.paused_at, load.state.draining_since, _stamps(load))
        for load in queue_load.every()
    ]
    arriving = [(row.pk, int((row.progress or 0) * 100), name) for name, row in sorted(coming().items())]
    return figures.digest(figures.state(None), percents, arriving, loads)


def _stamps(load: QueueLoad) -> Any:
    return load.workers and [
        (worker.name, worker.is_alive, worker.is_busy, worker.is_ending) for worker in load.workers
    ]


# Acting --------------------------------------------------------------------------------------------------------------


def retry_all(operation: str, code: str) -> Outcome:
    """Try all failed jobs of a kind again that nobody has. Each as its owner would, so that limits hold."""
    every = left(operation, code)
    count = every.count()
    done, refusals = 0, []
    for pk in list(every.values_list("pk", flat=True)[:AT_ONCE]):
        try:
            done += _retry(pk)
        except JobError as error:
            refusals.append(error.message)
    told = tuple(dict.fromkeys(refusals))
    return Outcome(done, len(refusals), told, max(0, count - AT_ONCE))


def _retry(pk: Any) -> bool:
    """False: somebody else was quicker. The row is held: of two who press at once one waits, and sees that."""
    seen = Job.objects.filter(pk=pk, status=S.FAILED, retries=None).first()
    if seen is None:
        return False
    _look_at_files(seen)
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=pk, status=S.FAILED).first()
        if job is None or job.retries.exists():
            return False
        again = runs.retry_job(job)
    # Those who were told inside of the transaction may not have seen it yet.
    line.ring(again.queue)
    publish.tell([again.owner_id])
    return True


def _look_at_files(job: Job) -> None:
    """Have what it needs looked at while no row is held: that may take minutes, and nobody else could write meanwhile.

    Raises InputError for a job by itself whose files are gone; a step of a chain may wait for its input again.
    """
    with contextlib.suppress(*((InputError,) if job.run_id else ())):
        versions.subject(job)
        for given in jobs.given(job):
            if given.kind == "recording":
                versions.find(job.owner, given.id)


def cancel_all(owner: Account) -> Outcome:
    """Stop all jobs of an account that have not ended: those in line first, so that none of them is begun meanwhile."""
    order = {str(S.WAITING): 0, str(S.QUEUED): 1, str(S.RUNNING): 2}
    active = sorted(Job.objects.of(owner).active(), key=lambda job: (order[job.status], job.created_at))
    done = sum(jobs.cancel(job) for job in active[:AT_ONCE])
    return Outcome(done, more=max(0, len(active) - AT_ONCE))
