"""The queues: which there are, and whether they give work.

A paused queue gives nothing; what runs goes on. Draining pauses all queues at once, so that the machines can be stopped
when nothing runs any more. Everything here may be asked for twice: the second time nothing changes.
"""

import django_rq
from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from rq import Queue
from rq.job import Job as Entry

from jobs import publish
from jobs.errors import InputError
from jobs.models import Account, Job, QueueState
from jobs.services import line, line_fronts

RENAMED = ("quick", "long")
"""What queues were called before."""


def names() -> tuple[str, ...]:
    """All queues, those of quick work first."""
    return tuple(settings.RQ_QUEUES)


def states() -> dict[str, QueueState]:
    """The state of each queue by its name; rows that are not there yet stand for queues that give work."""
    rows = QueueState.objects.select_related("paused_by", "drained_by").in_bulk(names())
    return {name: rows.get(name) or QueueState(name=name) for name in names()}


def held() -> set[str]:
    """The names of those that give no work now, by a pause or a drain."""
    return set(QueueState.objects.held().values_list("name", flat=True))


def is_paused(name: str) -> bool:
    """Whether it gives no work now, by a pause or a drain."""
    return QueueState.objects.held().filter(name=name).exists()


def pause(name: str, by: Account | None) -> bool:
    """Take no more work from it. False: it was paused already. Raises InputError for one that is not there."""
    rows = QueueState.objects.filter(pk=_row(name), paused_at=None)
    if not rows.update(paused_at=Now(), paused_by=by):
        return False
    _tell(name)
    return True


def resume(name: str) -> bool:
    """Give its work again, unless the site is draining. False: it was not paused. Raises InputError as `pause`."""
    rows = QueueState.objects.filter(pk=_row(name), paused_at__isnull=False)
    if not rows.update(paused_at=None, paused_by=None):
        return False
    _wake(name)
    return True


def drain(by: Account | None) -> bool:
    """Take no more work from any queue. False: the site was draining already."""
    pks = [_row(name) for name in names()]
    if not QueueState.objects.filter(pk__in=pks, draining_since=None).update(draining_since=Now(), drained_by=by):
        return False
    _tell(*pks)
    return True


def end_drain() -> bool:
    """Give work again, from those that were not paused besides. False: the site was not draining."""
    draining = QueueState.objects.filter(draining_since__isnull=False)
    pks = list(draining.values_list("pk", flat=True))
    if not draining.update(draining_since=None, drained_by=None):
        return False
    for name in pks:
        _wake(name)
    return True


def forget_renamed() -> None:
    """Remove what Redis still holds of ours under names that no worker listens to any more. Raises RedisError.

    The rows have new names, and whoever is in line is rung for again.
    """
    for name in RENAMED:
        queue = Queue(name, connection=django_rq.get_connection(names()[0]))
        entries = Entry.fetch_many(queue.get_job_ids(), connection=queue.connection)
        for entry in entries:
            if entry and entry.func_name == "jobs.tasks.run_job":
                entry.delete()
        if not queue.count:
            queue.delete()


def _row(name: str) -> str:
    """The key of its row, which is there afterwards."""
    if name not in names():
        raise InputError(f"There is no queue “{name}”. Choose one of {', '.join(names())}.", code="unknown_queue")
    return QueueState.objects.get_or_create(name=name)[0].pk


def _in_line(*queues: str) -> QuerySet[Job]:
    return Job.objects.filter(status=Job.Status.QUEUED, queue__in=queues)


def _tell(*queues: str) -> None:
    """Rows in line say whether their queue is paused."""
    publish.tell(list(_in_line(*queues).values_list("owner_id", flat=True).distinct()))


def _wake(name: str) -> None:
    """Entries in Redis that workers took while the queue was paused are gone."""
    if not is_paused(name):
        line.ring_many(name, line_fronts.moving(name)[: line.MOST_RUNG].count())
    _tell(name)
