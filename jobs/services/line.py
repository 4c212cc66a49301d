"""Whose turn it is: what a free worker takes is decided when it takes it, from the rows.

Owners share each queue by start-time fair queueing (Goyal, Vin and Cheng, "Start-time fair queueing", SIGCOMM 1996),
with as many jobs in service as there are workers (SFQ(D): Jin, Chase and Kaur, SIGMETRICS 2004). A job costs the
seconds of work that it is expected to take. When the first of an owner's jobs comes to be chosen from, its start tag is
the virtual time, or the owner's finish tag where that lies later; the lowest start tag is taken first, of equal ones
the job that has waited longest. The virtual time then is the start tag taken, and the owner's finish tag that plus the
cost. So one who asks for a hundred jobs has one of them done before somebody else's only one, and two who ask for many
get equal time, whatever their jobs' lengths. (Deficit round robin, Shreedhar and Varghese 1996, would let a long job
wait until enough rounds have gone by.)

Start tags are made when they are needed, not when jobs arrive. That comes to the same: the virtual time is the lowest
start tag of all who waited when a job was taken, so it overtakes none of them.

What goes to the trash is cancelled first, so of jobs in line nobody has to leave any out.

An entry in Redis says no more than that there may be work. Each job in line rings once, and each entry takes one job,
whose ever it is.
"""

import dataclasses
import functools
import heapq
import logging
import operator
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import django_rq
from django.db import transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Greatest
from redis.exceptions import RedisError
from rq import Queue

from jobs.models import Flow, Job, QueueState
from jobs.services import knowing, line_fronts
from jobs.services.expectation import Experiences, Load
from jobs.services.knowing import Kind

log = logging.getLogger(__name__)
TASKS = {"fetch": "jobs.fetching.take_turn"}
"""What an entry of a queue calls, with the queue's name, where that is not a job's turn."""
ENTRIES_KEPT_SECONDS = 24 * 3600
"""How long Redis remembers the entry of work that died; the row of its job stays."""
MOST_RUNG = 500
"""How many entries are made at once for work that waits already."""
UNKNOWN_SHARE = 0.5
"""What work costs of which nothing is known, in seconds for each second of media."""


# Waking --------------------------------------------------------------------------------------------------------------


def ring(queue: str) -> bool:
    """Wake a worker of a queue. If Redis cannot be reached the rows wait, and the reconciler rings again.

    Each entry has a name of its own: RQ keeps books by it, and what it writes about one that died, or deletes with one
    that came too late, must not touch another.
    """
    return _reached(queue, lambda: django_rq.get_queue(queue).enqueue_call(**_entry(queue)))


def ring_many(queue: str, times: int) -> bool:
    """The same so many times, but not more than `MOST_RUNG`: workers that are woken look for all that there is, and the
    reconciler rings for the rest when these are gone."""
    entries = [Queue.prepare_data(**_entry(queue)) for _ in range(min(times, MOST_RUNG))]
    return not entries or _reached(queue, lambda: django_rq.get_queue(queue).enqueue_many(entries))


def _entry(queue: str) -> dict[str, Any]:
    return {
        "func": TASKS.get(queue, "jobs.tasks.take_turn"),
        "args": (queue,),
        "job_id": f"{queue}-{secrets.token_hex(8)}",
        "timeout": -1,  # the work watches its own time
        "result_ttl": 0,
        "failure_ttl": ENTRIES_KEPT_SECONDS,
        "description": f"Whoever is next in {queue}",
    }


def _reached(queue: str, do: Callable[[], object]) -> bool:
    try:
        do()
    except (RedisError, OSError) as error:
        log.warning("what is in line in %s waits until Redis is back: %s", queue, error)
        return False
    return True


def rung(queue: str) -> int:
    """How many entries wait for a worker. Raises RedisError."""
    return int(django_rq.get_queue(queue).count)


# Taking --------------------------------------------------------------------------------------------------------------


def take(queue: str, worker: str) -> Job | None:
    """The job whose turn it is, started for this worker; None when none is in line or the queue is held.

    The row of the queue is locked meanwhile, so that of several workers each sees what the others took, and no job
    begins after an operator's pause was there.
    """
    QueueState.objects.get_or_create(name=queue)
    while True:
        with transaction.atomic():
            state = QueueState.objects.select_for_update().get(pk=queue)
            if state.is_held or (turn := next_turn(queue, state.virtual_time)) is None:
                return None
            job = Job.objects.select_related("video", "owner").filter(pk=turn.job).first()
            if job is not None and job.start(worker):
                if turn.is_new:
                    _charge(state, turn, cost(Load.of_job(job), Experiences()))
                return job
        # It was cancelled or deleted between two of these statements: look again.


def _charge(state: QueueState, turn: "Turn", seconds: float) -> None:
    QueueState.objects.filter(pk=state.pk).update(virtual_time=Greatest(F("virtual_time"), turn.start_tag))
    tag = turn.start_tag + seconds
    Flow.objects.update_or_create(queue=state.name, owner_id=turn.owner, defaults={"finish_tag": tag})


def rest(queue: str) -> None:
    """To be called after a job ended: when none is left in the queue that may be done, nobody owes anything any
    more."""
    at_work = Job.with_trash.filter(status=Job.Status.RUNNING, queue=queue)
    if not (at_work.exists() or line_fronts.moving(queue).exists()):
        latest = Flow.objects.filter(queue=queue).aggregate(latest=Max("finish_tag"))["latest"]
        if latest is not None:
            QueueState.objects.filter(pk=queue).update(virtual_time=Greatest(F("virtual_time"), latest))


# Turns ---------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, order=True)
class Turn:
    """A job in line; turns sort as they are taken. One that lost its worker comes `again`, before all others and
    without cost: its owner has paid for it."""

    is_new: bool
    start_tag: float
    queued_at: datetime
    job: UUID
    owner: int = dataclasses.field(compare=False)


def next_turn(queue: str, virtual_time: float) -> Turn | None:
    """Of the first job of each owner, the one to be taken. One that lost its worker is its owner's first: it was
    before. What this process does not know is left to others."""
    heads, unknown = _heads(queue, Q()), set[Kind]()
    while strange := knowing.strange((pk, Kind(*kind)) for _, _, pk, _, *kind in heads):
        unknown |= strange
        heads = _heads(queue, functools.reduce(operator.or_, (kind.rows for kind in unknown)))
    knowing.leave(queue, unknown)
    owners = [owner for _, _, _, owner, *_ in heads]
    tags = dict(Flow.objects.filter(queue=queue, owner__in=owners).values_list("owner_id", "finish_tag"))
    turns = (
        Turn(not attempt, max(virtual_time, tags.get(owner, 0.0)), queued_at, pk, owner)
        for attempt, queued_at, pk, owner, *_ in heads
        if queued_at  # as all in line
    )
    return min(turns, default=None)


def _heads(queue: str, unknown: Q) -> list[tuple[int, datetime | None, UUID, int, str, str]]:
    """The first job of each owner, of those that are not unknown here."""
    columns = ("attempt", "queued_at", "pk", "owner_id", "operation", "params_shape")
    return line_fronts.heads(queue, *columns, without=unknown)


def cost(load: Load, known: Experiences) -> float:
    """Seconds of work that a job is charged with."""
    expected = known.expected(load)
    return expected.likely if expected else 1.0 + UNKNOWN_SHARE * load.seconds


def turns(
    queue: str, known: Experiences, many: Mapping[int, int] | None = None, most: int | None = None
) -> Iterator[tuple[Turn, Load]]:
    """What is in line in a queue, in the order in which it will be taken if nothing else comes.

    `many` is what `line_fronts.counts` said. With `most`, of a line of more than twice as many no more than is needed
    for about that many turns is read; they end with the first of which nobody knows whose it is.
    """
    many = line_fronts.counts(queue) if many is None else many
    each = line_fronts.share(many.values(), 2 * most) if most else max(many.values(), default=0)
    columns = ("queued_at", "pk", "owner_id", "attempt", "operation", "load_key", "load_seconds", "load_megapixels")
    found = [(*row[:4], Load.of(*row[4:])) for row in line_fronts.rows(queue, many, each, *columns)]
    known.know(load for *_, load in found)
    state = QueueState.objects.filter(pk=queue).first()
    now = state.virtual_time if state else 0.0
    tags = dict(Flow.objects.filter(queue=queue, owner__in=list(many)).values_list("owner_id", "finish_tag"))
    lines: dict[int, list[tuple[datetime, UUID, Load]]] = {}
    again = []
    for queued_at, pk, owner, attempt, load in found:
        if attempt:
            again.append((Turn(False, now, queued_at, pk, owner), load))
        else:
            lines.setdefault(owner, []).append((queued_at, pk, load))
    yield from sorted(again, key=lambda one: one[0])
    heads: list[tuple[Turn, Load]] = []

    def come(owner: int) -> bool:
        """The next one of an owner. False: it was not read."""
        if line := lines[owner]:
            queued_at, pk, load = line.pop()
            turn = Turn(True, max(now, tags.get(owner, 0.0)), queued_at, pk, owner)
            heapq.heappush(heads, (turn, load))
            return True
        return many.get(owner, 0) <= each

    for owner, line in lines.items():
        line.reverse()
        come(owner)
    while heads:
        turn, load = heapq.heappop(heads)
        now = max(now, turn.start_tag)
        tags[turn.owner] = turn.start_tag + cost(load, known)
        yield turn, load
        if not come(turn.owner):
            return
