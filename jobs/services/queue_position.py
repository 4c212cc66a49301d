"""The line for a free worker: who is where in it, and about how long it will take."""

import dataclasses
import statistics
from collections.abc import Iterable
from uuid import UUID

from django.db.models import DurationField, ExpressionWrapper, F

from jobs import wording
from jobs.models import Job
from jobs.services import queues

SAMPLE = 20
"""Past runs of an operation that its pace is taken from."""
ALIKE = 4
"""By how many times recordings may differ in length for one to tell of the other."""


@dataclasses.dataclass(frozen=True)
class Place:
    """`position` is 1 for the next one; `wait_minutes` is a guess, None when there is nothing to go by, or the queue is
    paused."""

    position: int
    wait_minutes: int | None
    paused: bool = False

    def __str__(self) -> str:
        """“Next in line, about 4 min”, “3rd in line”."""
        which = "Next" if self.position == 1 else wording.ordinal(self.position)
        wait = "" if self.wait_minutes is None else f", about {self.wait_minutes} min"
        return f"{which} in line{wait}"

    @property
    def stamp(self) -> str:
        """Changes with what a row shows of it."""
        return f"{self.position}-{self.wait_minutes}-{self.paused}"


def runs(operation: str) -> list[tuple[float, float]]:
    """Of the last runs that succeeded: seconds of work, and of recording."""
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    found = (
        Job.objects.filter(operation=operation, status=Job.Status.SUCCEEDED, video__duration_seconds__gt=0)
        .order_by("-finished_at")
        .values_list(took, "video__duration_seconds")[:SAMPLE]
    )
    return [(spent.total_seconds(), length) for spent, length in found if spent is not None]


def expected(past: Iterable[tuple[float, float]], length: float) -> float | None:
    """Seconds of work on a recording so long, by past runs on recordings not much shorter or longer; None without any.

    What every run takes, however short its recording, would make hours of a long one.
    """
    ratios = [spent / other for spent, other in past if length / ALIKE <= other <= length * ALIKE]
    return statistics.median(ratios) * length if ratios else None


def places(jobs: Iterable[Job]) -> dict[UUID, Place]:
    """The places of those of these jobs that are in line."""
    wanted = {job.pk: job.queue for job in jobs if job.status == Job.Status.QUEUED}
    found: dict[UUID, Place] = {}
    paused = queues.held() if wanted else set()
    for queue in set(wanted.values()):
        for pk, place in _walk(queue).items():
            if pk in wanted:
                found[pk] = Place(place.position, None, paused=True) if queue in paused else place
    return found


def _walk(queue: str) -> dict[UUID, Place]:
    """Everybody's place in one queue: the runs ahead, shared among as many workers as are at work now."""
    busy = list(
        Job.objects.filter(queue=queue, status=Job.Status.RUNNING).values_list(
            "operation", "eta_seconds", "video__duration_seconds"
        )
    )
    waiting = Job.objects.filter(queue=queue, status=Job.Status.QUEUED).order_by("queued_at", "pk")
    known: dict[str, list[tuple[float, float]]] = {}

    def guess(operation: str, length: float) -> float | None:
        if operation not in known:
            known[operation] = runs(operation)
        return expected(known[operation], length)

    ahead: float | None = 0.0
    for operation, eta, length in busy:
        left = eta if eta is not None else guess(operation, length)
        ahead = None if ahead is None or left is None else ahead + left
    found: dict[UUID, Place] = {}
    for position, (pk, operation, length) in enumerate(
        waiting.values_list("pk", "operation", "video__duration_seconds"), 1
    ):
        # Nothing ahead: a worker is about to take it.
        minutes = max(1, round(ahead / max(1, len(busy)) / 60)) if ahead else None
        found[pk] = Place(position, minutes)
        own = guess(operation, length)
        ahead = None if ahead is None or own is None else ahead + own
    return found
