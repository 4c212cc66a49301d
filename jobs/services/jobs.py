"""What is done with jobs. Row first, then queue: the row is the truth, the entry in Redis only wakes a worker."""

import dataclasses
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from jobs import publish, storage
from jobs.errors import InputError, NotNow
from jobs.models import Account, Job, Video
from jobs.operations import registry
from jobs.operations.base import Given, Params
from jobs.operations.fields import GivenKind
from jobs.services import allowance, expectation, inputs, line
from jobs.services.parameters import as_json, from_json

# Making --------------------------------------------------------------------------------------------------------------


def create(
    owner: Account,
    video: Video,
    slug: str,
    params: Params,
    *,
    after: Iterable[Job] = (),
    idempotency_key: str | None = None,
    retry_of: Job | None = None,
) -> Job:
    """Make a job and put it in line, or let it wait for the jobs in `after`.

    Raises InputError when the recording, or another file that the parameters name, does not allow the work, and when
    the owner has asked for too much (see `allowance`).
    """
    registry.get(slug).check(video.info, params)
    inputs.find(owner, video, slug, params)
    return _create(owner, video, slug, as_json(params), after, idempotency_key, retry_of)


def create_ordered(video: Video, slug: str, params: Params, idempotency_key: str) -> Job:
    """Make the job of work that was checked and ordered before its recording had arrived.

    Another file that it needs may have gone meanwhile, or the owner have asked for too much. That is no reason to
    refuse the recording: the job says so.
    """
    try:
        return _create(video.owner, video, slug, as_json(params), [], idempotency_key, None)
    except InputError as refusal:
        return _create(video.owner, video, slug, as_json(params), [], idempotency_key, None, refusal)


def _create(
    owner: Account,
    video: Video,
    slug: str,
    params: dict[str, Any],
    after: Iterable[Job],
    idempotency_key: str | None,
    retry_of: Job | None,
    refusal: InputError | None = None,
) -> Job:
    """`refusal`: why it is to fail at once."""
    before = list(after)
    read = from_json(slug, params)
    with transaction.atomic():
        if not refusal:
            allowance.claim(owner, video)
        job = Job.objects.create(
            owner=owner,
            video=video,
            operation=slug,
            params=params,
            queue=registry.get(slug).queue_for(read),
            **expectation.fields(video.info, slug, read),
            idempotency_key=idempotency_key,
            retry_of=retry_of,
            status=Job.Status.WAITING if before else Job.Status.QUEUED,
            queued_at=None if before else Now(),
            active_at=Now(),
        )
        job.refresh_from_db(fields=["queued_at", "active_at"])
        job.after.set(before)
        inputs.mark_used(given(job))
    if refusal:
        job.fail(refusal)
    elif before:
        settle(job)
    else:
        line.ring(job.queue)
    publish.line_changed(job)
    return job


def retry(job: Job) -> Job:
    """A new job that does the same again. Raises InputError while the old one is still under way, and when another file
    that it needs is gone."""
    if job.is_active:
        raise InputError("This job is still under way. Cancel it first, then try again.", code="still_active")
    if job.operation not in {operation.slug for operation in registry.every()}:
        raise InputError("This kind of work is not offered any more.", code="unknown_operation")
    inputs.find(job.owner, job.video, job.operation, from_json(job.operation, job.params))
    return _create(job.owner, job.video, job.operation, job.params, [], None, job)


def encode_whole(job: Job) -> Job:
    """A new job that makes the same as MP4 with the whole picture encoded, which every browser plays.

    Raises InputError where the work has no such choice, and as `create` does.
    """
    is_offered = job.operation in {operation.slug for operation in registry.every()}
    params = from_json(job.operation, job.params) if is_offered else None
    if params is None or not {"render", "container"} <= {field.name for field in dataclasses.fields(params)}:
        raise InputError("This kind of work has no other way to encode its result.", code="no_other_way")
    whole = dataclasses.replace(params, render="encode", container="mp4")
    return create(job.owner, job.video, job.operation, whole)


# Changing ------------------------------------------------------------------------------------------------------------


def cancel(job: Job) -> bool:
    """Stop it, wherever it is. Running work notices within a second or so. False: it had already ended."""
    if not job.cancel():
        return False
    ended(job)
    return True


def remove(job: Job) -> None:
    """Delete a job that ended, with its files. Raises InputError while it is under way."""
    if job.is_active:
        raise InputError("This job is still under way. Cancel it first, then remove it.", code="still_active")
    erase(job)


def erase(job: Job) -> None:
    """Delete a job with its files, whatever its state; running work stops because its row is gone."""
    pk = job.pk
    if job.is_active and not job.attempt:
        allowance.give_back(job)
    for dependant in job.dependants.filter(status=Job.Status.WAITING):
        _fail_dependant(dependant)
    job.delete()
    storage.delete_tree(storage.artifacts_key(pk))
    publish.line_changed(job)


def ended(job: Job) -> None:
    """To be called after a job reached its end: wakes what waited for it, and tells the pages."""
    if not job.attempt:
        allowance.give_back(job)
    line.rest(job.queue)
    for dependant in job.dependants.filter(status=Job.Status.WAITING):
        settle(dependant)
    publish.line_changed(job)


def settle(job: Job) -> None:
    """Put a waiting job in line if all that it waits for succeeded, or fail it if something did not."""
    states = set(job.after.values_list("status", flat=True))
    if states <= {Job.Status.SUCCEEDED}:
        if job.enqueue():
            line.ring(job.queue)
            publish.line_changed(job)
    elif states & {Job.Status.FAILED, Job.Status.CANCELLED}:
        _fail_dependant(job)


def _fail_dependant(job: Job) -> None:
    error = NotNow(
        "The job that this one waited for did not succeed. Try that one again, then this one.",
        code="prerequisite_failed",
    )
    if job.fail(error):
        ended(job)


# Other files ---------------------------------------------------------------------------------------------------------


def given(job: Job) -> list[Given]:
    """The other files that a job needs."""
    try:
        return list(job.kind.inputs(from_json(job.operation, job.params)).values())
    except KeyError:  # an operation that is gone
        return []


def needing(owner: Account, kind: GivenKind, pk: UUID) -> list[Job]:
    """The owner's jobs under way that need this recording or image besides their own recording."""
    wanted = Given(kind, str(pk))
    return [job for job in Job.objects.of(owner).active() if wanted in given(job)]


def fail_needing(owner: Account, kind: GivenKind, pk: UUID) -> None:
    """To be called after a recording or image was deleted: what cannot be done without it ends at once."""
    error = InputError(
        f"The {kind} that this needed has been deleted. Choose another one and start it again.", code="missing_input"
    )
    for job in needing(owner, kind, pk):
        if job.fail(error):
            ended(job)


def find_idempotent(owner: Account, key: str) -> Job | None:
    return Job.objects.of(owner).filter(idempotency_key=key).first()
