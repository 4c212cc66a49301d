"""What follows when a job comes in line, begins and ends: for its chain, for jobs that wait for it, for open pages."""

from jobs import publish
from jobs.errors import NotNow
from jobs.models import Job
from jobs.services import allowance, line, reuse


def begin(job: Job) -> None:
    """For a job that has come in line: in a chain it may have been done before, else a worker is woken."""
    if job.run_id and reuse.take(job):
        allowance.give_back(job)
        ended(job)
    else:
        line.ring(job.queue)


def started(job: Job) -> None:
    """To be called after a worker began a job."""
    if job.run:
        job.run.follow()
    publish.line_changed(job)


def ended(job: Job) -> None:
    """To be called after a job reached its end: wakes what waited for it, and tells the pages."""
    if not job.attempt:
        allowance.give_back(job)
    line.rest(job.queue)
    _settle_dependants(job)
    if job.run:
        job.run.follow()
    publish.line_changed(job)


def _settle_dependants(job: Job) -> None:
    for dependant in job.dependants.filter(status=Job.Status.WAITING):
        settle(dependant)


def settle(job: Job) -> None:
    """Put a waiting job in line if all that it waits for succeeded. If something did not it fails, but in a chain it
    waits until that is tried again."""
    states = dict(job.after.values_list("pk", "status"))
    if set(states.values()) <= {Job.Status.SUCCEEDED}:
        if job.enqueue():
            begin(job)
            publish.line_changed(job)
    elif job.run:
        if (stage := _held_by(job)) and job.hold(stage):
            _settle_dependants(job)
    elif set(states.values()) & {Job.Status.FAILED, Job.Status.CANCELLED}:
        _fail_dependant(job)


def _held_by(job: Job) -> str:
    """What a job of a chain waits for that will not come by itself; "" for nothing."""
    for before in job.after.all():
        if before.status in (Job.Status.FAILED, Job.Status.CANCELLED):
            how = "failed" if before.status == Job.Status.FAILED else "was cancelled"
            return f"Waits for “{before.step}”, which {how}"
        if before.status == Job.Status.WAITING and before.stage:
            return f"Waits for “{before.step}”"
    return ""


def fail_dependants(job: Job) -> None:
    """For a job that goes: what waits for it will not come to begin."""
    for dependant in job.dependants.filter(status=Job.Status.WAITING):
        _fail_dependant(dependant)


def _fail_dependant(job: Job) -> None:
    error = NotNow(
        "The job that this one waited for did not succeed. Try that one again, then this one.",
        code="prerequisite_failed",
    )
    if job.fail(error):
        ended(job)
