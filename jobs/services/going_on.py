"""What attempts at a job have made already: kept while it is under way, so that the next attempt goes on from it.

Nothing depends on it. It lies beside what is measured, or in the bucket that all machines share, by the job's id, and
goes when the job has ended, when it is old, or when the disk fills up; the engine checks what it finds there.
"""

import contextlib
import dataclasses
import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

from jobs import storage
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts, Place
from jobs.models import Job

log = logging.getLogger(__name__)
OLD_SECONDS = 7 * 24 * 3600
"""A job that waits for longer than this begins anew."""
MARGINS = 2
"""How many times FREE_MARGIN_MB stays free of what is kept: uploads and results come before it."""
ROOM = "parts"
"""Of all of it in a bucket."""
LOOK_SECONDS = 600
"""How often a bucket is asked what lies there."""


def folder() -> Path:
    """Where all of it lies in a folder, by the ids of jobs."""
    return storage.room("cache") / "parts"


@dataclasses.dataclass(frozen=True)
class BucketPlace:
    """Below a key of a bucket. `is_new`: nothing is there yet, so that nobody has to ask."""

    key: str
    is_new: bool

    def total_bytes(self) -> int:
        return 0 if self.is_new else storage.total_bytes(self.key)

    def has_room(self, size: int) -> bool:
        return True

    def read(self, name: str) -> bytes:
        if self.is_new:
            raise FileNotFoundError(name)
        return storage.read(f"{self.key}/{name}")

    def write(self, name: str, *data: bytes) -> None:
        """A bucket that is away keeps this one part less; what it has stays good."""
        try:
            if not self.is_new:
                storage.delete(f"{self.key}/{name}")  # one that was there was not right
            storage.put_new(b"".join(data), f"{self.key}/{name}")
        except storage.StorageAway as error:
            log.warning("%s/%s is not kept: %s", self.key, name, error)

    def clear(self) -> None:
        storage.tidy(self.key)


def parts_of(job: Job) -> KeptParts:
    """What is kept of a job, and room for more."""
    return KeptParts(place_of(job.pk, is_new=job.attempt == 1))


def place_of(job_id: UUID | str, *, is_new: bool = False) -> Place:
    if storage.store().is_folder:
        return FolderPlace(folder() / str(job_id), MARGINS * settings.FREE_MARGIN_BYTES)
    return BucketPlace(f"{ROOM}/{job_id}", is_new)


def is_there(job_id: UUID) -> bool:
    """Whether anything is kept of a job."""
    try:
        return place_of(job_id).total_bytes() > 0
    except OSError:
        return False


def forget_ended(job_id: UUID) -> None:
    """Drop what is kept of a job that has ended, if it has: another attempt may be at it by now."""
    if not Job.objects.active().filter(pk=job_id).exists():
        with contextlib.suppress(OSError):  # the reconciler does it later
            place_of(job_id).clear()


def sweep() -> None:
    """Remove what ended jobs, and those that wait for too long, have left; all that waits when the disk is full."""
    names = list(_kept())
    if not names:
        return
    status = {str(pk): state for pk, state in Job.objects.active().filter(pk__in=names).values_list("pk", "status")}
    is_full = folder().is_dir() and shutil.disk_usage(folder()).free < settings.FREE_MARGIN_BYTES
    for name in names:
        is_waiting = status.get(name) != Job.Status.RUNNING
        if name not in status or (is_waiting and (is_full or _age_seconds(name) > OLD_SECONDS)):
            place_of(name).clear()


def _kept() -> Iterator[str]:
    """The ids of jobs of which something is kept."""
    if not storage.store().is_folder:
        if _look.is_due():
            yield from filter(is_id, storage.folders(ROOM))
    elif folder().is_dir():
        yield from (one.name for one in folder().iterdir() if is_id(one.name))


def _age_seconds(name: str) -> float:
    """For how long nothing has come to what is kept of a job."""
    if storage.store().is_folder:
        return storage.age_seconds(folder() / name)
    return time.time() - max((found.changed for found in storage.listed(f"{ROOM}/{name}")), default=time.time())


def is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


_look = storage.Look(LOOK_SECONDS)
