"""Many things at once: each is done, or refused, by itself, and has an answer of its own. Calls of the routers of jobs
and recordings, whose addresses they share."""

import functools
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Schema, Status
from pydantic import ConfigDict, Field, ValidationError

from jobs.api import jobs as calls
from jobs.api import videos
from jobs.api.auth import owner, work
from jobs.api.documented import failures
from jobs.api.errors import ApiError, invalid, of_job_error
from jobs.api.idempotency import idempotent, name_of
from jobs.api.job_schemas import JobDeleted, JobIn, JobOut
from jobs.api.schemas import Problem
from jobs.api.video_schemas import VideoDeleted
from jobs.errors import JobError
from jobs.models import Job
from jobs.services import jobs

MOST = 200
MESSAGE_CHARACTERS, DETAIL_CHARACTERS, DETAILS = 500, 200, 10
MULTI = HTTPStatus.MULTI_STATUS


class BulkIn(Schema):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "jobs": [
                    {"video": "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11", "operation": "silence-cut"},
                    {"video": "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11", "operation": "transcribe"},
                ]
            }
        },
    )

    jobs: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MOST,
        description="What `POST /jobs` takes. What is wrong with one is told of it.",
    )


class Ids(Schema):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"ids": ["7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"]}}
    )

    ids: list[UUID] = Field(min_length=1, max_length=MOST)


class Removed(Ids):
    permanently: bool = Field(False, description="Delete them for good, also from the trash.")


class Result(Schema):
    """What became of one of them, in the order in which they were sent."""

    status: int = Field(description="What a call for this one alone would have been answered with.")
    id: UUID | None = Field(description="Null where nothing was made.")
    error: Problem | None = None


class JobResult(Result):
    job: JobOut | None = None


class JobRemoval(Result):
    removed: JobDeleted | None = None


class VideoRemoval(Result):
    removed: VideoDeleted | None = None


class JobResults(Schema):
    items: list[JobResult]
    done: int = Field(description="How many of them were not refused.")


class JobRemovals(Schema):
    items: list[JobRemoval]
    done: int = Field(description="How many of them were not refused.")


class VideoRemovals(Schema):
    items: list[VideoRemoval]
    done: int = Field(description="How many of them were not refused.")


def attempted(doing: Callable[[], Any]) -> tuple[Any, ApiError | None]:
    """What came of it, or how the call would have been refused. What nobody foresaw ends all."""
    try:
        return doing(), None
    except ApiError as error:
        return None, error
    except Http404:
        return None, ApiError(404)
    except JobError as error:
        return None, of_job_error(error)
    except ValidationError as error:
        return None, invalid([(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()])


def problem(error: ApiError | None) -> Problem | None:
    """Cut, as what was sent is said again in it, of each of so many, and kept."""
    if error is None:
        return None
    detail = error.detail
    if isinstance(detail, list):
        detail = [{name: cut(str(text), DETAIL_CHARACTERS) for name, text in one.items()} for one in detail[:DETAILS]]
    return Problem(code=error.code, message=cut(error.message, MESSAGE_CHARACTERS), detail=detail)


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 2].rstrip()}…."


@calls.router.post("/bulk", response={MULTI: JobResults, **failures(422)}, summary="Start many jobs")
@work
@idempotent(made=lambda results: results.done > 0)
def create_jobs(request: HttpRequest, body: BulkIn) -> Status[JobResults]:
    """Each is checked, and made or refused, by itself, in their order. With `after` they may wait for jobs that were
    there before, not for each other."""
    made = [attempted(functools.partial(start, request, one, place)) for place, one in enumerate(body.jobs)]
    found = calls.shown(job for job, _ in made if job)
    shown = {job.id: job for job in found}
    items = [
        JobResult(status=error.status, id=None, error=problem(error))
        if error
        else JobResult(status=201, id=job.pk, job=shown[job.pk])
        for job, error in made
    ]
    return Status(MULTI, JobResults(items=items, done=len(found)))


def start(request: HttpRequest, raw: dict[str, Any], place: int) -> Job:
    body = JobIn.model_validate(raw)
    calls.refuse_unclear(body)
    account, name = owner(request), name_of(request)
    name = f"{name}-{place}" if name else None
    before = jobs.find_idempotent(account, name) if name else None
    return before or calls.made(account, body, name)


@calls.router.post("/bulk/cancel", response={MULTI: JobResults, **failures(422)}, summary="Cancel many jobs")
@work
def cancel_jobs(request: HttpRequest, body: Ids) -> Status[JobResults]:
    """Each as by `POST /jobs/{id}/cancel`."""
    items = [
        JobResult(status=error.status if error else 200, id=pk, job=job, error=problem(error))
        for pk, (job, error) in each(body.ids, lambda pk: calls.cancel_job(request, pk))
    ]
    return Status(MULTI, JobResults(items=items, done=sum(one.error is None for one in items)))


@calls.router.delete("", response={MULTI: JobRemovals, **failures(422)}, summary="Remove many jobs")
def delete_jobs(request: HttpRequest, body: Removed) -> Status[JobRemovals]:
    """Each as by `DELETE /jobs/{id}`."""
    items = [
        JobRemoval(status=error.status if error else 200, id=pk, removed=gone, error=problem(error))
        for pk, (gone, error) in each(body.ids, lambda pk: calls.delete_job(request, pk, body.permanently))
    ]
    return Status(MULTI, JobRemovals(items=items, done=sum(one.error is None for one in items)))


@videos.router.delete("", response={MULTI: VideoRemovals, **failures(422)}, summary="Delete many recordings")
def delete_videos(request: HttpRequest, body: Removed) -> Status[VideoRemovals]:
    """Each as by `DELETE /videos/{id}`."""
    items = [
        VideoRemoval(status=error.status if error else 200, id=pk, removed=gone, error=problem(error))
        for pk, (gone, error) in each(body.ids, lambda pk: videos.delete_video(request, pk, body.permanently))
    ]
    return Status(MULTI, VideoRemovals(items=items, done=sum(one.error is None for one in items)))


def each(ids: Iterable[UUID], doing: Callable[[UUID], Any]) -> list[tuple[UUID, tuple[Any, ApiError | None]]]:
    """Once for each id, however often it is named."""
    return [(pk, attempted(functools.partial(doing, pk))) for pk in dict.fromkeys(ids)]
