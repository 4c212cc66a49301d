"""The line for a free worker: who is where in it, and about how long it will take."""

import dataclasses
import heapq
import itertools
import math
import statistics
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from redis.exceptions import RedisError

from jobs import clock, wording
from jobs.models import Job
from jobs.services import line, line_fronts, queues, workers
from jobs.services.expectation import CERTAINTY, Expected, Experiences, Load

WALKED = 100
"""How many turns are gone through one by one."""
MOST_COUNTED = 1000
"""How many of their jobs are looked at to tell those of one owner apart."""
LEFT = (
    *("operation", "load_key", "load_seconds", "load_megapixels"),
    *("status", "eta_seconds", "progress_at", "started_at", "finished_at"),
)
"""The columns that tell how long running work will still take."""


@dataclasses.dataclass(frozen=True)
class Place:
    """`position` is 1 for the next one; far behind it is a guess, too (`is_about`). `wait` is a guess of how many
    seconds it takes until a worker is free, 0 when one is; None when there is nothing to go by, or the queue is paused.
    `work` is one of how long it takes then. Both hold only where a worker is there (`served`). Who has put their own
    line on hold (`is_own`) has no position there: 0."""

    position: int
    wait: Expected | None = None
    work: Expected | None = None
    paused: bool = False
    is_about: bool = False
    served: bool = True
    is_own: bool = False

    def __str__(self) -> str:
        """“Next in line, takes about 2 min”, “3rd in line, about 3 to 6 min, then takes about 2 min”, “about 4,200th in
        line”: a guess is told in hundreds, so that a row need not be drawn again whenever a job is taken."""
        if self.is_own:
            return "Paused with your line"
        parts = [f"{self._ordinal} in line"]
        waits = self.wait is not None and self.wait.likely > 0
        if self.wait and waits:
            parts.append(wording.about(self.wait.low, self.wait.high))
        if self.work:
            parts.append(f"{'then ' if waits else ''}takes {wording.about(self.work.low, self.work.high)}")
        return ", ".join(parts)

    @property
    def starts(self) -> str:
        """The same where it is said already that it is next: “starts in about 2 min, then takes about 40 s”."""
        if not self.is_next:
            return str(self)
        waits = self.wait is not None and self.wait.likely > 0
        begins = f"in {wording.about(self.wait.low, self.wait.high)}" if self.wait and waits else "with the next worker"
        takes = f", then takes {wording.about(self.work.low, self.work.high)}" if self.work else ""
        return f"starts {begins}{takes}"

    @property
    def is_next(self) -> bool:
        return self.position == 1

    @property
    def called(self) -> str:
        """The same in two words, where there is little room: “Next”, “3rd in line”."""
        if self.is_own:
            return "Paused"
        return self._ordinal if self.position == 1 else f"{self._ordinal} in line"

    @property
    def _ordinal(self) -> str:
        if self.is_about:
            return f"About {wording.count(round(self.position, -2))}th"
        return "Next" if self.position == 1 else wording.ordinal(self.position)

    @property
    def stamp(self) -> str:
        """Changes with what a row shows of it."""
        return f"{self}{self.paused}"


ON_HOLD = Place(0, paused=True, is_own=True)


def places(jobs: Iterable[Job]) -> dict[UUID, Place]:
    """The places of those of these jobs that are in line."""
    in_line = [job for job in jobs if job.status == Job.Status.QUEUED]
    held, own, known = (queues.held(), set(line_fronts.held()), Experiences()) if in_line else ((), (), Experiences())
    found = {job.pk: ON_HOLD for job in in_line if job.owner_id in own}
    wanted: dict[str, list[Job]] = {}
    for job in in_line:
        if job.pk not in found:
            wanted.setdefault(job.queue, []).append(job)
    for queue, asked in wanted.items():
        found |= Walk(queue, known, {job.pk for job in asked}, own, paused=queue in held).places(asked)
    return found


class Walk:
    """A queue as workers take it if no others come: turn by turn as far as `WALKED`, from there on by what these turns
    were like, so that whoever asks does not go through a long line to its end; and no further than to the last of those
    that are asked about."""

    def __init__(
        self,
        queue: str,
        known: Experiences,
        wanted: Collection[UUID],
        on_hold: Collection[int],
        *,
        paused: bool = False,
    ) -> None:
        self.queue, self.known, self.paused = queue, known, paused
        self.many = line_fronts.counts(queue, on_hold)
        self.free = Workers(queue, known)
        self.served = paused or self.free.are_there
        self.turns: dict[UUID, Place] = {}
        self.costs: dict[int, list[float]] = {}
        self.work: list[Expected | None] = []
        left = set(wanted)
        for turn, load in itertools.islice(line.turns(queue, known, self.many, WALKED), WALKED):
            self._go(turn, load)
            left.discard(turn.job)
            if not left:
                break

    def _go(self, turn: line.Turn, load: Load) -> None:
        work = self.known.expected(load)
        wait = self.free.take(work)
        told = None if self.paused else wait
        self.turns[turn.job] = Place(len(self.turns) + 1, told, work, self.paused, served=self.served)
        self.costs.setdefault(turn.owner, []).append(line.cost(load, self.known))
        self.work.append(work)

    def places(self, jobs: Iterable[Job]) -> dict[UUID, Place]:
        """Those of these jobs that are in line there."""
        found, behind = dict[UUID, Place](), dict[int, list[Job]]()
        for job in jobs:
            if place := self.turns.get(job.pk):
                found[job.pk] = place
            elif job.queued_at and len(self.turns) < sum(self.many.values()):
                behind.setdefault(job.owner_id, []).append(job)
        for owner, own in behind.items():
            own.sort(key=lambda job: (job.queued_at, job.pk))
            is_all = len(own) == self.many.get(owner)
            aheads = range(len(own)) if is_all else line_fronts.ahead(self.queue, owner, own, MOST_COUNTED)
            for job, ahead in zip(own, aheads, strict=True):
                found[job.pk] = self._about(job, ahead)
        return found

    def _about(self, job: Job, own_ahead: int) -> Place:
        """Everybody gets equal time: until the owner's turn comes, each of the others has as much of it."""
        mean = self._cost(None)
        time = own_ahead * self._cost(job.owner_id, mean)
        others = [
            min(count, time / self._cost(owner, mean)) for owner, count in self.many.items() if owner != job.owner_id
        ]
        position = max(len(self.turns), round(own_ahead + sum(others))) + 1
        wait = None if self.paused else self.free.later(position - len(self.turns) - 1, self.work)
        work = self.known.expected(Load.of_job(job))
        return Place(position, wait, work, self.paused, is_about=True, served=self.served)

    def _cost(self, owner: int | None, otherwise: float = 1.0) -> float:
        """What a job of an owner, or of all, costs on the average."""
        costs = self.costs.get(owner, ()) if owner else [cost for own in self.costs.values() for cost in own]
        return statistics.fmean(costs) if costs else otherwise


class Workers:
    """When each worker of a queue will be free: a guess in seconds, and the variance of that; never for one whose work
    nothing is known about. Where none is there, one is reckoned with, as the next job waits for that."""

    def __init__(self, queue: str, known: Experiences) -> None:
        at_work = Job.objects.filter(queue=queue, status=Job.Status.RUNNING).order_by().only(*LEFT)
        busy = [remaining(job, known) for job in at_work]
        alive = count(queue)
        self.are_there = alive is not None and (alive > 0 or bool(busy))
        idle = max((alive or 0) - len(busy), 0 if busy else 1)
        self._free = [(0.0, 0.0)] * idle + [length(left) for left in busy]
        heapq.heapify(self._free)

    def take(self, work: Expected | None) -> Expected | None:
        """How long the next job waits, whose work then keeps its worker busy; None when nobody can say."""
        seconds, variance = self._free[0]
        more, doubt = length(work)
        heapq.heapreplace(self._free, (seconds + more, variance + doubt))
        return None if math.isinf(seconds) else ranged(seconds, variance)

    def later(self, jobs: int, others: Sequence[Expected | None]) -> Expected | None:
        """How long the one waits that comes after so many more, which take as long as these others did."""
        sums = [length(work) for work in others if jobs] or [(0.0, 0.0)]  # none: all were taken while we looked
        seconds = sum(one for one, _ in self._free) + jobs * statistics.fmean(one for one, _ in sums)
        variance = sum(doubt for _, doubt in self._free) + jobs * statistics.fmean(doubt for _, doubt in sums)
        workers = len(self._free)
        return None if math.isinf(seconds) else ranged(seconds / workers, variance / workers**2)


def count(queue: str) -> int | None:
    """How many workers listen; None when Redis is away and nobody knows."""
    try:
        return workers.alive(queue)
    except (RedisError, OSError):
        return None


def remaining(job: Job, known: Experiences) -> Expected | None:
    """What is left of a running job, by what it says itself or by what others like it took."""
    if job.eta_seconds is not None:
        since = (clock.now() - job.progress_at).total_seconds() if job.progress_at else 0.0
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
