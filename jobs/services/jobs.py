"""What is done with jobs. Row first, then queue: the row is the truth, the entry in Redis only wakes a worker."""

import dataclasses
import functools
import operator
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast, Now

from jobs import publish, storage
from jobs.errors import InputError
from jobs.models import Account, Artifact, Job, Run, Video
from jobs.operations import registry
from jobs.operations.base import Given, Params
from jobs.operations.fields import GivenKind
from jobs.services import allowance, expectation, inputs, knowing, lifecycle, makes, uses, versions
from jobs.services.parameters import as_json, from_json, refuse_unfit

MOST_EARLIER = 50
"""How many tries of the same are told."""
NAMES = 200
"""How many files one statement looks for in the parameters of work."""

# Making --------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Order:
    """What a job is made of: `params` as JSON, on `video` or, where `source` or `source_job` is given, on a result that
    came of it."""

    owner: Account
    video: Video
    operation: str
    params: dict[str, Any]
    source: Video | None = None
    source_job: Job | None = None
    after: tuple[Job, ...] = ()
    idempotency_key: str | None = None
    retry_of: Job | None = None
    run: Run | None = None
    step: str = ""
    handover: bool = False

    @classmethod
    def on(cls, subject: Video, slug: str, params: Params, **rest: Any) -> "Order":
        """Work on a recording, which may be a result."""
        source = subject if subject.artifact_id else None
        return cls(subject.owner, subject.root, slug, as_json(params), source, **rest)


def create(
    owner: Account,
    video: Video,
    slug: str,
    params: Params,
    *,
    after: Iterable[Job] = (),
    idempotency_key: str | None = None,
) -> Job:
    """Make a job and put it in line, or let it wait for the jobs in `after`.

    Raises InputError when the recording, or another file that the parameters name, does not allow the work, and when
    the owner has asked for too much (see `allowance`).
    """
    check(video, slug, params)
    return make(Order.on(video, slug, params, after=tuple(after), idempotency_key=idempotency_key))


def check(subject: Video, slug: str, params: Params) -> None:
    """Raise InputError when the recording, or another file that the parameters name, does not allow the work."""
    if subject.missing_since:
        raise InputError(
            "The file of this recording is missing from the server. Upload the recording anew.", code="missing_file"
        )
    registry.get(slug).check(subject.info, params)
    inputs.find(subject.owner, subject, slug, params)


def create_on_result(
    before: Job, slug: str, params: Params, *, after: tuple[Job, ...] = (), idempotency_key: str | None = None
) -> Job:
    """Make a job on the result of another one, which may still be under way.

    Raises InputError as `create` does, and when that one has no result, or will have none.
    """
    if before.status == Job.Status.SUCCEEDED:
        version = versions.of(versions.result_of(before))
        refuse_unfit(slug, version.info)
        check(version, slug, params)
        order = Order.on(version, slug, params, source_job=before, after=after, idempotency_key=idempotency_key)
        return make(order)
    if not before.is_active:
        raise InputError(
            "The job whose result this was to work on did not succeed. Try that one again first.",
            code="prerequisite_failed",
        )
    makes.refuse_unfit(slug, makes.of_job(before), f"“{before.operation_title}”")
    waits = (before, *(job for job in after if job != before))
    order = Order(before.owner, before.video, slug, as_json(params), None, before, waits, idempotency_key)
    return make(order)


def create_ordered(video: Video, slug: str, params: Params, idempotency_key: str) -> Job:
    """Make the job of work that was checked and ordered before its recording had arrived.

    Another file that it needs may have gone meanwhile, or the owner have asked for too much. That is no reason to
    refuse the recording: the job says so.
    """
    order = Order.on(video, slug, params, idempotency_key=idempotency_key)
    try:
        return make(order)
    except InputError as refusal:
        return make(order, refusal)


def make(order: Order, refusal: InputError | None = None) -> Job:
    """Make a job of what was checked before. `refusal`: why it is to fail at once."""
    with transaction.atomic():
        if not refusal:
            allowance.claim(order.owner, order.video)
        job = insert(order)
    if refusal:
        job.fail(refusal)
    elif order.after:
        lifecycle.settle(job)
    else:
        lifecycle.begin(job)
    publish.line_changed(job)
    return job


def insert(order: Order) -> Job:
    """The row of a job, and nothing else. Call it in a transaction."""
    fields = {field.name: getattr(order, field.name) for field in dataclasses.fields(order) if field.name != "after"}
    on_result = bool(order.source or order.source_job)
    subject = order.source if on_result else order.video
    params = from_json(order.operation, order.params)
    others = inputs.infos(order.owner, order.operation, params)
    # First: the row of a job shares that of its recording on MariaDB, and of two who share a row none may change it.
    uses.mark(subject or order.video)
    job = Job.objects.create(
        **fields,
        on_result=on_result,
        source_sha256=subject.sha256 if subject else "",
        params_shape=knowing.shape_of(order.operation, order.params),
        queue=registry.get(order.operation).queue_for(params),
        **expectation.fields((subject or order.video).info, order.operation, params, others),
        status=Job.Status.WAITING if order.after else Job.Status.QUEUED,
        queued_at=None if order.after else Now(),
        active_at=Now(),
    )
    job.refresh_from_db(fields=["queued_at", "active_at"])
    refuse_removed(order)
    job.after.set(order.after)
    inputs.mark_used(given(job))
    return job


def refuse_removed(order: Order) -> None:
    """Raise InputError when what is to be worked on went to the trash at this moment. To be asked after the row of the
    job was inserted: who removes a recording begins with its own row, and one of the two waits for the other."""
    wanted = {order.video.pk, *([order.source.pk] if order.source else ())}
    if Video.objects.filter(pk__in=wanted).count() < len(wanted):
        raise InputError("What this was to work on has been removed. Restore it first.", code="missing_source")


def retry(job: Job, idempotency_key: str | None = None) -> Job:
    """A new job of its own that does the same again (for steps of chains see `runs.retry_job`). Raises InputError while
    the old one is still under way, and when what it works on, or another file that it needs, is gone."""
    if job.is_active:
        raise InputError("This job is still under way. Cancel it first, then try again.", code="still_active")
    if job.operation not in {operation.slug for operation in registry.every()}:
        raise InputError("This kind of work is not offered any more.", code="unknown_operation")
    subject = versions.subject(job)
    inputs.find(job.owner, subject, job.operation, from_json(job.operation, job.params))
    return make(
        Order(
            job.owner,
            job.video,
            job.operation,
            job.params,
            job.source,
            job.source_job,
            retry_of=job,
            idempotency_key=idempotency_key,
        )
    )


def encode_whole(job: Job) -> Job:
    """A new job that makes the same as MP4 with the whole picture encoded, which every browser plays.

    Raises InputError where the work has no such choice, and as `create` does.
    """
    is_offered = job.operation in {operation.slug for operation in registry.every()}
    params = from_json(job.operation, job.params) if is_offered else None
    if params is None or not {"render", "container"} <= {field.name for field in dataclasses.fields(params)}:
        raise InputError("This kind of work has no other way to encode its result.", code="no_other_way")
    whole = dataclasses.replace(params, render="encode", container="mp4")
    return create(job.owner, versions.subject(job), job.operation, whole)


# Changing ------------------------------------------------------------------------------------------------------------


def cancel(job: Job) -> bool:
    """Stop it, wherever it is. Running work notices within a second or so. False: it had already ended."""
    if not job.cancel():
        return False
    lifecycle.ended(job)
    return True


def remove(job: Job, *, with_followers: bool = False) -> None:
    """Delete a job that ended, with its files.

    Raises InputError while it is under way, and while work that is needs its results, unless that is to be stopped.
    """
    if job.is_active:
        raise InputError("This job is still under way. Cancel it first, then remove it.", code="still_active")
    stop_needing(needing_results(job), with_followers)
    erase(job)


def stop_needing(followers: Collection[Job], is_wanted: bool) -> None:
    """Stop what needs results that are to go. Raises InputError instead unless that is wanted."""
    if followers and not is_wanted:
        raise still_needed(followers)
    for follower in followers:
        cancel(follower)


def still_needed(followers: Collection[Job]) -> InputError:
    names = ", ".join(sorted({f"“{job.operation_title}”" for job in followers}))
    return InputError(
        f"{names}, still under way, {'needs' if len(followers) == 1 else 'need'} this result. Wait for the end, or "
        "cancel that first.",
        code="still_needed",
    )


def erase(job: Job) -> None:
    """Delete a job with its files, whatever its state; running work stops because its row is gone."""
    pk = job.pk
    try:
        job.refresh_from_db(fields=["status", "attempt"])  # another one that was erased may have ended it
    except Job.DoesNotExist:
        return
    if job.is_active and not job.attempt:
        allowance.give_back(job)
    lifecycle.fail_dependants(job)
    artifacts = list(Artifact.with_trash.filter(job=job))
    job.delete()
    storage.tidy(storage.artifacts_key(pk))
    versions.forget(artifacts)
    if job.run:
        job.run.follow()
    publish.line_changed(job)


# Other files ---------------------------------------------------------------------------------------------------------


def given(job: Job) -> list[Given]:
    """The other files that a job needs."""
    try:
        return list(job.kind.inputs(from_json(job.operation, job.params)).values())
    except KeyError:  # an operation that is gone
        return []


def needing(owner: Account, kind: GivenKind, *pks: UUID) -> list[Job]:
    """The owner's jobs under way that need one of these recordings or images besides their own recording. Only work
    that takes such files is looked at, and of that only what names one of these is read."""
    takes = [operation.slug for operation in registry.every() if kind in operation.takes]
    wanted, found = {Given(kind, str(pk)) for pk in pks}, dict[UUID, Job]()
    asked = Job.objects.of(owner).moving().filter(operation__in=takes).alias(told=Cast("params", TextField()))
    for first in range(0, len(pks) if takes else 0, NAMES):
        named = functools.reduce(operator.or_, (Q(told__contains=str(pk)) for pk in pks[first : first + NAMES]))
        found |= {job.pk: job for job in asked.filter(named).without_logs() if wanted.intersection(given(job))}
    return list(found.values())


def needing_results(job: Job, artifacts: Iterable[Artifact] | None = None) -> list[Job]:
    """The jobs under way that need the results of this one, or those given: they work on them, or are to, or name
    them."""
    results = [one.pk for one in (job.artifacts.all() if artifacts is None else artifacts)]
    on_it = Job.objects.of(job.owner).moving().filter(Q(source__in=results) | Q(source_job=job))
    return sorted({*on_it, *needing(job.owner, "recording", *results)}, key=lambda other: other.created_at)


def fail_needing(owner: Account, kind: GivenKind, *pks: UUID) -> None:
    """To be called after recordings or images were deleted: what cannot be done without it ends at once."""
    error = InputError(
        f"The {kind} that this needed has been deleted. Choose another one and start it again.", code="missing_input"
    )
    for job in needing(owner, kind, *pks):
        if job.fail(error):
            lifecycle.ended(job)


def earlier(job: Job) -> list[Job]:
    """The tries before this one, the latest first, but for those in the trash."""
    found: list[Job] = []
    while (before := job.retry_of) is not None and before not in found and len(found) < MOST_EARLIER:
        found.append(before)
        job = before
    return [one for one in found if one.removal_id is None]


def find_idempotent(owner: Account, key: str) -> Job | None:
    return Job.objects.of(owner).filter(idempotency_key=key).first()
