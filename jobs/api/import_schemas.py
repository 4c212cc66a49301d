"""Recordings on their way from an address, as they go over the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from jobs.api.schemas import Page, path_of
from jobs.models import Import

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class ImportIn(Schema):
    """Which recording to fetch. Other names than these are refused."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000, description="An http(s) address of the file itself, which needs no sign-in.")
    title: str = Field("", max_length=200, description="Else made from the file's name.")
    pipeline: str | None = Field(
        None, max_length=80, description="The slug of a chain to run on it; empty for none, else your default."
    )
    duplicate: Literal["refuse", "allow"] = "refuse"


class ImportError(Schema):
    code: str
    message: str
    detail: dict[str, Any] | None = None


class ImportOut(Schema):
    """A recording on its way. When it has succeeded, it is the recording of the same id."""

    id: UUID
    url: str
    title: str
    name: str = Field(description="What the file is called; empty until the other server told it.")
    status: Status
    progress: float | None = Field(description="0 to 1; null while nobody knows how much there will be.")
    received_bytes: int
    size_bytes: int | None
    bytes_per_second: float = Field(description="Over the last ten seconds.")
    error: ImportError | None = Field(description="Of one that failed. `detail.video` is the first of duplicates.")
    video: UUID | None = Field(description="The recording that it became.")
    video_url: str | None = Field(description="Its path.")
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Import) -> "ImportOut":
        video = row.video_id if row.status == Import.Status.SUCCEEDED else None
        return cls(
            id=row.pk,
            url=row.url,
            title=row.title,
            name=row.name,
            status=row.status,  # type: ignore[arg-type]
            progress=row.progress,
            received_bytes=row.received_bytes,
            size_bytes=row.size_bytes,
            bytes_per_second=round(row.bytes_per_second, 1),
            error=error_of(row),
            video=video,
            video_url=path_of("video", video) if video else None,
            attempt=row.attempt,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )


def error_of(row: Import) -> ImportError | None:
    if row.status != Import.Status.FAILED:
        return None
    detail = {"video": str(row.video_id)} if row.video_id else None
    return ImportError(code=row.error_code, message=row.error_message, detail=detail)


class ImportList(Schema):
    items: list[ImportOut]
    count: int = Field(description="How many there are in all.")


class ImportDeleted(Schema):
    """What is gone now."""

    id: UUID
    bytes: int = Field(description="Space given back.")


class ImportQuery(Page):
    status: Status | None = None
