"""What people remove lies in their trash for some days, and comes back as it was if they want it.

At once it is gone from all pages and lists, and what was under way on it is stopped; rows and files stay. What hangs on
it goes along, and only that comes back with it. Nothing that was stopped begins again by itself.

Deleting for good takes the files first and the row last: who dies in between is followed by the reconciler.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from jobs import publish, storage
from jobs.errors import InputError, NotNow
from jobs.models import Account, Artifact, Job, Removal, Run, Video
from jobs.services import jobs, lifecycle, runs, storage_use, versions, videos

Subject = Video | Run | Job | Artifact
"""What can be removed: a result is an `Artifact`, or the `Video` that it is known as."""
log = logging.getLogger(__name__)
AT_ONCE = 20
"""How many things one round of the reconciler deletes for good."""
TRIES = 5
NAMES = 500
"""Ids in one query."""


# Removing ------------------------------------------------------------------------------------------------------------


def remove(subject: Subject, *, with_followers: bool = False, together: UUID | None = None) -> Removal | None:
    """Put something into its owner's trash with all that hangs on it; None where there is no trash (`TRASH_DAYS` is 0),
    and it is deleted for good. `together` is that of all that goes by the same word.

    Work under way on a recording is stopped, and what needs it elsewhere fails with a sentence. Raises InputError while
    a job or chain is under way, and while work that is needs its results, unless that is to be stopped.
    """
    subject = _as_known(subject)
    if not settings.TRASH_DAYS:
        delete(subject, with_followers=with_followers)
        return None
    for _ in range(TRIES):
        _make_ready(subject, with_followers)
        if removal := _put(subject, together):
            _tell(subject)
            return removal
    raise NotNow("Work on this begins again and again. Stop that first, then remove it.", code="still_active")


def _as_known(subject: Subject) -> Subject:
    return subject.artifact if isinstance(subject, Video) and subject.artifact else subject


def _make_ready(subject: Subject, with_followers: bool) -> None:
    """Stop what is not to go on without it. Raises InputError."""
    if isinstance(subject, Video):
        for job in subject.jobs.filter(under_way=1):
            jobs.cancel(job)
        return
    if not isinstance(subject, Artifact):
        subject.refresh_from_db(fields=["status"])
        if subject.is_active:
            what = "chain" if isinstance(subject, Run) else "job"
            raise InputError(f"This {what} is still under way. Cancel it first, then remove it.", code="still_active")
    jobs.stop_needing(needing(subject), with_followers)
    if isinstance(subject, Job):
        lifecycle.fail_dependants(subject)


def needing(subject: Subject) -> list[Job]:
    """The jobs under way elsewhere that need what would go."""
    subject = _as_known(subject)
    if isinstance(subject, Run):
        return runs.needing_results(subject)
    if isinstance(subject, Job):
        return jobs.needing_results(subject)
    if isinstance(subject, Artifact):
        return jobs.needing_results(subject.job, [subject])
    return jobs.needing(subject.owner, "recording", subject.pk)


def stops(subject: Subject) -> int:
    """How many jobs under way would end: those on it, and those that need it."""
    subject = _as_known(subject)
    on_it = {job.pk for job in subject.jobs.filter(under_way=1)} if isinstance(subject, Video) else set()
    return len(on_it.union(job.pk for job in needing(subject)))


def _put(subject: Subject, together: UUID | None) -> Removal | None:
    """Mark the rows. None: work has begun on it meanwhile, and nothing was done."""
    with transaction.atomic():
        if not type(subject).objects.select_for_update().filter(pk=subject.pk).exists():
            raise InputError("This has been removed already.", code="gone")
        removal = Removal.objects.create(owner=_owner(subject), together=together, **_named(subject))
        _mark(subject, lambda rows: rows.filter(removal=None), removal)
        if Job.with_trash.filter(_jobs_of(subject), removal=removal, under_way=1).exists():
            transaction.set_rollback(True)
            return None
        removal.size = _size(removal)
        removal.save(update_fields=["size"])
    removal.refresh_from_db()
    return removal


def _owner(subject: Subject) -> Account:
    return subject.job.owner if isinstance(subject, Artifact) else subject.owner


def _named(subject: Subject) -> dict[str, object]:
    if isinstance(subject, Video):
        return {"kind": Removal.Kind.RECORDING, "title": subject.title, "video": subject}
    if isinstance(subject, Run):
        return {"kind": Removal.Kind.CHAIN, "title": f"{subject.name} of {subject.video.title}"[:255], "run": subject}
    if isinstance(subject, Artifact):
        return {"kind": Removal.Kind.RESULT, "title": subject.name, "artifact": subject}
    title = f"{subject.operation_title} of {subject.video.title}"
    return {"kind": Removal.Kind.JOB, "title": title[:255], "job": subject}


def _jobs_of(subject: Subject) -> Q:
    if isinstance(subject, Video):
        return Q(video=subject)
    if isinstance(subject, Run):
        return Q(run=subject)
    return Q(pk=subject.pk if isinstance(subject, Job) else None)


def _mark(subject: Subject, chosen: Callable[[QuerySet[Any]], QuerySet[Any]], removal: Removal | None) -> None:
    """Give all rows that hang on it, as far as they are `chosen`, this removal. That of the recording first: new work
    waits for it, see `jobs.refuse_removed`."""
    if isinstance(subject, Video):
        chosen(Video.with_trash.filter(pk=subject.pk)).update(removal=removal)
        chosen(Run.with_trash.filter(video=subject)).update(removal=removal, idempotency_key=None)
    elif isinstance(subject, Run):
        chosen(Run.with_trash.filter(pk=subject.pk)).update(removal=removal, idempotency_key=None)
    if isinstance(subject, Artifact):
        results = [subject.pk]
    else:
        going = list(chosen(Job.with_trash.filter(_jobs_of(subject))).values_list("pk", flat=True))
        for part in _parts(going):
            Job.with_trash.filter(pk__in=part).update(removal=removal, idempotency_key=None, changed_at=Now())
        found = (Artifact.with_trash.filter(job__in=part).values_list("pk", flat=True) for part in _parts(going))
        results = list(itertools.chain.from_iterable(found))
    for part in _parts(results):
        chosen(Artifact.with_trash.filter(pk__in=part)).update(removal=removal)
        chosen(Video.with_trash.filter(pk__in=part)).update(removal=removal)


def _parts(pks: list[UUID]) -> Iterator[list[UUID]]:
    for first in range(0, len(pks), NAMES):
        yield pks[first : first + NAMES]


def _size(removal: Removal) -> int:
    """The bytes of the files that went along, but for those that others have by another name as well."""
    subject = subject_of(removal)
    results = Artifact.with_trash.filter(removal=removal)
    if isinstance(subject, Artifact):
        found = list(results.filter(pk=subject.pk).values_list("body", "size"))
    else:
        going = Job.with_trash.filter(_jobs_of(subject))
        found = list(results.filter(job__in=going).values_list("body", "size"))
    if isinstance(subject, Video):
        found.append((subject.body, subject.size))
    counted = storage_use.there(sorted({body for body, _ in found if body}))
    size = 0
    for body, bytes_of in found:
        size += 0 if body in counted else bytes_of
        counted |= {body} if body else set()
    return size


def _tell(subject: Subject) -> None:
    """What is to be known of a thing that has just gone, or come back."""
    if isinstance(subject, Video):
        results = Artifact.with_trash.filter(job__video=subject).values_list("pk", flat=True)
        jobs.fail_needing(subject.owner, "recording", subject.pk, *results)
    elif (run := _run_of(subject)) is not None:
        run.follow()
    publish.tell([_owner(subject).pk])


def _run_of(subject: Subject) -> Run | None:
    if isinstance(subject, Artifact):
        return subject.job.run
    return subject.run if isinstance(subject, Job) else None


# Having it back ------------------------------------------------------------------------------------------------------


def subject_of(removal: Removal) -> Subject:
    found = removal.video or removal.run or removal.job or removal.artifact
    assert found is not None, "the row of a removal goes with that of its thing"
    return found


def listed(owner: Account) -> QuerySet[Removal]:
    """What an owner can have back, the newest first."""
    return Removal.objects.of(owner).restorable()


def find(owner: Account, pk: UUID) -> Removal | None:
    """That of the recording, chain, job or result with this id, if the owner can have it back."""
    its = Q(video=pk) | Q(run=pk) | Q(job=pk) | Q(artifact=pk)
    return Removal.objects.of(owner).restorable().filter(its).first()


def holding(owner: Account, pk: UUID) -> Removal | None:
    """With what the thing of this id went, be it along with another one, if the owner can have it back."""
    for model in (Video, Job, Run, Artifact):
        row = model.with_trash.of(owner).filter(pk=pk, removal__is_going=False).select_related("removal").first()
        if row is not None:
            return row.removal
    return None


def restore(removal: Removal) -> Subject:
    """Put something back where it was, with all that went along.

    Raises InputError when it is being deleted for good or was restored already, and while what it belongs to is in the
    trash itself.
    """
    with transaction.atomic():
        held = Removal.objects.select_for_update().restorable().filter(pk=removal.pk).first()
        if held is None:
            raise InputError("This is not in the trash any more.", code="gone")
        subject = subject_of(held)
        _refuse_below(subject)
        _mark(subject, lambda rows: rows.filter(removal=held), None)
        held.delete()
    subject.refresh_from_db()
    if isinstance(subject, Run):
        subject.follow()
    elif run := _run_of(subject):
        run.follow()
    publish.tell([_owner(subject).pk])
    return subject


def _refuse_below(subject: Subject) -> None:
    """Raise InputError when what it belongs to is in the trash."""
    above: Iterable[Video | Run | Job | None] = ()
    if isinstance(subject, Artifact):
        above = (subject.job.video, subject.job.run, subject.job)
    elif isinstance(subject, Job):
        above = (subject.video, subject.run)
    elif isinstance(subject, Run):
        above = (subject.video,)
    for one in above:
        if one is not None and one.removal is not None:
            raise NotNow(f"“{one.removal}” is in the trash, too. Restore that first.", code="in_trash")


# Deleting for good ---------------------------------------------------------------------------------------------------


def delete(subject: Subject, *, with_followers: bool = False) -> None:
    """Delete something for good that is not in the trash. Raises InputError as `remove`."""
    subject = _as_known(subject)
    if isinstance(subject, Video):
        videos.delete(subject)
    elif isinstance(subject, Run):
        runs.remove(subject, with_followers=with_followers)
    elif isinstance(subject, Job):
        jobs.remove(subject, with_followers=with_followers)
    else:
        videos.delete_result(subject, with_followers=with_followers)


def empty(owner: Account) -> int:
    """Delete all of an owner's trash for good. Returns how many things went; what is left of many goes within minutes,
    and nobody can have it back."""
    count = Removal.objects.of(owner).restorable().update(is_going=True)
    for removal in Removal.objects.of(owner).filter(is_going=True)[:AT_ONCE]:
        purge(removal)
    publish.tell([owner.pk])
    return count


def sweep() -> int:
    """One round of the reconciler: delete for good what has been in the trash for long enough. Returns how many things.
    Safe to be done by several machines at once, and to be killed. What the disk refuses keeps none of the others."""
    purged = 0
    for removal in Removal.objects.due().order_by("at")[:AT_ONCE]:
        try:
            purged += _purge(removal)
        except OSError as error:
            log.warning("removal %s is not deleted yet: %s", removal.pk, error)
    return purged


def purge(removal: Removal) -> bool:
    """Delete something in the trash for good; when the storage refuses at the moment, within minutes, and nobody can
    have it back meanwhile. False: it was restored, or somebody else was quicker."""
    try:
        return _purge(removal)
    except OSError as error:
        log.warning("removal %s is not deleted yet: %s", removal.pk, error)
        return True


def _purge(removal: Removal) -> bool:
    """Raises OSError when the storage does not delete all of it: then its rows stay, for the next try."""
    if not Removal.objects.filter(pk=removal.pk).update(is_going=True):
        return False
    try:
        subject = subject_of(removal)
    except ObjectDoesNotExist:  # just deleted by another machine
        return False
    hashes = set(_delete_files(subject))
    subject.delete()  # and the removal with it
    for sha256 in hashes:
        if not Video.with_trash.filter(sha256=sha256).exists():
            storage.forget(sha256)
    return True


def _delete_files(subject: Subject) -> Iterator[str]:
    """Delete the files of a thing and of all that hangs on it, and tell the hashes of what could be worked on."""
    if isinstance(subject, Artifact):
        yield subject.sha256
        storage.delete(subject.key)
        storage.delete_tree(storage.recording_key(subject.pk))
        return
    for job in Job.with_trash.filter(_jobs_of(subject)).only("pk").iterator(NAMES):
        results = Artifact.with_trash.filter(job=job, kind__in=versions.KINDS).values_list("pk", "sha256")
        for pk, sha256 in results:
            yield sha256
            storage.delete_tree(storage.recording_key(pk))
        storage.delete_tree(storage.artifacts_key(job.pk))
    if isinstance(subject, Video):
        yield subject.sha256
        storage.delete_tree(storage.recording_key(subject.pk))
