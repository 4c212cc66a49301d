import json
from collections.abc import Iterable
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from jobs.api.auth import owner, work
from jobs.api.documented import failures
from jobs.api.errors import ApiError, invalid
from jobs.api.idempotency import Key, hashed, in_progress, mismatch
from jobs.api.parameters import checked
from jobs.api.schemas import JobDeleted, JobIn, JobList, JobOut, JobQuery, path_of
from jobs.auth.access import owned
from jobs.models import Account, Artifact, Job, Video
from jobs.services import jobs, parameters, queue_position, runs, versions

router = Router(tags=["Jobs"])


def shown(found: Iterable[Job]) -> list[JobOut]:
    rows = list(found)
    places = queue_position.places(rows)
    return [JobOut.of(job, places.get(job.pk)) for job in rows]


@router.post(
    "",
    response={201: JobOut, 200: JobOut, **failures(404, 409, 422)},
    summary="Start a job",
)
@work
def create_job(request: HttpRequest, response: HttpResponse, body: JobIn, key: Key = None) -> Status[JobOut]:
    """Put an operation in line, on a recording or on a result. 200 instead of 201 means that this `Idempotency-Key` had
    made the job before; the same key with another body is refused with 422."""
    refuse_unclear(body)
    job, status = (made(owner(request), body, None), 201) if key is None else once(owner(request), body, key)
    response["Location"] = path_of("job", job.pk)
    return Status(status, shown([job])[0])


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
    if body.source and body.source.job:
        before = owned(Job, account, body.source.job)
        params = checked(body.operation, body.params, None, account)
        return jobs.create_on_result(before, body.operation, params, after=after, idempotency_key=key)
    subject = subject_of(account, body)
    params = checked(body.operation, body.params, subject.info, account)
    return jobs.create(account, subject, body.operation, params, after=after, idempotency_key=key)


def subject_of(account: Account, body: JobIn) -> Video:
    """The recording or result that is named."""
    if body.source is None:
        assert body.video is not None
        return versions.owned(account, body.video)
    return versions.of(owned(Artifact, account, body.source.artifact or ""))


def once(account: Account, body: JobIn, key: str) -> tuple[Job, int]:
    """The job of an idempotency key and 201 when it is new, 200 when it was there.

    Of two requests at the same moment the database lets one make the job; the other then finds it. Keys are kept as
    hashes, because some databases take letters in either case for the same.
    """
    name = hashed(key)
    job = jobs.find_idempotent(account, name)
    if job is None:
        try:
            return made(account, body, name), 201
        except IntegrityError as error:
            job = jobs.find_idempotent(account, name)
            if job is None:
                raise in_progress() from error
    if not is_same(account, body, job):
        raise mismatch()
    return job, 200


def is_same(account: Account, body: JobIn, job: Job) -> bool:
    """Whether a job is what the request asks for."""
    params = json.loads(json.dumps(parameters.as_json(checked(body.operation, body.params, None, account))))
    wanted: UUID | None
    found: UUID | None
    if body.source is None:
        wanted, found = body.video, job.source_id or job.video_id
    elif body.source.job:
        wanted, found = body.source.job, job.source_job_id
    else:
        wanted, found = body.source.artifact, job.source_id
    after = set(job.after.values_list("pk", flat=True)) - {job.source_job_id}
    asked = (body.operation, params, set(body.after) - {job.source_job_id})
    return wanted == found and asked == (job.operation, job.params, after)


@router.get("", response={200: JobList, **failures(422)}, summary="List jobs")
def list_jobs(request: HttpRequest, query: Query[JobQuery]) -> JobList:
    """Your jobs, newest first."""
    wanted = {"video_id": query.video, "status": query.status, "operation": query.operation}
    found = Job.objects.of(owner(request)).filter(
        **{name: value for name, value in wanted.items() if value is not None}
    )
    return JobList(items=shown(found.shown().order_by("-created_at", "pk")[query.part]), count=found.count())


@router.get("/{uuid:job_id}", response={200: JobOut, **failures(404)}, summary="Get a job", url_name="job")
def get_job(request: HttpRequest, job_id: UUID) -> JobOut:
    return shown([owned(Job, owner(request), job_id)])[0]


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
def retry_job(request: HttpRequest, response: HttpResponse, job_id: UUID) -> Status[JobOut]:
    """Make a new job that does the same; of a step of a chain that did not succeed, in that chain. 409 while the old
    one is under way."""
    job = runs.retry_job(owned(Job, owner(request), job_id))
    response["Location"] = path_of("job", job.pk)
    return Status(201, shown([job])[0])


@router.delete("/{uuid:job_id}", response={200: JobDeleted, **failures(404, 409)}, summary="Remove a job")
def delete_job(request: HttpRequest, job_id: UUID) -> JobDeleted:
    """Delete a job that ended, with its results. 409 while it is under way, or other work needs its results: cancel
    that first."""
    job = owned(Job, owner(request), job_id)
    size = job.artifacts.aggregate(size=Sum("size"))["size"] or 0
    gone = JobDeleted(id=job.pk, artifacts=job.artifacts.count(), bytes=size)
    jobs.remove(job)
    return gone
