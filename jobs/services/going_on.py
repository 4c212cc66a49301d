"""What attempts at a job have made already: kept while it is under way, so that the next attempt goes on from it.

Nothing depends on it. It lies beside what is measured, in a folder of the job's own, and goes when the job has ended,
when it is old, or when the disk fills up; the engine checks what it finds there.
"""

import shutil
from pathlib import Path
from uuid import UUID

from django.conf import settings

from jobs import storage
from jobs.engine.runtime.kept_parts import KeptParts
from jobs.models import Job

OLD_SECONDS = 7 * 24 * 3600
"""A job that waits for longer than this begins anew."""
MARGINS = 2
"""How many times FREE_MARGIN_MB stays free of what is kept: uploads and results come before it."""


def folder() -> Path:
    """Where all of it lies, by the ids of jobs."""
    return storage.room("cache") / "parts"


def parts_of(job: Job) -> KeptParts:
    """What is kept of a job, and room for more."""
    return KeptParts(folder() / str(job.pk), margin_bytes=MARGINS * settings.FREE_MARGIN_BYTES)


def is_there(job_id: UUID) -> bool:
    """Whether anything is kept of a job."""
    return (folder() / str(job_id)).is_dir()


def forget_ended(job_id: UUID) -> None:
    """Drop what is kept of a job that has ended, if it has: another attempt may be at it by now."""
    if not Job.objects.active().filter(pk=job_id).exists():
        shutil.rmtree(folder() / str(job_id), ignore_errors=True)


def sweep() -> None:
    """Remove what ended jobs, and those that wait for too long, have left; all that waits when the disk is full."""
    try:
        found = [one for one in folder().iterdir() if one.is_dir()]
    except FileNotFoundError:
        return
    if not found:
        return
    names = [one.name for one in found]
    status = {str(pk): state for pk, state in Job.objects.active().filter(pk__in=names).values_list("pk", "status")}
    is_full = shutil.disk_usage(folder()).free < settings.FREE_MARGIN_BYTES
    for one in found:
        is_waiting = status.get(one.name) != Job.Status.RUNNING
        if one.name not in status or (is_waiting and (is_full or storage.age_seconds(one) > OLD_SECONDS)):
            shutil.rmtree(one, ignore_errors=True)
