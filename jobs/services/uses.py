"""When recordings and results were last used (played, downloaded, worked on), and which are wanted for good."""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db import OperationalError
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from jobs.models import Artifact, Departure, Job, Video

A_DAY = timedelta(days=1)
"""A use is written down once in this time: players ask for many pieces of a file."""


def mark(thing: Video | Artifact) -> None:
    """It is used now. Of a result as a recording, the result is."""
    if isinstance(thing, Video) and thing.artifact_id:
        mark_results(thing.artifact_id)
    elif thing.used_at is None or timezone.now() - thing.used_at > A_DAY:
        if isinstance(thing, Artifact):
            mark_results(thing.pk)
        else:
            Video.with_trash.filter(pk=thing.pk).filter(_is_long_ago()).update(used_at=Now())
            Departure.objects.filter(video=thing).delete()


def note(thing: Video | Artifact) -> None:
    """As `mark`, by somebody who only looks: that goes on with a database that may only be read for now."""
    with suppress(OperationalError):
        mark(thing)


def mark_results(pk: UUID) -> None:
    rows = Artifact.with_trash.filter(pk=pk).filter(_is_long_ago())
    if rows.update(used_at=Now()):
        job = Job.with_trash.filter(artifacts__pk=pk).only("pk", "run_id").first()
        _call_off(job)


def pin(thing: Video | Artifact, wanted: bool) -> None:
    """Whether it is to stay for good, whatever the retention. Of a result as a recording, the result is."""
    if isinstance(thing, Video) and not thing.artifact_id:
        Video.objects.filter(pk=thing.pk).update(pinned=wanted)
        Departure.objects.filter(video=thing).delete()
        thing.pinned = wanted
        return
    result = thing if isinstance(thing, Artifact) else thing.artifact
    assert result is not None
    Artifact.objects.filter(pk=result.pk).update(pinned=wanted)
    result.pinned = wanted
    _call_off(result.job)


def is_pinned(video: Video) -> bool:
    """Whether somebody wants a recording, or the result that it is, for good."""
    return video.artifact.pinned if video.artifact else video.pinned


def _call_off(job: Job | None) -> None:
    """Nothing of a job's, and of its chain's, results goes before it is announced anew."""
    if job:
        Departure.objects.filter(Q(job=job) | Q(run__isnull=False, run=job.run_id)).delete()


def _is_long_ago() -> Q:
    return Q(used_at=None) | Q(used_at__lt=Now() - A_DAY)
