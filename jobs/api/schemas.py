"""What goes over the wire. Times are ISO 8601 in UTC, lengths are seconds, sizes are bytes."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.urls import reverse
from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from jobs.api.operation_schema import schema_of
from jobs.engine.model.mediainfo import MediaInfo
from jobs.models import Artifact, Job, Video
from jobs.operations.base import Operation
from jobs.services import tags, uses
from jobs.services.expectation import Expected
from jobs.services.queue_position import Place

Status = Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled"]
COUNT = "How many there are in all; null with `after`, where nobody counts."
NEXT = "What to send as `after` for the next part; null at the end."
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


# Errors --------------------------------------------------------------------------------------------------------------


class Problem(Schema):
    code: str = Field(description="A stable word for programs.", examples=["not_found"])
    message: str = Field(description="A sentence for people: what happened, then what to do.")
    detail: Any = Field(None, description="More, when there is more: for 422 a list of field and message.")


class Failure(Schema):
    """What every answer other than success looks like."""

    error: Problem


# Videos --------------------------------------------------------------------------------------------------------------


class PictureOut(Schema):
    codec: str
    width: int = Field(description="Upright, in square pixels, as a viewer sees it.")
    height: int
    frame_rate: float = Field(description="Frames a second; the average when `variable_rate`.")
    variable_rate: bool
    hdr: bool
    bit_rate: int = Field(description="Bits a second, 0 when unknown.")


class SoundOut(Schema):
    index: int = Field(description="Counted from 0 among the audio tracks.")
    codec: str
    sample_rate: int
    channels: int
    language: str
    title: str
    bit_rate: int = Field(description="Bits a second, 0 when unknown.")


class VideoOut(Schema):
    """A recording: video, or sound alone."""

    id: UUID
    title: str
    name: str = Field(description="What the uploaded file was called.")
    kind: Literal["video", "audio"]
    size: int
    sha256: str
    duration_seconds: float
    format: str = Field(description="The container, by libavformat's name.")
    video: PictureOut | None
    audio: list[SoundOut]
    subtitles: list[str] = Field(description="Languages of embedded text tracks.")
    unread_audio: list[str] = Field(description="What each audio track is stored as that cannot be read here.")
    url: str = Field(description="Path of the bytes, usable with the same token.")
    poster_url: str | None
    missing: bool = Field(description="Whether the server has lost the file.")
    tags: list[str] = Field(description="By name. A result has those of the recording that it came from.")
    pinned: bool = Field(description="Whether it stays for good, whatever the retention.")
    created_at: datetime

    @classmethod
    def each(cls, videos: Sequence[Video]) -> "list[VideoOut]":
        """Recordings that were uploaded."""
        found = tags.of_each([video.pk for video in videos])
        return [cls.of(video, found.get(video.pk, [])) for video in videos]

    @classmethod
    def of(cls, video: Video, its_tags: list[str] | None = None) -> "VideoOut":
        info = video.info
        return cls(
            id=video.pk,
            title=video.title,
            name=video.name,
            kind=info.kind,  # type: ignore[arg-type]
            size=video.size,
            sha256=video.sha256,
            duration_seconds=video.duration_seconds,
            format=info.format,
            video=_picture(info),
            audio=[SoundOut.model_validate(track) for track in _counted(info)],
            subtitles=list(info.subtitles),
            unread_audio=list(info.unread),
            url=path_of("video_file", video.pk),
            poster_url=path_of("video_poster", video.pk) if video.poster else None,
            missing=video.missing_since is not None,
            tags=tags.of_video(video) if its_tags is None else its_tags,
            pinned=uses.is_pinned(video),
            created_at=video.created_at,
        )


def _picture(info: MediaInfo) -> PictureOut | None:
    track = info.video
    if track is None:
        return None
    width, height = track.display_size
    return PictureOut(
        codec=track.codec,
        width=width,
        height=height,
        frame_rate=round(float(track.frame_rate), 3),
        variable_rate=track.variable_rate,
        hdr=track.hdr,
        bit_rate=track.bit_rate,
    )


def _counted(info: MediaInfo) -> list[dict[str, Any]]:
    """Audio tracks numbered as `audio_track` counts them, not by their place in the container."""
    return [{**vars(track), "index": number} for number, track in enumerate(info.audio)]


class VideoList(Schema):
    items: list[VideoOut]
    count: int | None = Field(description=COUNT)
    next: str | None = Field(None, description=NEXT)


class VideoPatch(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"title": "Weekly review"}})

    title: Title | None = None
    pinned: bool | None = Field(None, description="Whether it stays for good.")
    tags: list[str] | None = Field(
        None, max_length=tags.MOST_EACH, description="All that it is to have; those that are not there yet are made."
    )


class VideoDeleted(Schema):
    """What was removed."""

    id: UUID
    title: str
    jobs: int
    artifacts: int
    bytes: int = Field(description="What the recording and all results made of it take.")
    trashed_until: datetime | None = Field(description="When it goes for good; null when that is done.")


class PlanIn(BaseModel):  # a Schema would hide the raw body from `wrapped`
    """The parameters may also be the body itself, without `params` around them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"params": {"threshold_db": -28}}})

    params: dict[str, Any] = Field({}, description="Parameters of `silence-cut`; what is left out has its default.")

    @model_validator(mode="before")
    @classmethod
    def wrapped(cls, data: Any) -> Any:
        return data if not isinstance(data, dict) or "params" in data else {"params": data}


class PlanOut(Schema):
    """What a cut would keep."""

    keep: list[tuple[float, float]] = Field(description="Start and end of each range kept as it is, in seconds.")
    source_duration: float
    output_duration: float
    saved: float = Field(description="`source_duration` less `output_duration`.")
    threshold_db: float | None = Field(description="The level in dBFS that it was made with, also when it is “auto”.")
    detector: str | None = Field(description="What silence was found by; null for ranges that were given.")
    muted: list[tuple[float, float]] = Field(description="Where the sound would be taken away; all is kept then.")
    fast: list[tuple[float, float]] = Field(description="What would run faster, with its pitch kept.")
    speed: float | None = Field(description="How many times as fast; null when nothing would.")


# Jobs ----------------------------------------------------------------------------------------------------------------


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
    queue_position: int | None = Field(description="1 for the next in line; null when not queued.")
    queue_paused: bool = Field(description="An operator has paused its queue: no worker takes it until that ends.")
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
            queue_position=place.position if place else None,
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


# Operations ----------------------------------------------------------------------------------------------------------


class OperationOut(Schema):
    """A kind of work that this install offers."""

    slug: str
    title: str
    summary: str
    accepts: Literal["video", "audio", "any"] = Field(
        description="What the recording has to have: a picture, an audio track, or either."
    )
    parameters: dict[str, Any] = Field(description="JSON schema of `params`, with defaults.")

    @classmethod
    def of(cls, operation: Operation[Any]) -> "OperationOut":
        names = ("slug", "title", "summary", "accepts")
        return cls(parameters=schema_of(operation), **{name: getattr(operation, name) for name in names})


class OperationList(Schema):
    items: list[OperationOut]
    count: int


# Lists ---------------------------------------------------------------------------------------------------------------


class Page(Schema):
    """Which part of a list."""

    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=10_000_000)

    @property
    def part(self) -> slice:
        return slice(self.offset, self.offset + self.limit)


class Following(Page):
    after: str = Field(
        "",
        max_length=1000,
        description="The `next` of an earlier answer, in place of `offset`: nothing comes twice or is left out, "
        "whatever comes meanwhile, and it is quick however long the list is.",
    )


def within(time: datetime) -> datetime:
    """Other years no database takes. Raises ValueError."""
    if not 1970 <= time.year < 2200:
        raise ValueError("Write a time between 1970 and 2200.")
    return time


Moment = Annotated[AwareDatetime, AfterValidator(within)]


class VideoQuery(Following):
    search: str = Field("", max_length=200, description="Words of the title, the file name or a tag.")
    kind: Literal["video", "audio"] | None = None
    state: Literal["working", "failed"] | None = Field(
        None, description="Those with work under way; those of which the last work failed, while none is under way."
    )
    tag: str = Field("", max_length=400, description="Tags with commas between them; those that have all of them.")
    created_after: Moment | None = Field(None, description="A time with its zone, which counts in.")
    created_before: Moment | None = Field(None, description="A time with its zone, which does not.")
    min_seconds: float | None = Field(None, ge=0, le=10_000_000, allow_inf_nan=False)
    max_seconds: float | None = Field(None, ge=0, le=10_000_000, allow_inf_nan=False)
    size: int | None = Field(None, ge=0, description="Only those of exactly so many bytes.")
    order: Literal[
        "created_at", "-created_at", "title", "-title", "duration_seconds", "-duration_seconds", "size", "-size"
    ] = Field("-created_at", description="A minus sign turns it round.")


class JobQuery(Following):
    video: UUID | None = None
    status: Status | None = None
    operation: str | None = None
    since: str | None = Field(
        None, max_length=200, description="A time with its zone, or the `cursor` of an earlier answer."
    )


class WaitQuery(Schema):
    wait: float = Field(0, ge=0, le=60, description="For how many seconds at most to wait for the end of the job.")


def path_of(name: str, pk: UUID) -> str:
    """The path of something else of this API."""
    return reverse(f"api-v1:{name}", args=[pk])
