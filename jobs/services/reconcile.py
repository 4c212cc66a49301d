"""Brings rows, Redis and the disk back together after anything died.

Every step is safe to repeat, and to run on several machines at once.
"""

import contextlib
import functools
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import Error
from django.db.models.functions import Now
from redis.exceptions import RedisError

from jobs import publish, storage
from jobs.models import Install, Invitation, Job, KeptAnswer, SignIn
from jobs.services import (
    accounts,
    custody,
    deliveries,
    going_on,
    images,
    imports,
    keeping,
    knowing,
    lifecycle,
    line,
    line_fronts,
    losses,
    notices,
    part_files,
    queues,
    quota,
    retention,
    runs,
    transcripts,
    trash,
    uploads,
)
from jobs.services.losses import Loss

log = logging.getLogger(__name__)
ATTEMPT = re.compile(r"[0-9a-f-]{36}-\d+")
"""The name of an attempt's scratch folder; changes to a transcript have folders there too."""
JUST_NOW = timedelta(seconds=2)
"""A row this young may not have its entry in Redis yet."""
CLEAR_SECONDS = 120
"""How often a bucket is cleared up; a folder is in every round."""
_look = storage.Look(CLEAR_SECONDS)


class Watch:
    """Whether the silence of jobs tells anything: nobody can beat while the database is away or the machine sleeps, and
    all get the time to do so afterwards. Times are seconds of this machine's clock."""

    def __init__(self, now: float) -> None:
        self._saw = self._trusts_from = now

    def saw(self, now: float) -> None:
        """A round has ended, with the database there."""
        self._saw = now

    def trusts_silence(self, now: float) -> bool:
        """For the round that begins now."""
        if now - self._saw > settings.RECONCILE_SECONDS + settings.LOST_AFTER_SECONDS / 2:
            self._trusts_from = now + settings.LOST_AFTER_SECONDS
        return now >= self._trusts_from


def sweep(silence_tells: bool = True) -> None:
    """One round. When silence tells nothing, silent jobs are left alone.

    What fails keeps nothing else from being done: it is logged, and tried again in the next round. Errors of the
    database end the round, as nothing can be done without it.
    """
    for job in Job.objects.lost() if silence_tells else ():
        _try(f"job {job.pk}", functools.partial(recover, job, losses.SILENT))
    for job in Job.objects.moving().filter(status=Job.Status.WAITING):
        _try(f"job {job.pk}", functools.partial(lifecycle.settle, job))
    for name, duty in _duties(silence_tells).items():
        _try(name, duty)


def _duties(silence_tells: bool) -> dict[str, Callable[[], object]]:
    return {
        "ringing": ring_forgotten,
        "chains": runs.sweep,
        "images": images.sweep,
        "imports": functools.partial(imports.sweep, silence_tells),
        "keeping": keeping.sweep,
        "trash": trash.sweep,
        "deliveries": deliveries.sweep,
        "notices": notices.sweep,
        "unknown work": knowing.give_up,
        "transcripts": transcripts.catch_up,
        "quota": quota.sweep,
        "retention": retention.sweep,
        "accounts": accounts.sweep,
        "sign-ins": SignIn.forget_old,
        "invitations": Invitation.forget_old,
        "kept answers": KeptAnswer.forget_old,
        "storage": clear_storage,
    }


def _try(what: str, do: Callable[[], object]) -> None:
    try:
        do()
    except Error:
        raise
    except Exception:  # what is wrong with one thing keeps none of the others
        log.exception("the reconciler could not do its work on %s", what)


def clear_storage() -> None:
    """Clear away what nobody needs, in a storage that belongs to this database."""
    if not _look.is_due():
        return
    install = Install.get()
    if not custody.is_ours(install):
        return
    clear_scratch()
    going_on.sweep()
    uploads.expire()


def recover_of(worker: str, job_id: str, loss: Loss) -> None:
    """This work-horse died, which had taken this job, or import. It may be another one's by now."""
    if imports.recover_of(worker, job_id, loss):
        return
    if job := Job.objects.filter(pk=job_id, worker=worker).first():
        recover(job, loss)
    try:
        storage_left_by(job_id)
    except OSError as error:
        log.warning("what job %s left stays for the sweep: %s", job_id, error)


def recover(job: Job, loss: Loss) -> None:
    """Put a job whose worker is gone back in line, or give up after too many losses."""
    if job.status != Job.Status.RUNNING:
        return
    attempt, lost = job.attempt, job.losses + loss.counts
    if loss.counts and lost >= settings.MAX_ATTEMPTS:
        if not job.fail(loss.giving_up(lost), attempt, losses=lost):
            return
        lifecycle.ended(job)
        clear_attempt(job, attempt)
    elif put_back(job, loss):
        clear_attempt(job, attempt)  # a bucket may hang: this comes after all that others wait for
        if going_on.is_there(job.pk) and job.retell(attempt, loss.stage_kept):
            publish.line_changed(job)


def put_back(job: Job, loss: Loss) -> bool:
    """Have a job begin again, in its old place. Asks nothing of the storage. False: it is not this attempt's any
    more."""
    attempt = job.attempt
    if not job.release(attempt, loss.stage, losses=job.losses + loss.counts):
        return False
    log.warning("job %s is back in line after attempt %d: %s", job.pk, attempt, loss.what)
    storage.drop_scratch(job.pk, attempt)
    line.ring(job.queue)
    publish.line_changed(job)
    return True


def clear_attempt(job: Job, attempt: int) -> None:
    """Remove what an attempt left whose job was just taken away from it, so that nothing of it can become a result."""
    storage.drop_scratch(job.pk, attempt)
    storage.tidy(storage.results_key(job.pk, attempt))


def storage_left_by(job_id: str) -> None:
    """Remove the scratch folders and unrecorded results of attempts that are over."""
    # The folders first: an attempt that starts in between must not lose its own.
    scratch = [folder for folder in storage.scratch_folders() if folder.name.startswith(f"{job_id}-")]
    results = [name for name in storage.folders(storage.artifacts_key(UUID(job_id))) if name.isdigit()]
    row = Job.with_trash.filter(pk=job_id).values_list("status", "attempt").first()
    if row is None:
        results = []  # who deleted the row deleted them, and what came late the sweep tells of
    status, attempt = row or ("", 0)
    kept: set[str] = set()
    if status == Job.Status.RUNNING:
        kept = {f"{job_id}-{attempt}", str(attempt)}
    elif status == Job.Status.SUCCEEDED:
        kept = {str(attempt)}
    for folder in scratch:
        if folder.name not in kept:
            storage.drop_left(folder)
    for name in results:
        if name not in kept:
            storage.tidy(storage.results_key(UUID(job_id), int(name)))


def ring_forgotten() -> None:
    """Ring again where more jobs are in line than Redis has entries: it was down, or lost its memory, when they
    came."""
    for name in set(queues.names()) - queues.held():
        rows = line_fronts.moving(name).filter(active_at__lt=Now() - JUST_NOW)
        waiting = rows.exclude(stage=knowing.WAITS)[: line.MOST_RUNG].count()
        # Who may know them is woken one by one: those who do not would be woken as often in vain.
        waiting += rows.filter(stage=knowing.WAITS).exists()
        if not waiting:
            continue
        try:
            missing = waiting - line.rung(name)
        except RedisError as error:
            log.warning("Redis is away: %s", error)
            return
        if missing > 0:
            log.warning("%d jobs were in line in %s but unknown to Redis; ringing again", missing, name)
            line.ring_many(name, missing)


def clear_scratch() -> None:
    """Remove scratch folders that no running attempt owns, and drafts and others that are long left."""
    with contextlib.suppress(OSError):
        storage.make_room(0)  # copies that nobody used for long
    # The folders first: an attempt that starts in between must not lose its own.
    folders = storage.scratch_folders()
    running = {
        f"{pk}-{attempt}" for pk, attempt in Job.objects.filter(status=Job.Status.RUNNING).values_list("pk", "attempt")
    }
    for folder in folders:
        is_over = ATTEMPT.fullmatch(folder.name) or storage.age_seconds(folder) > part_files.ORPHANED_SECONDS
        if folder.name not in running and is_over:
            storage.drop_left(folder)
