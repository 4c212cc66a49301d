"""What is told to those who asked to hear of it: a recording came, a job ended, a chain finished.

Each is told once for each change, inside the transaction of the change, by whatever process made it: a worker, a page,
the reconciler. A listener writes rows of its own there, so that a process that is killed loses nothing, and a change
that is taken back is told to nobody. What else it has to do, such as waking somebody, it does on commit, and the
reconciler repairs it when that was lost.

There is no other place where these things happen: jobs end by the verbs of `Job`, chains by `Run.follow`, and
recordings come by `arrivals.record`.
"""

import dataclasses
import logging
import uuid
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import DatabaseError, models, transaction
from django.dispatch import receiver

from jobs.models import Job, Run, Video
from jobs.models.signals import job_ended, run_finished

log = logging.getLogger(__name__)


class Kind(models.TextChoices):
    """The names are relied on from outside."""

    VIDEO_CREATED = "video.created", "A recording came"
    JOB_SUCCEEDED = "job.succeeded", "A job is done"
    JOB_FAILED = "job.failed", "A job failed"
    JOB_CANCELLED = "job.cancelled", "A job was cancelled"
    PIPELINE_FINISHED = "pipeline.finished", "A chain came to its end"


OF_STATUS = {
    Job.Status.SUCCEEDED: Kind.JOB_SUCCEEDED,
    Job.Status.FAILED: Kind.JOB_FAILED,
    Job.Status.CANCELLED: Kind.JOB_CANCELLED,
}


@dataclasses.dataclass(frozen=True)
class Event:
    """`subject` is the id of the recording, job or run. It may be deleted before anybody looks at it."""

    kind: Kind
    owner: int
    subject: UUID
    id: UUID = dataclasses.field(default_factory=uuid.uuid4)


Listener = Callable[[Event], None]
LISTENERS: list[Listener] = []
"""Called in the transaction of the change, in this order."""


def listener(function: Listener) -> Listener:
    """Have it hear of everything. Its module has to be loaded by every process, which `jobs.apps` sees to."""
    LISTENERS.append(function)
    return function


def tell(kind: Kind, owner: int, subject: UUID) -> None:
    """Tell all listeners. Call it in the transaction of the change.

    An error of the database takes the change back with it; any other error of a listener is no reason to lose work.
    """
    event = Event(kind, owner, subject)
    for listener in LISTENERS:
        try:
            with transaction.atomic():
                listener(event)
        except DatabaseError:
            raise
        except Exception:  # it is told in vain, which loses nobody's work
            log.exception("a listener failed at %s of %s", kind, subject)


def came(video: Video) -> None:
    """This recording is new. Call it in the transaction that makes its row."""
    tell(Kind.VIDEO_CREATED, video.owner_id, video.pk)


@receiver(job_ended)
def _job_ended(job: Job, **rest: Any) -> None:
    tell(OF_STATUS[Job.Status(job.status)], job.owner_id, job.pk)


@receiver(run_finished)
def _run_finished(run: Run, **rest: Any) -> None:
    tell(Kind.PIPELINE_FINISHED, run.owner_id, run.pk)
