"""How much there is in each queue now, and who works on it."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Count, Min, Q, Value
from redis.exceptions import RedisError

from jobs import clock
from jobs.models import Import, Job, QueueState
from jobs.services import deliveries, imports, line_fronts, outbox, queues, workers
from jobs.services.workers import Worker

S = Job.Status


@dataclasses.dataclass(frozen=True)
class QueueLoad:
    """`waiting` counts jobs that wait for others, or for their owner who has put them on hold, `queued` those in line,
    since `oldest_at` at most. Of webhooks it is
    deliveries that wait for another try, and those that are due; of addresses it is imports. `workers` are those
    registered, None while Redis is away."""

    name: str
    state: QueueState
    waiting: int
    queued: int
    running: int
    oldest_at: datetime | None
    workers: Sequence[Worker] | None

    @property
    def is_known(self) -> bool:
        """Whether this install has such a queue, so that it can be paused."""
        return self.name in queues.names()

    @property
    def oldest_seconds(self) -> float:
        return max(0.0, (clock.now() - self.oldest_at).total_seconds()) if self.oldest_at else 0.0

    @property
    def alive(self) -> int | None:
        return None if self.workers is None else sum(worker.is_alive for worker in self.workers)


def every() -> list[QueueLoad]:
    """All queues, also those that old jobs are in and no install knows any more."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    oldest: dict[str, datetime] = {}
    jobs = Job.with_trash.filter(status__in=Job.ACTIVE).order_by()
    if owners := line_fronts.held():
        on_hold = Q(status=S.QUEUED, owner__in=owners)
        for queue, count in jobs.filter(on_hold).values_list("queue").annotate(Count("pk")):
            counts[queue][S.WAITING] = count
        jobs = jobs.exclude(on_hold)
    coming = Import.objects.active().order_by().values_list("status", Value(imports.QUEUE))
    active = [
        *jobs.values_list("status", "queue").annotate(Count("pk"), Min("queued_at")),
        *coming.annotate(Count("pk"), Min("due_at")),
    ]
    for status, queue, count, first in active:
        counts[queue][status] = counts[queue].get(status, 0) + count
        if status == S.QUEUED and first:
            oldest[queue] = first
    due, later, since = deliveries.load()
    counts[outbox.QUEUE] = {S.QUEUED: due, S.WAITING: later}
    if since:
        oldest[outbox.QUEUE] = since
    try:
        registered: list[Worker] | None = workers.every()
    except (RedisError, OSError):
        registered = None
    states = queues.states()
    return [
        QueueLoad(
            name,
            states.get(name) or QueueState(name=name),
            waiting=counts[name].get(S.WAITING, 0),
            queued=counts[name].get(S.QUEUED, 0),
            running=counts[name].get(S.RUNNING, 0),
            oldest_at=oldest.get(name),
            workers=None if registered is None else [worker for worker in registered if worker.queue == name],
        )
        for name in (*states, *sorted(set(counts) - set(states)))
    ]
