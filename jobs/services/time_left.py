"""How long until a chain has come to its end: the longest way through its steps."""

import math
from collections.abc import Mapping
from uuid import UUID

from jobs.models import Job, Run
from jobs.services import queue_position, runs
from jobs.services.expectation import Expected, Experiences, Load
from jobs.services.queue_position import Place, length, ranged


def of(run: Run, places: Mapping[UUID, Place] | None = None, known: Experiences | None = None) -> Expected | None:
    """What its steps will take from now on, each after its input and, where it is in line, after its place.

    `places` are those of its jobs, when they are known already; `known` is shared where several are asked about. None
    when it has ended or is held up, or nobody can say. How long a step will wait for a worker when its input is there
    is not foreseen: others may come until then.
    """
    jobs = runs.jobs_of(run)
    if not run.is_active:
        return None
    known = known or Experiences()
    known.know(Load.of_job(job) for job in jobs.values())
    places = queue_position.places(jobs.values()) if places is None else places
    ends: dict[str | None, tuple[float, float]] = {None: (0.0, 0.0)}
    for step in runs.chain_of(run):
        begin = ends.get(step.input, (0.0, 0.0))
        more = _more(jobs[step.name], known, places) if step.name in jobs else (0.0, 0.0)
        ends[step.name] = (begin[0] + more[0], begin[1] + more[1])
    seconds, variance = max(ends.values())
    return None if math.isinf(seconds) else ranged(seconds, variance)


def _more(job: Job, known: Experiences, places: Mapping[UUID, Place]) -> tuple[float, float]:
    """Seconds that a step takes once its input is there, and their variance."""
    if not job.is_active:
        return 0.0, 0.0
    if job.status == Job.Status.RUNNING:
        return length(queue_position.remaining(job, known))
    work = length(known.expected(Load.of_job(job)))
    wait = length(places[job.pk].wait) if job.pk in places else (0.0, 0.0)
    return work[0] + wait[0], work[1] + wait[1]
