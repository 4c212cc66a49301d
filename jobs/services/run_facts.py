"""What is told of chains at work, of many in as few queries as of one."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import Prefetch, Sum, prefetch_related_objects

from jobs.models import Artifact, Job, Run
from jobs.services import queue_position, runs, time_left
from jobs.services.expectation import Expected, Experiences, Load


@dataclasses.dataclass(frozen=True)
class Facts:
    """By the names of steps the jobs that count, and the sizes in bytes of results that go when the chain has been done
    for a while; `left` is how long it will take from now on, None when it has ended or nobody can say."""

    jobs: Mapping[str, Job]
    passing: Mapping[str, int]
    left: Expected | None


def of(found: Sequence[Run]) -> list[Facts]:
    """The facts about each of these, in their order."""
    prefetch_related_objects(found, Prefetch("jobs", Job.objects.without_logs()))
    told = [(run, runs.jobs_of(run)) for run in found]
    passing = [_passing(run, jobs) for run, jobs in told]
    sizes = _sizes(job.pk for jobs in passing for job in jobs.values())
    under_way = [job for run, jobs in told if run.is_active for job in jobs.values()]
    places, known = queue_position.places(under_way), Experiences()
    known.know(map(Load.of_job, under_way))
    return [
        Facts(
            jobs,
            {name: sizes[job.pk] for name, job in goes.items() if job.pk in sizes},
            time_left.of(run, places, known),
        )
        for (run, jobs), goes in zip(told, passing, strict=True)
    ]


def _passing(run: Run, jobs: Mapping[str, Job]) -> dict[str, Job]:
    """The steps whose results are only on the way, and still there."""
    names = set(runs.passed_on(run))
    return {name: job for name, job in jobs.items() if name in names and not job.dropped_at}


def _sizes(jobs: Iterable[UUID]) -> dict[UUID, int]:
    """Bytes of all results, by job."""
    return dict(Artifact.objects.filter(job__in=list(jobs)).values_list("job").annotate(size=Sum("size")).order_by())
