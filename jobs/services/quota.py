"""What one account may take: bytes in the storage, minutes of recordings worked on a month, jobs at the same time.

Bytes are counted with what was promised to uploads and attempts under way. Whoever asks for some holds the account's
row of `Room` while it is counted and promised, so that of two who come at once only one gets the last of it.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Now

from jobs import wording
from jobs.errors import NotNow
from jobs.models import Account, Hold, Import, Job, Room, Upload
from jobs.models.hold import LONGEST
from jobs.services import storage_use

GIGABYTE = 1024**3
MORE = "Delete something, or ask the operator for more."


class OverQuota(NotNow):
    """There is no room for it in what the account may take."""

    code = "quota_full"


@dataclasses.dataclass(frozen=True)
class Quota:
    """What an account may take; 0: any number. `minutes` are those of a calendar month."""

    bytes: int
    minutes: int
    jobs: int


def of(owner: Account) -> Quota:
    """What the settings say for everybody, and for this account where it has figures of its own."""
    return said(Room.objects.filter(pk=owner.pk).first())


def of_many(owners: Iterable[int]) -> dict[int, Quota]:
    """The same for several accounts, by their ids."""
    rows = Room.objects.in_bulk(list(owners))
    return {pk: said(rows.get(pk)) for pk in owners}


def said(own: Room | None) -> Quota:
    """`own` is the row of an account, where it has one."""
    row = own or Room()
    size = settings.QUOTA_BYTES if row.gigabytes is None else round(row.gigabytes * GIGABYTE)
    minutes = settings.QUOTA_MINUTES if row.minutes is None else row.minutes
    jobs = settings.QUOTA_JOBS if row.jobs is None else row.jobs
    return Quota(size, minutes, jobs)


def taken_bytes(owner: Account, use: storage_use.Use | None = None) -> int:
    """What lies in the storage (`use`, where that is known already), and what uploads, imports and attempts under way
    were promised."""
    uploads = Upload.objects.of(owner).under_way().aggregate(rest=Sum(F("length") - F("offset")))["rest"] or 0
    held = Hold.objects.of(owner).good().aggregate(size=Sum("size"))["size"] or 0
    coming = Import.objects.of(owner).promised_bytes()
    return (use or storage_use.of(owner)).total + int(uploads) + coming + int(held)


def refuse(owner: Account, length: int) -> None:
    """Raise OverQuota when so many bytes more are too many. What comes in at the same moment is not known yet: in a
    transaction that holds the account's `Room` it is."""
    most = of(owner).bytes
    if not most:
        return
    left = most - taken_bytes(owner)
    if length > left:
        raise OverQuota(f"{_needs(length, left, most)} {MORE}")


def _needs(length: int, left: int, most: int) -> str:
    """“This needs 4.2 GB, and 1.1 GB of your 10 GB are left.”"""
    rest = (
        f"{wording.size(left)} of your {wording.size(most)} are"
        if left > 0
        else f"nothing of your {wording.size(most)} is"
    )
    return f"This needs {wording.size(length)}, and {rest} left."


@contextlib.contextmanager
def held(owner: Account, length: int, pk: UUID) -> Iterator[None]:
    """Keep room for a file that came in one piece, until its row is there. One that came by chunks, or from an address,
    has had its room since it began: then `pk` is that of its upload or import. Raises OverQuota."""
    has_room = any(rows.filter(pk=pk).exists() for rows in (Upload.objects.all(), Import.objects.active()))
    if not of(owner).bytes or has_room:
        yield
        return
    with transaction.atomic():
        Room.hold(owner)
        refuse(owner, length)
        hold = Hold.objects.create(owner=owner, size=length)
    try:
        yield
    finally:
        Hold.objects.filter(pk=hold.pk).delete()


@contextlib.contextmanager
def held_for(job: Job, attempt: int, expected: Callable[[], int]) -> Iterator[None]:
    """Keep room for the bytes that an attempt of a job is expected to make, until they are there. Should it make more,
    that stays: nothing is refused in the middle of work. Raises OverQuota."""
    if not (most := of(job.owner).bytes):
        yield
        return
    length = expected()
    with transaction.atomic():
        Room.hold(job.owner)
        left = most - taken_bytes(job.owner)
        if length > left:
            what = _needs(length, left, most).replace("This needs", "The result needs about")
            raise OverQuota(f"{what} Delete something, or ask the operator for more, then try again.")
        hold = Hold.objects.create(owner=job.owner, size=length, job=job, attempt=attempt)
    try:
        yield
    finally:
        Hold.objects.filter(pk=hold.pk).delete()


def sweep() -> None:
    """Delete holds that died without their owner."""
    Hold.objects.filter(created_at__lt=Now() - LONGEST).exclude(pk__in=Hold.objects.good().values("pk")).delete()
