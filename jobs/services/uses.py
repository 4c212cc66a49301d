"""When recordings and results were last used (played, downloaded, worked on), and which are wanted for good."""

from collections.abc import Iterable, Iterator, Sequence
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
AT_ONCE = 500
"""Ids in one statement."""


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


def note_all(things: Sequence[Video | Artifact]) -> None:
    """As `note`, of many at once; recordings are those that were uploaded."""
    old = [thing for thing in things if thing.used_at is None or timezone.now() - thing.used_at > A_DAY]
    videos = [thing.pk for thing in old if isinstance(thing, Video)]
    results = [thing.pk for thing in old if isinstance(thing, Artifact)]
    with suppress(OperationalError):
        for part in _parts(videos):
            Video.with_trash.filter(pk__in=part).filter(_is_long_ago()).update(used_at=Now())
            Departure.objects.filter(video__in=part).delete()
        for part in _parts(results):
            mark_results(*part)


def _parts(pks: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (pks[first : first + AT_ONCE] for first in range(0, len(pks), AT_ONCE))


def mark_results(*pks: UUID) -> None:
    rows = Artifact.with_trash.filter(pk__in=pks).filter(_is_long_ago())
    if rows.update(used_at=Now()):
        found = dict(Job.with_trash.filter(artifacts__pk__in=pks).order_by().values_list("pk", "run_id"))
        _call_off(found.keys(), found.values())


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
    _call_off([result.job_id], [result.job.run_id])


def is_pinned(video: Video) -> bool:
    """Whether somebody wants a recording, or the result that it is, for good."""
    return video.artifact.pinned if video.artifact else video.pinned


def _call_off(jobs: Iterable[UUID], runs: Iterable[UUID | None]) -> None:
    """Nothing of the results of these goes before it is announced anew."""
    Departure.objects.filter(Q(job__in=list(jobs)) | Q(run__in=[run for run in runs if run])).delete()


def _is_long_ago() -> Q:
    return Q(used_at=None) | Q(used_at__lt=Now() - A_DAY)
