"""What an event tells of: the recording, job or run as the API shows it."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from ninja.responses import NinjaJSONEncoder

from jobs.api.chain_schemas import RunOut
from jobs.api.schemas import JobOut, VideoOut
from jobs.models import Job, Run, Video
from jobs.services.events import Kind


def body(kind: str, at: datetime, data: dict[str, Any]) -> str:
    """What is sent, by Standard Webhooks."""
    return json.dumps({"type": kind, "timestamp": at, "data": data}, cls=NinjaJSONEncoder, separators=(",", ":"))


def of(kind: str, subject: UUID) -> dict[str, Any]:
    """The thing as it is now; of one that was deleted meanwhile its id and that."""
    shown = _shown(kind, subject)
    return {"id": subject, "deleted": True} if shown is None else shown.model_dump()


def _shown(kind: str, subject: UUID) -> VideoOut | JobOut | RunOut | None:
    if kind == Kind.VIDEO_CREATED:
        video = Video.objects.filter(pk=subject).first()
        return VideoOut.of(video) if video else None
    if kind == Kind.PIPELINE_FINISHED:
        run = Run.objects.filter(pk=subject).first()
        return RunOut.of(run) if run else None
    job = Job.objects.without_logs().prefetch_related("artifacts").filter(pk=subject).first()
    return JobOut.of(job, None) if job else None
