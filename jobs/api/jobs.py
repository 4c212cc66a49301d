import hashlib
import json
from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from ninja import Header, Query, Router, Status

from jobs.api.auth import owner
from jobs.api.documented import failures
from jobs.api.errors import ApiError
from jobs.api.parameters import checked
from jobs.api.schemas import JobDeleted, JobIn, JobList, JobOut, JobQuery, path_of
from jobs.auth.access import owned
from jobs.models import Account, Job, Video
from jobs.operations.base import Params
from jobs.services import jobs, parameters, queue_position

router = Router(tags=["Jobs"])
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Any text of your own. The same request with the same key makes one job, however often it is sent.",
    ),
]


def shown(found: Iterable[Job]) -> list[JobOut]:
    rows = list(found)
    places = queue_position.places(rows)
    return [JobOut.of(job, places.get(job.pk)) for job in rows]


@router.post(
    "",
    response={201: JobOut, 200: JobOut, **failures(404, 409, 422)},
    summary="Start a job",
)
def create_job(request: HttpRequest, response: HttpResponse, body: JobIn, key: Key = None) -> Status[JobOut]:
    """Put an operation on a recording in line. 200 instead of 201 means that this `Idempotency-Key` had made the job
    before; the same key with another body is refused with 422."""
    account = owner(request)
    video = owned(Video, account, body.video)
    after = [owned(Job, account, pk) for pk in dict.fromkeys(body.after)]
    params = checked(body.operation, body.params, video.info, account)
    if key is None:
        job, status = jobs.create(account, video, body.operation, params, after=after), 201
    else:
        job, status = once(account, video, body.operation, params, after, key)
    response["Location"] = path_of("job", job.pk)
    return Status(status, shown([job])[0])


def once(account: Account, video: Video, slug: str, params: Params, after: list[Job], key: str) -> tuple[Job, int]:
    """The job of an idempotency key and 201 when it is new, 200 when it was there.

    Of two requests at the same moment the database lets one make the job; the other then finds it. Keys are kept as
    hashes, because some databases take letters in either case for the same.
    """
    name = f"api-{hashlib.sha256(key.encode()).hexdigest()}"
    job = jobs.find_idempotent(account, name)
    if job is None:
        try:
            return jobs.create(account, video, slug, params, after=after, idempotency_key=name), 201
        except IntegrityError as error:
            job = jobs.find_idempotent(account, name)
            if job is None:
                message = "A request with this Idempotency-Key is under way. Wait a moment, then send it again."
                raise ApiError(409, "in_progress", message) from error
    stored = json.loads(json.dumps(parameters.as_json(params)))  # tuples come back from the database as lists
    wanted = (video.pk, slug, stored, {other.pk for other in after})
    if wanted != (job.video_id, job.operation, job.params, set(job.after.values_list("pk", flat=True))):
        message = "This Idempotency-Key was used for another request. Use a new one."
        raise ApiError(422, "idempotency_mismatch", message)
    return job, 200


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
def cancel_job(request: HttpRequest, job_id: UUID) -> JobOut:
    """Stop a job, wherever it is. Cancelling it again changes nothing; 409 when it had ended in another way."""
    job = owned(Job, owner(request), job_id)
    if not jobs.cancel(job):
        job.refresh_from_db()
        if job.status != Job.Status.CANCELLED:
            raise ApiError(409, "ended", "This job has already ended, so there is nothing to cancel.")
    return shown([job])[0]


@router.post("/{uuid:job_id}/retry", response={201: JobOut, **failures(404, 409)}, summary="Try a job again")
def retry_job(request: HttpRequest, response: HttpResponse, job_id: UUID) -> Status[JobOut]:
    """Make a new job that does the same. 409 while the old one is under way."""
    job = jobs.retry(owned(Job, owner(request), job_id))
    response["Location"] = path_of("job", job.pk)
    return Status(201, shown([job])[0])


@router.delete("/{uuid:job_id}", response={200: JobDeleted, **failures(404, 409)}, summary="Remove a job")
def delete_job(request: HttpRequest, job_id: UUID) -> JobDeleted:
    """Delete a job that ended, with its results. 409 while it is under way: cancel it first."""
    job = owned(Job, owner(request), job_id)
    size = job.artifacts.aggregate(size=Sum("size"))["size"] or 0
    gone = JobDeleted(id=job.pk, artifacts=job.artifacts.count(), bytes=size)
    jobs.remove(job)
    return gone
