"""Chains at work: a job for each step, which waits for the step whose result it works on.

The rows of the jobs are the truth; that of the run follows them. Each step starts as soon as its input is there, by
`lifecycle.settle`, so nothing here has to be alive for a chain to go on.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from jobs import publish, storage
from jobs.errors import InputError
from jobs.models import Account, Artifact, Job, Run, Video
from jobs.models.run import UNSUCCESSFUL, latest
from jobs.services import allowance, jobs, lifecycle, pipelines, steps, versions
from jobs.services.jobs import Order
from jobs.services.steps import Step


def start(
    owner: Account,
    subject: Video,
    chain: Sequence[Step],
    name: str,
    *,
    slug: str = "",
    idempotency_key: str | None = None,
) -> Run:
    """Run a chain on a recording, which may be a result. `chain` is in order, as `steps.read` gives it.

    Raises StepError and InputError when the recording, or another file that steps name, does not allow it, and when the
    owner has asked for too much.
    """
    steps.check_for(chain, owner, subject)
    run = Run(owner=owner, video=subject.root, slug=slug, name=name[:200], idempotency_key=idempotency_key)
    _set_off(run, _inserted(run, chain, subject))
    return run


def start_ordered(video: Video, chain: Sequence[Step], name: str, idempotency_key: str, slug: str = "") -> Run:
    """Run a chain that was ordered before its recording had arrived, as far as that allows it.

    Another file that it needs may have gone meanwhile, or the owner have asked for too much. That is no reason to
    refuse the recording: the first steps say so.
    """
    run = Run(owner=video.owner, video=video, slug=slug, name=name[:200], idempotency_key=idempotency_key)
    try:
        steps.check_for(chain, video.owner, video)
        made = _inserted(run, chain, video)
    except InputError as refusal:
        made = _inserted(run, chain, video, claims=False)
        for job in made:
            if job.status == Job.Status.QUEUED:
                job.fail(refusal)
    _set_off(run, made)
    return run


def _inserted(run: Run, chain: Sequence[Step], subject: Video, *, claims: bool = True) -> list[Job]:
    """The rows of a run and of its jobs, which nobody works on yet."""
    run.steps = [step.to_json() for step in chain]
    run.on_result = subject.artifact_id is not None
    run.source = subject if run.on_result else None
    with transaction.atomic():
        run.save(force_insert=True)
        made: dict[str | None, Job] = {}
        for step in chain:
            if claims:
                allowance.claim(run.owner, run.video)
            made[step.name] = jobs.insert(_order(run, step, made.get(step.input)))
    return list(made.values())


def _order(run: Run, step: Step, before: Job | None, retry_of: Job | None = None) -> Order:
    """`before` is the job of the step's input. Raises InputError when what the chain works on is gone."""
    subject = subject_of(run)
    return Order(
        run.owner,
        run.video,
        step.operation,
        dict(step.params),
        source=subject if run.on_result and before is None else None,
        source_job=before,
        after=(before,) if before else (),
        retry_of=retry_of,
        run=run,
        step=step.name,
        handover=steps.hands_over(chain_of(run), step, subject.info),
    )


def _set_off(run: Run, made: Sequence[Job]) -> None:
    """Put in line what can begin, once all rows are there."""
    for job in made:
        job.refresh_from_db()
        if job.status == Job.Status.QUEUED:
            lifecycle.begin(job)
        elif job.status == Job.Status.WAITING:
            lifecycle.settle(job)
    run.follow()
    publish.tell([run.owner_id])


def find_idempotent(owner: Account, key: str) -> Run | None:
    return Run.objects.of(owner).filter(idempotency_key=key).first()


def chain_of(run: Run) -> list[Step]:
    return steps.stored(run.steps)


def jobs_of(run: Run) -> dict[str, Job]:
    """The job that counts for each step, by the step's name, in the order of the chain."""
    found = latest(run.jobs.all())
    return {step["name"]: found[step["name"]] for step in run.steps if step["name"] in found}


def subject_of(run: Run) -> Video:
    """What its first steps work on. Raises InputError when that was a result that is gone."""
    if run.subject is None:
        raise versions.gone()
    return run.subject


def cancel(run: Run) -> bool:
    """Stop all its steps. False: it had already ended."""
    stopped = [jobs.cancel(job) for job in run.jobs.filter(under_way=1)]
    run.follow(changed=False)
    return any(stopped)


def retry(run: Run) -> Run:
    """Go on from the steps that did not succeed; what is good stays.

    Raises InputError while something of it is under way, when nothing has failed, and when what it works on is gone.
    """
    if run.is_active:
        raise _under_way()
    if not _make_again(run, lambda job: True):
        run.refresh_from_db()
        if run.is_active:  # somebody else was quicker
            raise _under_way()
        raise InputError("Every step of this chain has succeeded, so there is nothing to try again.", code="all_done")
    return run


def again(run: Run, params: Mapping[str, Mapping[str, Any]], idempotency_key: str | None = None) -> Run:
    """Run its chain anew with other parameters, by the names of steps. Steps whose results are there already, because
    nothing before them and in them has changed, take these.

    Raises StepError and InputError as `start`.
    """
    raw = [pipelines.shown(step) for step in chain_of(run)]
    changed = [{**step, "params": {**step["params"], **params.get(step["name"], {})}} for step in raw]
    chain = steps.read(changed, run.owner)
    return start(run.owner, subject_of(run), chain, run.name, slug=run.slug, idempotency_key=idempotency_key)


def retry_job(job: Job, idempotency_key: str | None = None) -> Job:
    """Do the same again: in its chain where that waits for it, else as a job of its own, marked by the key. Raises
    InputError."""
    run = job.run
    if run is None or job.status not in UNSUCCESSFUL:
        return jobs.retry(job, idempotency_key)
    if jobs_of(run).get(job.step) != job:
        raise InputError("This step has been tried again already. Look at the newer try.", code="tried_again")
    made = _make_again(run, lambda other: other.pk == job.pk)
    if job.step not in made:
        raise _under_way()
    return made[job.step]


def _under_way() -> InputError:
    return InputError("This chain is still under way. Cancel it first, then try again.", code="still_active")


def _make_again(run: Run, wanted: Callable[[Job], bool]) -> dict[str, Job]:
    """New jobs for steps that did not succeed, by name, and those that wait for them set to wait for the new ones.

    The row of the run is held meanwhile, so that of two who ask for this at once one finds it done.
    """
    chain, made = chain_of(run), dict[str, Job]()
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=run.pk)
        current: dict[str | None, Job] = {name: job for name, job in jobs_of(run).items()}  # noqa: C416 wider keys
        missing = _missing(chain, current, wanted)
        for step in chain:
            job, before = current.get(step.name), current.get(step.input)
            if step.name in missing:
                allowance.claim(run.owner, run.video)
                current[step.name] = made[step.name] = jobs.insert(_order(run, step, before, job))
            elif job and before and job.status == Job.Status.WAITING and before.pk != job.source_job_id:
                job.wait_for(before)
        if made:
            # Not ended any more, at once: what waits in a chain that has ended is left alone.
            facts = {"status": Job.Status.QUEUED, "finished_at": None, "is_tidy": False}
            Run.objects.filter(pk=run.pk).update(version=F("version") + 1, **facts)
    if made:
        _set_off(run, [job for job in current.values() if job.is_active])
    return made


def _missing(chain: Sequence[Step], current: Mapping[str | None, Job], wanted: Callable[[Job], bool]) -> set[str]:
    """The names of steps to do again: those that did not succeed, as far as wanted, and those whose results, which
    these or others that wait work on, have been dropped or removed since."""
    found: set[str] = set()
    needed: set[str | None] = set()
    for step in reversed(chain):
        job = current.get(step.name)
        is_gone = step.name in needed and (job is None or job.dropped_at is not None)
        if is_gone or (job is not None and job.status in UNSUCCESSFUL and wanted(job)):
            found.add(step.name)
        if step.name in found or (job is not None and job.status == Job.Status.WAITING):
            needed.add(step.input)
    return found


def remove(run: Run, *, with_followers: bool = False) -> None:
    """Delete a chain that ended, with the files of all its steps. Raises InputError as `jobs.remove`."""
    if run.is_active:
        raise InputError("This chain is still under way. Cancel it first, then remove it.", code="still_active")
    jobs.stop_needing(needing_results(run), with_followers)
    for job in list(Job.with_trash.filter(run=run)):
        jobs.erase(job)
    run.delete()
    publish.tell([run.owner_id])


def needing_results(run: Run) -> list[Job]:
    """The jobs under way outside of the chain that need results of its steps."""
    found = {other.pk: other for job in run.jobs.all() for other in jobs.needing_results(job)}
    return [other for other in found.values() if other.run_id != run.pk]


# Files that are only on the way --------------------------------------------------------------------------------------


def goes_at(run: Run) -> datetime | None:
    """When results that are only on the way are dropped; None while the chain has not succeeded."""
    if run.status != Job.Status.SUCCEEDED or run.finished_at is None:
        return None
    return run.finished_at + timedelta(minutes=settings.PASSED_ON_MINUTES)


def keep(run: Run, name: str) -> None:
    """Let the result of a step stay. Raises InputError when there is no such step, or its result is gone."""
    job = jobs_of(run).get(name)
    if job is None or job.dropped_at:
        raise InputError("The result of this step is not there any more. Run the chain again.", code="gone")
    with transaction.atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        row.steps = [{**step, "keep": step["keep"] or step["name"] == name} for step in row.steps]
        row.save(update_fields=["steps"])
    run.refresh_from_db()
    run.follow()
    publish.tell([run.owner_id])


def sweep() -> None:
    """One round of the reconciler: put right what a death in between left, and drop what was only on the way."""
    for run in Run.objects.active():
        run.follow(changed=False)
    before = Now() - timedelta(minutes=settings.PASSED_ON_MINUTES)
    for run in Run.objects.filter(status=Job.Status.SUCCEEDED, is_tidy=False, finished_at__lt=before):
        tidy(run)


def tidy(run: Run) -> None:
    """Drop the results that were only on the way, but for those that other work under way still needs."""
    found, left = jobs_of(run), False
    for name in passed_on(run):
        job = found.get(name)
        if job is None or job.dropped_at:
            continue
        if jobs.needing_results(job):
            left = True
            continue
        drop(job)
        run.follow()
        publish.tell([run.owner_id])
    if not left:
        Run.objects.filter(pk=run.pk).update(is_tidy=True)


def passed_on(run: Run) -> list[str]:
    """The names of steps whose results are only on the way; none of a chain with work that is not offered any more."""
    try:
        return [step.name for step in steps.passed_on(chain_of(run))]
    except InputError:
        return []


def drop(job: Job) -> None:
    """Delete the results of a job, whose row stays and says so."""
    artifacts = list(Artifact.with_trash.filter(job=job))
    with transaction.atomic():
        Job.objects.filter(pk=job.pk, dropped_at=None).update(dropped_at=Now(), changed_at=Now())
        Artifact.with_trash.filter(job=job).delete()
    storage.tidy(storage.artifacts_key(job.pk))
    versions.forget(artifacts)
