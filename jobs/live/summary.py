"""What the head of the queue's page says: how much there is in each state, and when it will be done."""

import dataclasses
import functools
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import dateformat, timezone
from redis.exceptions import RedisError

from jobs import clock, counted, preferences, wording
from jobs.live.listed import Listed, Row
from jobs.live.rows import flow_of
from jobs.live.view import View
from jobs.models import Account, Job
from jobs.prepared import Statement, anybody
from jobs.services import imports, outbox, queue_position, time_left, workers
from jobs.services.expectation import Experiences, Load

MOST = 999
"""How far rows are counted."""
BUSY_SECONDS = 2
"""How long it is taken for true how many workers there are."""
OTHER_QUEUES = (outbox.QUEUE, imports.QUEUE)
"""They hold no jobs."""
_alive = (-math.inf, 0)
TABS = ("running", "waiting", "done", "failed", "cancelled")


@dataclasses.dataclass(frozen=True)
class Counts:
    """How many rows the queue has in each state, by the name of the tab; a number beyond `MOST` says "more"."""

    of: Mapping[str, int]

    @classmethod
    def read(cls, owner: Account, view: View) -> "Counts":
        """A search is not counted, as no index tells how much it finds."""
        return cls({}) if view.q else cls.of_all([owner])[owner.pk]

    @classmethod
    def of_all(cls, owners: Sequence[Account]) -> "dict[int, Counts]":
        """Those of each of these owners by their key, of many of them in one statement."""
        found: dict[int, Counts] = {}
        for has_cleared in (False, True):
            some = [owner for owner in owners if (owner.queue_cleared_at is not None) == has_cleared]
            streams, statement = _counting(has_cleared)
            found |= {pk: cls(counted.told(streams, numbers)) for pk, numbers in statement.answers(some).items()}
        return found

    def told(self, tab: str = "") -> str:
        """“214”, or “999+”; of all rows without a tab, and "" where nothing was counted."""
        if not self.of:
            return ""
        numbers = [self.of[tab]] if tab else list(self.of.values())
        is_more = any(number > MOST for number in numbers)
        return f"{MOST}+" if is_more and tab else wording.count(sum(min(one, MOST) for one in numbers)) + "+" * is_more

    @property
    def tabs(self) -> list[tuple[str, str, str]]:
        """Each tab with its name and its number."""
        names = ("All", "Running", "Waiting", "Done", "Failed", "Cancelled")
        return [(tab, name, self.told(tab)) for tab, name in zip(("", *TABS), names, strict=True)]


@functools.lru_cache(2)
def _counting(has_cleared: bool) -> tuple[dict[str, list[Any]], Statement]:
    """What is counted under each tab, and the statement for it."""
    every = Listed(anybody(has_cleared=has_cleared), View("queue"))
    streams = {tab: [*itertools.chain(*every.bands_of(tab))] for tab in TABS}
    return streams, counted.statement(streams, MOST)


@dataclasses.dataclass(frozen=True)
class Sentence:
    """`much`: “3 running, 3 waiting.”, `next`: “Yours is next, about 2 min.”, `done`: “All is done by about 16:12.”;
    each "" where there is nothing to say, or nobody can."""

    much: str = ""
    next: str = ""
    done: str = ""


def busy() -> str:
    """“3 of 4 workers busy”, of those that do jobs; "" while nobody knows of any.

    By the jobs that run: a worker calls itself busy a moment longer, after the last word that a page hears of a job.
    """
    alive = _workers()
    if not alive:
        return ""
    at_work = min(alive, Job.objects.filter(status=Job.Status.RUNNING).count())
    return f"{at_work} of {alive} worker{'s' * (alive != 1)} busy"


def _workers() -> int:
    global _alive
    now = time.monotonic()
    if now - _alive[0] > BUSY_SECONDS:
        try:
            _alive = now, sum(one.is_alive and one.queue not in OTHER_QUEUES for one in workers.every())
        except (RedisError, OSError):
            _alive = now, 0
    return _alive[1]


def sentence(owner: Account, counts: Counts, rows: Sequence[Row], known: Experiences | None = None) -> Sentence:
    """Of the rows that the page shows, with their places in line."""
    under_way = [row for row in rows if row.is_active]
    if not counts.of:
        return Sentence()
    running, waiting = counts.of["running"], counts.of["waiting"]
    if not running + waiting:
        return Sentence("Nothing is running.")
    parts = [f"{counts.told(tab)} {tab}" for tab in ("running", "waiting") if counts.of[tab]]
    everything = len(under_way) == running + waiting
    return Sentence(f"{', '.join(parts)}.", _next(under_way), _done(owner, under_way, known) if everything else "")


def _next(rows: Sequence[Row]) -> str:
    """Whose turn it is, as far as these are concerned."""
    places = [place for row in rows if (place := place_of(row))]
    if not places:
        return ""
    first = min(places, key=lambda place: place.position)
    if first.is_own:
        return ""  # the page says so at length
    if first.paused:
        return "The operator has paused the line."
    if not first.served:
        return "No worker answers at the moment: yours begins when one does."
    wait = f", {wording.about(first.wait.low, first.wait.high)}" if first.wait and first.wait.likely > 0 else ""
    return f"Yours is {wording.lower_first(first.called)}{wait}."


def place_of(row: Any) -> queue_position.Place | None:
    """The place in line of a job, or the best one of a chain that has not begun; None for what is not in line."""
    if isinstance(row, Job):
        return getattr(row, "place", None)
    return row.flow.place if row.status == Job.Status.QUEUED else None


def _done(owner: Account, rows: Sequence[Row], known: Experiences | None) -> str:
    """When all of these will have ended, by the clock of their owner."""
    known = known or Experiences()
    jobs = [job for row in rows for job in ([row] if isinstance(row, Job) else flow_of(row).jobs)]
    known.know(Load.of_job(job) for job in jobs)
    left = max((_left(row, known) for row in rows), default=math.inf)
    if math.isinf(left):
        return ""
    with preferences.of(owner):
        at = timezone.localtime(clock.now() + timedelta(seconds=left))
        is_today = at.date() == preferences.today(owner)
        return f"All is done by about {dateformat.format(at, preferences.MINUTE if is_today else 'j F, H:i')}."


def _left(row: Any, known: Experiences) -> float:
    """In how many seconds a row will have ended, infinite where nobody can say."""
    if not isinstance(row, Job):
        if (first := place_of(row)) and not first.served:
            return math.inf
        places = {job.pk: job.place for job in row.flow.jobs if job.place}
        whole = time_left.of(row, places, known)
        return whole.likely if whole else math.inf
    if row.status == Job.Status.RUNNING:
        return queue_position.length(queue_position.remaining(row, known))[0]
    place = getattr(row, "place", None)
    if place is None or place.wait is None or not place.served:
        return math.inf
    return queue_position.length(place.wait)[0] + queue_position.length(place.work)[0]
