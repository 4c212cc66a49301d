"""The line for a free worker: who is where in it, and about how long it will take."""

import dataclasses
import heapq
import math
from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone
from redis.exceptions import RedisError

from jobs import wording
from jobs.models import Job
from jobs.services import line, queues, workers
from jobs.services.expectation import CERTAINTY, Expected, Experiences, Load


@dataclasses.dataclass(frozen=True)
class Place:
    """`position` is 1 for the next one. `wait` is a guess of how many seconds it takes until a worker is free, 0 when
    one is; None when there is nothing to go by, or the queue is paused. `work` is one of how long it takes then."""

    position: int
    wait: Expected | None = None
    work: Expected | None = None
    paused: bool = False

    def __str__(self) -> str:
        """“Next in line, takes about 2 min”, “3rd in line, about 3 to 6 min, then takes about 2 min”."""
        parts = [f"{'Next' if self.position == 1 else wording.ordinal(self.position)} in line"]
        waits = self.wait is not None and self.wait.likely > 0
        if self.wait and waits:
            parts.append(wording.about(self.wait.low, self.wait.high))
        if self.work:
            parts.append(f"{'then ' if waits else ''}takes {wording.about(self.work.low, self.work.high)}")
        return ", ".join(parts)

    @property
    def stamp(self) -> str:
        """Changes with what a row shows of it."""
        return f"{self}{self.paused}"


def places(jobs: Iterable[Job]) -> dict[UUID, Place]:
    """The places of those of these jobs that are in line."""
    wanted = {job.pk: job.queue for job in jobs if job.status == Job.Status.QUEUED}
    held = queues.held() if wanted else set()
    found: dict[UUID, Place] = {}
    for queue in set(wanted.values()):
        for pk, place in walked(queue, paused=queue in held).items():
            if pk in wanted:
                found[pk] = place
    return found


def walked(queue: str, *, paused: bool = False) -> dict[UUID, Place]:
    """Everybody's place in one queue, in the order in which workers take the jobs if no others come."""
    known, found = Experiences(), {}
    free = Workers(queue, known)
    for position, (turn, load) in enumerate(line.turns(queue, known), 1):
        work = known.expected(load)
        wait = free.take(work)
        found[turn.job] = Place(position, None if paused else wait, work, paused)
    return found


class Workers:
    """When each worker of a queue will be free: a guess in seconds, and the variance of that; never for one whose work
    nothing is known about."""

    def __init__(self, queue: str, known: Experiences) -> None:
        busy = [remaining(job, known) for job in Job.objects.filter(queue=queue, status=Job.Status.RUNNING)]
        idle = max(count(queue) - len(busy), 0 if busy else 1)
        self._free = [(0.0, 0.0)] * idle + [length(left) for left in busy]
        heapq.heapify(self._free)

    def take(self, work: Expected | None) -> Expected | None:
        """How long the next job waits, whose work then keeps its worker busy; None when nobody can say."""
        seconds, variance = self._free[0]
        more, doubt = length(work)
        heapq.heapreplace(self._free, (seconds + more, variance + doubt))
        return None if math.isinf(seconds) else ranged(seconds, variance)


def count(queue: str) -> int:
    """How many workers listen; one when Redis is away and nobody knows."""
    try:
        return workers.alive(queue)
    except (RedisError, OSError):
        return 1


def remaining(job: Job, known: Experiences) -> Expected | None:
    """What is left of a running job, by what it says itself or by what others like it took."""
    if job.eta_seconds is not None:
        since = (timezone.now() - job.progress_at).total_seconds() if job.progress_at else 0.0
        left = max(job.eta_seconds - since, 0.2 * job.eta_seconds, 0.5)
        return Expected(left / 1.3, left, left * 1.3)
    whole = known.expected(Load.of_job(job))
    return whole.less(job.elapsed_seconds or 0.0) if whole else None


def length(work: Expected | None) -> tuple[float, float]:
    """Seconds and their variance."""
    if work is None:
        return math.inf, 0.0
    return work.likely, ((work.high - work.low) / (2 * CERTAINTY)) ** 2


def ranged(seconds: float, variance: float) -> Expected:
    reach = CERTAINTY * math.sqrt(variance)
    return Expected(max(seconds / 3, seconds - reach), seconds, seconds + reach)
