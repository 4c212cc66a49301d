"""What the API takes and tells of jobs and their results."""

import dataclasses
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from jobs.api.schemas import COUNT, NEXT, Following, Status, path_of
from jobs.models import Artifact, Job
from jobs.services.expectation import Expected
from jobs.services.queue_position import Place


class ArtifactOut(Schema):
    """A file that a job made."""

    id: UUID
    kind: Literal["video", "audio", "image", "captions", "text", "data", "timeline"]
    name: str
    size: int
    media_type: str
    url: str = Field(description="Path of the bytes, usable with the same token.")
    missing: bool = Field(description="Whether the server has lost the file.")
    metadata: dict[str, Any]

    @classmethod
    def of(cls, artifact: Artifact) -> "ArtifactOut":
        names = ("id", "kind", "name", "size", "media_type", "metadata")
        facts = {name: getattr(artifact, name) for name in names}
        return cls(url=path_of("artifact_file", artifact.pk), missing=artifact.missing_since is not None, **facts)


class JobError(Schema):
    code: str
    message: str


class Guess(Schema):
    """Seconds; four of five times the truth lies between low and high."""

    low: float
    likely: float
    high: float

    @classmethod
    def of(cls, expected: Expected | None) -> "Guess | None":
        return (
            cls(**{name: round(value, 1) for name, value in dataclasses.asdict(expected).items()}) if expected else None
        )


class SourceOut(Schema):
    """The result that a job works on; both are null when that was deleted."""

    artifact: UUID | None
    job: UUID | None = Field(description="The job that makes it, where it was not there when this job was made.")


class JobOut(Schema):
    """One operation on one recording, or on a result that came of it."""

    id: UUID
    video: UUID = Field(description="The recording that it all came from.")
    source: SourceOut | None = Field(description="Null for work on the recording itself.")
    operation: str
    params: dict[str, Any]
    status: Status
    progress: float = Field(description="Measured, 0 to 1.")
    stage: str = Field(description="What it is doing, in plain words.")
    queue_position: int | None = Field(description="1 for the next in line; null when not queued, or on hold.")
    queue_paused: bool = Field(
        description="An operator has paused its queue, or you your line: no worker takes it until that ends."
    )
    wait_seconds: Guess | None = Field(description="Until a worker begins it; null when not queued, or nobody knows.")
    work_seconds: Guess | None = Field(description="How long a worker will then take, learnt from work like it.")
    eta_seconds: float | None = Field(description="Until a running job is done; null when nobody knows yet.")
    error: JobError | None
    artifacts: list[ArtifactOut]
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    run: UUID | None = Field(description="The run of a chain that it is a step of.")
    step: str | None
    reuse_of: UUID | None = Field(description="The job that had done the very same before, whose results were taken.")
    dropped_at: datetime | None = Field(description="When its results were dropped, as further steps had used them.")
    attempt: int = Field(description="How often it was started; that happens again when its worker is lost or stopped.")

    @classmethod
    def of(cls, job: Job, place: Place | None) -> "JobOut":
        failed = job.status == Job.Status.FAILED
        return cls(
            id=job.pk,
            video=job.video_id,
            source=SourceOut(artifact=job.source_id, job=job.source_job_id) if job.on_result else None,
            operation=job.operation,
            params={name: value for name, value in job.params.items() if name != "version"},
            status=job.status,  # type: ignore[arg-type]
            progress=job.progress,
            stage=job.stage,
            queue_position=place.position or None if place else None,
            queue_paused=bool(place and place.paused),
            wait_seconds=Guess.of(place.wait if place else None),
            work_seconds=Guess.of(place.work if place else None),
            eta_seconds=job.eta_seconds,
            error=JobError(code=job.error_code, message=job.error_message) if failed else None,
            artifacts=[ArtifactOut.of(artifact) for artifact in job.artifacts.all()],
            queued_at=job.queued_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            run=job.run_id,
            step=job.step or None,
            reuse_of=job.reuse_of_id,
            dropped_at=job.dropped_at,
            attempt=job.attempt,
        )


class JobList(Schema):
    items: list[JobOut]
    count: int | None = Field(description=COUNT)
    next: str | None = Field(None, description=NEXT)
    cursor: str | None = Field(None, description="With `since`: what to send as `since` the next time.")


class SourceIn(Schema):
    """One of these."""

    model_config = ConfigDict(extra="forbid")

    artifact: UUID | None = Field(None, description="A result that is video or audio.")
    job: UUID | None = Field(None, description="The one such result of a job, which may still be under way.")


class JobIn(Schema):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "video": "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11",
                "operation": "silence-cut",
                "params": {"threshold_db": "auto", "margin_before_ms": 200},
            }
        },
    )

    video: UUID | None = None
    source: SourceIn | None = Field(None, description="Work on a result, in place of `video`.")
    operation: str = Field(description="A slug of `GET /operations`.")
    params: dict[str, Any] = Field({}, description="What is left out has its default.")
    preset: str | None = Field(None, description="The id or the name of a preset that has what `params` leaves out.")
    after: list[UUID] = Field([], description="Jobs to wait for. If one of them fails, this one does too.")


class JobDeleted(Schema):
    """What was removed."""

    id: UUID
    artifacts: int
    bytes: int
    trashed_until: datetime | None = Field(description="When it goes for good; null when that is done.")


class JobQuery(Following):
    video: UUID | None = None
    status: Status | None = None
    operation: str | None = None
    since: str | None = Field(
        None, max_length=200, description="A time with its zone, or the `cursor` of an earlier answer."
    )


class WaitQuery(Schema):
    wait: float = Field(0, ge=0, le=60, description="For how many seconds at most to wait for the end of the job.")
