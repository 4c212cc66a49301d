"""Recordings that this server fetches from an address: asked for, in line, taken back, cleared away.

The row is the truth and an entry in Redis only wakes a worker, as with jobs; `jobs.fetching` does the work. The bytes
lie in a part file as those of an upload do, and what has arrived stays for another try until the row expires.
"""

import contextlib
import fcntl
import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from io import FileIO
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from django.shortcuts import get_object_or_404
from redis.exceptions import RedisError

from jobs import publish, storage
from jobs.errors import JobError, NotNow
from jobs.models import Account, Import, QueueState, Video
from jobs.services import line, naming, outbound, part_files, quota
from jobs.services.losses import SILENT, Loss

log = logging.getLogger(__name__)
QUEUE = "fetch"
MOST_OPEN = 20
"""Imports that one owner may have under way at the same time."""
SHOWN = 20
KEPT_DAYS = 7
"""How long the row of one that ended is there to be asked for."""
JUST_NOW = timedelta(seconds=2)
"""A row this young may not have its entry in Redis yet."""
S = Import.Status


class BusyElsewhere(JobError):
    """Another process is still at the part file."""


def begin(
    owner: Account,
    url: str,
    *,
    title: str = "",
    work: Mapping[str, Mapping[str, Any]] | None = None,
    pipeline: str = "",
    allow_duplicate: bool = False,
) -> Import:
    """Put an address in line to be fetched. `work` and `pipeline` are begun when it has come, as with an upload.

    Raises AddressRefused for one that is never asked, OverQuota and NotNow (too_many_imports). Nothing is asked yet.
    """
    url = outbound.check(url)
    refuse_too_many(owner)
    quota.refuse(owner, 1)  # how much it will be, the other server tells later
    row = Import.objects.create(
        owner=owner,
        url=url,
        title=naming.clean(title)[:200],
        work=dict(work or {}),
        pipeline=pipeline,
        allow_duplicate=allow_duplicate,
        queued_at=Now(),
        due_at=Now(),
    )
    row.refresh_from_db(fields=["queued_at", "due_at"])
    line.ring(QUEUE)
    publish.tell([owner.pk])
    return row


def refuse_too_many(owner: Account) -> None:
    if Import.objects.of(owner).active().count() >= MOST_OPEN:
        message = f"You have {MOST_OPEN} imports under way. Wait until some have come, or cancel some."
        raise NotNow(message, code="too_many_imports")


def cancel(row: Import) -> bool:
    """Stop it, and throw away what has arrived. False: it had ended already, or its recording is there."""
    if not row.cancel():
        return False
    drop(row)
    publish.tell([row.owner_id])
    return True


def retry(row: Import) -> None:
    """Go on where it failed, or begin anew where nothing of it is left. Raises NotNow (still_active, all_done), and
    Http404 when it is gone."""
    refuse_too_many(row.owner)
    if not row.again():
        row = get_object_or_404(Import, pk=row.pk)
        if row.is_active:
            raise NotNow("This import is under way already.", code="still_active")
        raise NotNow("This import has succeeded, so there is nothing to try again.", code="all_done")
    line.ring(QUEUE)
    publish.tell([row.owner_id])


def remove(row: Import) -> None:
    """Forget one that ended, and what is left of it. The recording that it became stays. Raises NotNow."""
    if row.is_active:
        raise NotNow("This import is under way. Cancel it first.", code="still_active")
    drop(row)
    row.delete()
    publish.tell([row.owner_id])


def drop(row: Import) -> None:
    """Throw away what has arrived."""
    storage.upload_path(row.pk).unlink(missing_ok=True)
    row.forget_bytes()


def shown(owner: Account) -> list[Import]:
    """Those on the library's page: what is under way or failed, newest first. What came is on the shelf."""
    found = Import.objects.of(owner).kept().select_related("video")
    return list(found.order_by("-created_at", "-pk")[:SHOWN])


def unfinished(owner: Account, pk: UUID) -> Import | None:
    """The one that will be the recording of this id, or could not become it."""
    return Import.objects.of(owner).kept().filter(pk=pk).first()


def state(rows: list[Import]) -> str:
    """A short name for exactly what the page shows of them."""
    looks = [(row.pk, row.status, row.received_bytes, row.size_bytes, row.name, row.error_message) for row in rows]
    return hashlib.sha256(repr(looks).encode()).hexdigest()[:16]


# Taking --------------------------------------------------------------------------------------------------------------


def is_held() -> bool:
    """Whether an operator has paused the queue."""
    return QueueState.objects.held().filter(name=QUEUE).exists()


def take(worker: str) -> Import | None:
    """The one whose turn it is, started for this worker; None when none is due or the queue is held.

    Of owners the one comes first who has the fewest on the way now: whoever pastes a hundred addresses holds up
    nobody's single one.
    """
    if is_held():
        return None
    on_the_way = Counter(Import.objects.filter(status=S.RUNNING).values_list("owner_id", flat=True))
    due = list(Import.objects.due().order_by("queued_at", "pk").values_list("pk", "owner_id")[:1000])
    for pk, _ in sorted(due, key=lambda one: on_the_way[one[1]]):
        row = Import.objects.select_related("owner").filter(pk=pk).first()
        if row and row.start(worker):
            publish.tell([row.owner_id])
            return row
    return None


@contextlib.contextmanager
def held(row: Import) -> Iterator[FileIO]:
    """The part file, open and locked, made where it is not there. Raises BusyElsewhere."""
    path = storage.upload_path(row.pk)
    with path.open("a+b", buffering=0) as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyElsewhere("A former attempt is still at it.") from error
        yield part


def ended(row: Import) -> None:
    """It failed: what cannot be gone on with is thrown away."""
    if row.status == S.FAILED and row.error_permanent:
        drop(row)
    publish.tell([row.owner_id])


def forget_cancelled(row: Import) -> None:
    """Throw away what an attempt wrote that heard of its end late."""
    if not Import.objects.exclude(status=S.CANCELLED).filter(pk=row.pk).exists():
        storage.upload_path(row.pk).unlink(missing_ok=True)


def forget_elsewhere() -> None:
    """Throw away what this machine began to fetch and another one has ended: with a bucket each has part files of its
    own, and whoever ends an import sees only theirs."""
    if not storage.new().is_folder:
        part_files.delete_orphans()


def fail(row: Import, error: JobError, attempt: int) -> None:
    video = getattr(error, "video", None)  # of a duplicate
    if row.fail(error, attempt, **({"video": video} if video else {})):
        ended(row)
    else:
        forget_cancelled(row)


# What dies -----------------------------------------------------------------------------------------------------------


def recover_of(worker: str, pk: str, loss: Loss) -> bool:
    """This work-horse died, which had taken this import. False: it has taken no such import."""
    row = Import.objects.filter(pk=pk, worker=worker).first()
    if row:
        recover(row, loss)
    return row is not None


def recover(row: Import, loss: Loss) -> None:
    """Put one whose worker is gone back in line, or give up after too many losses."""
    if row.status != S.RUNNING:
        return
    attempt, lost = row.attempt, row.losses + loss.counts
    if loss.counts and lost >= settings.MAX_ATTEMPTS:
        fail(row, loss.giving_up(lost), attempt)
    elif row.release(attempt, losses=lost):
        log.warning("import %s is back in line after attempt %d: %s", row.pk, attempt, loss.what)
        line.ring(QUEUE)
        publish.tell([row.owner_id])


def sweep(silence_tells: bool = True) -> None:
    """One round of the reconciler. Safe to repeat, and to run on several machines at once."""
    for row in Import.objects.lost() if silence_tells else ():
        recover(row, SILENT)
    ring_forgotten()
    expire()


def ring_forgotten() -> None:
    """Ring for those in line that Redis does not know: put off until now, or it was away when they came."""
    if is_held():
        return
    waiting = Import.objects.due().filter(due_at__lt=Now() - JUST_NOW).count()
    try:
        for _ in range(waiting - line.rung(QUEUE) if waiting else 0):
            line.ring(QUEUE)
    except RedisError as error:
        log.warning("Redis is away: %s", error)


def expire() -> None:
    """Throw away what nobody goes on with: the bytes of those that failed, and rows of long ago."""
    over = Import.objects.exclude(status__in=Import.ACTIVE)
    left = Now() - timedelta(hours=settings.UPLOAD_EXPIRES_HOURS)
    for row in over.filter(received_bytes__gt=0, status=S.FAILED, finished_at__lt=left):
        drop(row)
    over.filter(finished_at__lt=Now() - timedelta(days=KEPT_DAYS)).delete()


def made(row: Import) -> Video | None:
    """What it has become already, when only that was not written down."""
    return Video.with_trash.filter(pk=row.pk).first()
