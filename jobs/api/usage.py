from typing import Self
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from jobs.api.auth import owner
from jobs.api.documented import failures
from jobs.api.schemas import Page
from jobs.services import storage_use, usage
from jobs.services.usage import OfRecording

router = Router(tags=["Account"])


class PartOut(Schema):
    """What takes room, by what it is."""

    key: str = Field(description="recordings, versions, others, passing, images, uploads, trash or caches.")
    bytes: int


class RecordingUse(Schema):
    """What a recording takes, in bytes."""

    video: UUID
    title: str
    bytes: int = Field(description="With all that was made of it.")
    recording_bytes: int
    result_bytes: int
    versions: int = Field(description="How many of the files made of it are video or audio.")

    @classmethod
    def of(cls, one: OfRecording) -> Self:
        return cls(
            video=one.video.pk,
            title=one.video.title,
            bytes=one.total,
            recording_bytes=one.recording,
            result_bytes=one.results,
            versions=one.versions,
        )


class Used(Schema):
    """What an account has used of what it may take. A quota is null where there is none."""

    used_bytes: int = Field(description="With what uploads and work under way were promised.")
    quota_bytes: int | None
    used_minutes: float = Field(description="Of recordings, worked on in this calendar month of your time zone.")
    quota_minutes: int | None
    active_jobs: int = Field(description="Jobs that wait or run.")
    quota_jobs: int | None


class UsageOut(Used):
    parts: list[PartOut] = Field(description="Caches are the server's to drop: they do not count as used.")
    items: list[RecordingUse] = Field(description="By recording, the largest first.")
    count: int


@router.get("", response={200: UsageOut, **failures(422)}, summary="What you have used, and what you may")
def get_usage(request: HttpRequest, query: Query[Page]) -> UsageOut:
    """Storage, the work of this month and the work under way, each with its quota; what takes the room, by what it is
    and by recording."""
    account = owner(request)
    results = storage_use.results(account)
    recordings = usage.by_recording(account, results)
    parts = usage.parts(account, storage_use.of(account, results), results)
    return UsageOut(
        **usage.facts(account),
        parts=[PartOut(key=part.key, bytes=part.size) for part in parts],
        items=[RecordingUse.of(one) for one in recordings[query.part]],
        count=len(recordings),
    )
