"""Telling open pages that something changed: one message for all who listen, which says no more than whose.

`live` then reads the present rows, so that a missed or late message can never leave a wrong row behind.
"""

import logging
from collections.abc import Iterable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from jobs.models import Job

log = logging.getLogger(__name__)


CHANGES = "everybody"
"""The one group, of which each process with open pages is a member."""


def tell(owner_ids: Iterable[int]) -> None:
    """Say to the pages of these owners that something changed. One that cannot be reached now asks again by itself."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(CHANGES, {"type": "jobs.changed", "owners": list(set(owner_ids))})
    except (RedisError, OSError) as error:
        log.warning("pages were not told of a change: %s", error)


def job_changed(job: Job) -> None:
    """This job changed."""
    tell([job.owner_id])


def line_changed(job: Job) -> None:
    """This job changed, and with it maybe the line: whoever is in it may have another place when one leaves it or comes
    back."""
    owners = [job.owner_id]
    ended_at_work = not job.is_active and bool(job.worker)  # it had left the line before
    if job.queued_at and not ended_at_work:
        others = Job.objects.filter(status=Job.Status.QUEUED, queue=job.queue)
        owners += others.values_list("owner_id", flat=True).distinct()
    tell(owners)
