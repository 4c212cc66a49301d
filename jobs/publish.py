"""Telling open pages that jobs changed: one group of sockets per owner, one for pages that show what everybody
does, and a message that says no more than that.

`live` then reads the present rows, so that a missed or late message can never leave a wrong row behind.
"""

import logging
from collections.abc import Iterable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from jobs.models import Job

log = logging.getLogger(__name__)


EVERYBODY = "everybody"
"""The group of pages that show what everybody does."""


def group(owner_id: int) -> str:
    return f"owner-{owner_id}"


def tell(owner_ids: Iterable[int]) -> None:
    """Say to the pages of these owners that something changed. One that cannot be reached now asks again by itself."""
    layer = get_channel_layer()
    if layer is None:
        return

    async def send() -> None:  # all on one connection: each call from outside an event loop makes its own
        for owner_id in set(owner_ids):
            await layer.group_send(group(owner_id), {"type": "jobs.changed"})
        await layer.group_send(EVERYBODY, {"type": "jobs.changed"})

    try:
        async_to_sync(send)()
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
