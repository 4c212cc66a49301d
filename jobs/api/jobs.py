import functools
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from jobs import ending
from jobs.api import parts
from jobs.api.auth import owner, work
from jobs.api.documented import failures
from jobs.api.errors import ApiError, invalid
from jobs.api.idempotency import idempotent, name_of
from jobs.api.job_schemas import JobDeleted, JobIn, JobList, JobOut, JobQuery, WaitQuery
from jobs.api.parameters import checked
from jobs.api.schemas import path_of
from jobs.api.trash import put_away, removed
from jobs.auth.access import owned
from jobs.models import Account, Artifact, Job, Removal, Video
from jobs.models.job_queryset import JobQuerySet
from jobs.services import changes, jobs, presets, queue_position, runs, trash, versions
from jobs.services.changes import Cursor
from videoservice import later
from videoservice.later import Later

router = Router(tags=["Jobs"])


def shown(found: Iterable[Job]) -> list[JobOut]:
    rows = list(found)
    places = queue_position.places(rows)
    return [JobOut.of(job, places.get(job.pk)) for job in rows]


@router.post("", response={201: JobOut, **failures(404, 409, 422)}, summary="Start a job")
@work
@idempotent()
def create_job(request: HttpRequest, response: HttpResponse, body: JobIn) -> Status[JobOut]:
    """Put an operation in line, on a recording or on a result."""
    refuse_unclear(body)
    account, name = owner(request), name_of(request)
    job = (jobs.find_idempotent(account, name) if name else None) or made(account, body, name)
    response["Location"] = path_of("job", job.pk)
    return Status(201, shown([job])[0])


def refuse_unclear(body: JobIn) -> None:
    """A job is on one thing."""
    if body.video is None and body.source is None:
        raise invalid([("video", "Name a recording here, or a result as source.")])
    if body.source and body.video:
        raise invalid([("source", "Name either a recording as video or a result here, not both.")])
    if body.source and (body.source.artifact is None) == (body.source.job is None):
        raise invalid([("source", "Name either an artifact or a job.")])


def made(account: Account, body: JobIn, key: str | None) -> Job:
    after = tuple(owned(Job, account, pk) for pk in dict.fromkeys(body.after))
    raw = presets.completed(account, body.operation, body.preset, body.params) if body.preset else body.params
    if body.source and body.source.job:
        before = owned(Job, account, body.source.job)
        params = checked(body.operation, raw, None, account)
        return jobs.create_on_result(before, body.operation, params, after=after, idempotency_key=key)
    subject = subject_of(account, body)
    params = checked(body.operation, raw, subject.info, account)
    return jobs.create(account, subject, body.operation, params, after=after, idempotency_key=key)


def subject_of(account: Account, body: JobIn) -> Video:
    """The recording or result that is named."""
    if body.source is None:
        assert body.video is not None
        return versions.owned(account, body.video)
    return versions.of(owned(Artifact, account, body.source.artifact or ""))


@router.get("", response={200: JobList, **failures(422)}, summary="List jobs")
def list_jobs(request: HttpRequest, query: Query[JobQuery]) -> JobList:
    """Your jobs, newest first.

    With `since` those that have changed since a time, or since the `cursor` of an earlier answer, the change that is
    the longest ago first. None is left out, but those of the last seconds may come once more with the next cursor. Ask
    on at once while as many come as `limit` allows. What was removed is not among them.
    """
    wanted = {"video_id": query.video, "status": query.status, "operation": query.operation}
    found = Job.objects.of(owner(request)).filter(
        **{name: value for name, value in wanted.items() if value is not None}
    )
    if query.since is not None:
        return list_changes(found, query)
    part = parts.part(found.without_logs().shown(), query)
    return JobList(items=shown(part.rows), count=part.count, next=part.following, cursor=None)


def list_changes(found: JobQuerySet, query: JobQuery) -> JobList:
    for name in ("offset", "after"):
        if getattr(query, name):
            raise invalid([(name, "With since go on by the cursor instead.")])
    try:
        begin = Cursor.read(query.since or "")
    except ValueError as error:
        raise invalid([("since", "Write a time such as 2026-05-04T10:00:00Z, or the cursor of an answer.")]) from error
    rows, cursor = changes.since(found.without_logs().shown(), begin, query.limit)
    return JobList(items=shown(rows), count=changes.after(found, begin).count(), next=None, cursor=str(cursor))


@router.get("/{uuid:job_id}", response={200: JobOut, **failures(404, 422)}, summary="Get a job", url_name="job")
def get_job(request: HttpRequest, job_id: UUID, query: Query[WaitQuery]) -> JobOut | HttpResponse:
    """With `wait` the answer comes when the job has ended, or after so many seconds as it is then: ask again until its
    `status` is succeeded, failed or cancelled."""
    job = owned(Job, owner(request), job_id)
    if query.wait and job.is_active and later.is_possible(request):
        return Later(functools.partial(ending.until_ended, job.owner_id, job.pk, query.wait))
    return shown([job])[0]


@router.post("/{uuid:job_id}/cancel", response={200: JobOut, **failures(404, 409)}, summary="Cancel a job")
@work
def cancel_job(request: HttpRequest, job_id: UUID) -> JobOut:
    """Stop a job, wherever it is. Cancelling it again changes nothing; 409 when it had ended in another way."""
    job = owned(Job, owner(request), job_id)
    if not jobs.cancel(job):
        job.refresh_from_db()
        if job.status != Job.Status.CANCELLED:
            raise ApiError(409, "ended", "This job has already ended, so there is nothing to cancel.")
    return shown([job])[0]


@router.post("/{uuid:job_id}/retry", response={201: JobOut, **failures(404, 409)}, summary="Try a job again")
@work
@idempotent()
def retry_job(request: HttpRequest, response: HttpResponse, job_id: UUID) -> Status[JobOut]:
    """Make a new job that does the same; of a step of a chain that did not succeed, in that chain. 409 while the old
    one is under way."""
    account, name = owner(request), name_of(request)
    before = jobs.find_idempotent(account, name) if name else None
    job = before or runs.retry_job(owned(Job, account, job_id), name)
    response["Location"] = path_of("job", job.pk)
    return Status(201, shown([job])[0])


@router.delete("/{uuid:job_id}", response={200: JobDeleted, **failures(404, 409)}, summary="Remove a job")
def delete_job(request: HttpRequest, job_id: UUID, permanently: bool = False) -> JobDeleted:
    """Put a job that ended into the trash with its results, or with `permanently=1` delete it for good, also from
    there. 409 while it is under way, or other work needs its results: cancel that first."""
    account = owner(request)
    removal = trash.find(account, job_id) if permanently else None
    job = (removal and removal.job) or owned(Job, account, job_id)
    results = Artifact.with_trash.filter(job=job, removal=removal)
    count, size = results.count(), results.aggregate(size=Sum("size"))["size"] or 0
    return JobDeleted(id=job_id, artifacts=count, bytes=size, trashed_until=put_away(job, removal, permanently))


@router.post("/{uuid:job_id}/restore", response={200: JobOut, **failures(404, 409)}, summary="Restore a job")
@work
def restore_job(request: HttpRequest, job_id: UUID) -> JobOut:
    """Take a job out of the trash with its results. 409 while its recording is in the trash itself."""
    account = owner(request)
    trash.restore(removed(account, job_id, Removal.Kind.JOB))
    return shown([owned(Job, account, job_id)])[0]
