"""What an event tells of: the recording, job or run as the API shows it."""

import json
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet, prefetch_related_objects
from ninja.responses import NinjaJSONEncoder

from jobs.api.chain_schemas import RunOut
from jobs.api.job_schemas import JobOut
from jobs.api.video_schemas import VideoOut
from jobs.models import Artifact, Job, Run, Video
from jobs.services.events import Kind

KEPT = ~Q(removal__is_going=True)
"""What is not just being deleted for good."""
Thing = TypeVar("Thing", Job, Run)


def body(kind: str, at: datetime, data: dict[str, Any]) -> str:
    """What is sent, by Standard Webhooks."""
    return json.dumps({"type": kind, "timestamp": at, "data": data}, cls=NinjaJSONEncoder, separators=(",", ":"))


def of(kind: str, subject: UUID) -> dict[str, Any]:
    """The thing as it is now, also in the trash, from where it may come back; of one that was deleted meanwhile its id
    and that."""
    shown = _shown(kind, subject)
    return {"id": subject, "deleted": True} if shown is None else shown.model_dump()


def _shown(kind: str, subject: UUID) -> VideoOut | JobOut | RunOut | None:
    if kind == Kind.VIDEO_CREATED:
        video = Video.with_trash.filter(KEPT, pk=subject).first()
        return VideoOut.of(video) if video else None
    if kind == Kind.PIPELINE_FINISHED:
        run = Run.with_trash.filter(KEPT, pk=subject).first()
        return RunOut.of(_with(run, "jobs", Job.with_trash.without_logs())) if run else None
    job = Job.with_trash.without_logs().filter(KEPT, pk=subject).first()
    return JobOut.of(_with(job, "artifacts", Artifact.with_trash.all()), None) if job else None


def _with(thing: Thing, name: str, rows: QuerySet[Any]) -> Thing:
    """With those of these rows that belong to it and are there, or went to the trash with it."""
    along = rows.filter(Q(removal=None) | Q(removal=thing.removal_id))
    prefetch_related_objects([thing], Prefetch(name, along))
    return thing
