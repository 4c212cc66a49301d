"""How the work went, over time: what `/stats/`, the operators' page and `/metrics` tell.

All figures of a period come from one range of an index, with no more than `MOST_ROWS` of its newest rows, and are
worked out here: neither SQLite nor an old MariaDB knows percentiles, and of two databases one has no time zones.
"""

import dataclasses
import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db.models import Count, Expression, F, FloatField, Func, Max, QuerySet, Sum
from django.utils import timezone

from jobs import clock
from jobs.models import Account, Job
from jobs.operations import registry

MOST_ROWS = 250_000
KEPT_SECONDS = 120
"""How long figures are kept for others who ask for the same."""
FRESH_SECONDS = 60
"""How old they may become while no job ends: time goes on, and with it the period."""
S = Job.Status


@dataclasses.dataclass(frozen=True)
class Period:
    """So many steps of time up to now, the last one not yet over."""

    slug: str
    title: str
    step: str
    count: int
    form: str
    """How the beginning of a step is written (strftime)."""
    every: int
    """Of how many steps one is named below a chart."""

    def edges(self, now: datetime) -> list[datetime]:
        """Where each step begins by the clock of who asks, and at last where the present one ends."""
        local = timezone.localtime(now)
        if self.step == "hour":
            hour = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
            return [hour + timedelta(hours=1 - back) for back in range(self.count, -1, -1)]
        if self.step == "day":
            days = [local.date() + timedelta(days=1 - back) for back in range(self.count, -1, -1)]
            return [_midnight(day.year, day.month, day.day) for day in days]
        months = [local.year * 12 + local.month - back for back in range(self.count, -1, -1)]
        return [_midnight(month // 12, month % 12 + 1, 1) for month in months]


def _midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=timezone.get_current_timezone())


PERIODS = {
    period.slug: period
    for period in (
        Period("day", "24 hours", "hour", 24, "%H:%M", 6),
        Period("month", "30 days", "day", 30, "%-d %b", 7),
        Period("year", "12 months", "month", 12, "%b", 3),
    )
}


@dataclasses.dataclass(frozen=True)
class Spread:
    """Seconds: of half of the jobs no more than `median`, of 95 in 100 no more than `p95`. None without any job."""

    median: float | None = None
    p95: float | None = None
    count: int = 0
    total: float = 0.0

    @classmethod
    def of(cls, seconds: Any) -> "Spread":
        if not len(seconds):
            return cls()
        median, p95 = np.percentile(seconds, [50, 95])
        return cls(float(median), float(p95), len(seconds), float(np.sum(seconds)))


@dataclasses.dataclass(frozen=True)
class Group:
    """Jobs that ended: at one time, of one kind, or all. `wait` is that of each which was started, from being in line
    to the start of its last attempt; `run` that of each which succeeded. `removed_seconds`: silence taken out."""

    name: str
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    wait: Spread = Spread()
    run: Spread = Spread()
    removed_seconds: float = 0.0
    under_way: int = 0

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.cancelled

    @property
    def done_share(self) -> float | None:
        """Of those that were not cancelled."""
        tried = self.done + self.failed
        return self.done / tried if tried else None


@dataclasses.dataclass(frozen=True)
class Figures:
    """`steps` are the times of the period, `operations` the kinds of work in it or under way, `now` counts what has not
    ended by its state. `is_whole`: all jobs of the period were counted, not only the newest."""

    period: Period
    steps: Sequence[Group]
    operations: Sequence[Group]
    all: Group
    now: Mapping[str, int]
    is_whole: bool


class Epoch(Func):
    """A time as seconds since 1970, with their fractions."""

    arity = 1
    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="((julianday(%(expressions)s) - 2440587.5) * 86400.0)", **extra
        )

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """In floating point: decimals take long to read. The same as UNIX_TIMESTAMP, but quicker."""
        template = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', %(expressions)s) / 1e6)"
        return self.as_sql(compiler, connection, template=template, **extra)


def jobs_of(owner: Account | None) -> QuerySet[Job]:
    """Those of an account, or of everybody. What lies in the trash was work, too."""
    return Job.with_trash.of(owner) if owner else Job.with_trash.all()


def figures(owner: Account | None, period: Period, now: datetime | None = None) -> Figures:
    """Those of an account, or of everybody, worked out now."""
    edges = period.edges(now or clock.now())
    rows = Rows.ended(owner, edges[0], "operation")
    titles = {slug: registry.title(slug) for slug in set(rows.names)}
    steps = [
        rows.group(timezone.localtime(edge).strftime(period.form), rows.steps(edges) == place)
        for place, edge in enumerate(edges[:-1])
    ]
    active = under_way(owner)
    every = sorted(set(titles) | set(active), key=lambda slug: registry.title(slug))
    operations = [
        rows.group(registry.title(slug), rows.called(slug), under_way=sum(active.get(slug, {}).values()))
        for slug in every
    ]
    states = {str(state): sum(counts[state] for counts in active.values()) for state in Job.ACTIVE}
    return Figures(
        period, steps, operations, rows.group("All", slice(None)), states, is_whole=len(rows.names) < MOST_ROWS
    )


def by_queue(now: datetime | None = None) -> dict[str, Group]:
    """What ended within the last hour, by queue."""
    rows = Rows.ended(None, (now or clock.now()) - timedelta(hours=1), "queue")
    return {name: rows.group(name, rows.called(name)) for name in sorted(set(rows.names))}


def hourly_by_queue() -> dict[str, list[int]]:
    """How many jobs of each queue ended in each hour of the last day. It is kept for a minute, as no index tells it."""
    told: dict[str, list[int]] | None = cache.get_or_set("figures:hourly-by-queue", _hourly_by_queue, FRESH_SECONDS)
    return told or {}


def _hourly_by_queue() -> dict[str, list[int]]:
    period = PERIODS["day"]
    edges = period.edges(clock.now())
    rows = Rows.ended(None, edges[0], "queue")
    steps = rows.steps(edges)
    return {name: np.bincount(steps[rows.called(name)], minlength=period.count).tolist() for name in set(rows.names)}


def kept(owner: Account | None, period: Period) -> Figures:
    """Those of an account, or of everybody, as they were when `state` last changed."""
    zone = timezone.get_current_timezone()  # days begin by the clock of who asks
    key = f"figures:{owner.pk if owner else 'all'}:{period.slug}:{zone}:{state(owner)}"
    found: Figures | None = cache.get(key)
    if found is None:
        found = figures(owner, period)
        cache.set(key, found, KEPT_SECONDS)
    return found


def state(owner: Account | None) -> str:
    """A short name for what there is to tell: changes when a job comes, starts or ends, not while it goes on."""
    if owner:
        newest = Job.with_trash.of(owner).filter(under_way=0).aggregate(newest=Max("active_at"))["newest"]
    else:
        newest = Job.with_trash.aggregate(newest=Max("finished_at"))["newest"]
    counts = sorted((slug, sorted(states.items())) for slug, states in under_way(owner).items())
    return digest(newest, counts, int(time.time() / FRESH_SECONDS))


def digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def under_way(owner: Account | None) -> dict[str, dict[str, int]]:
    """How many jobs of each kind have each state, of those that have not ended."""
    active = jobs_of(owner)
    active = active.filter(under_way=1) if owner else active.filter(status__in=Job.ACTIVE)
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(Job.ACTIVE, 0))
    for slug, status, count in active.order_by().values_list("operation", "status").annotate(count=Count("pk")):
        found[slug][status] = count
    return dict(found)


def speed() -> float | None:
    """Of what was done within a day on all machines: seconds of recordings for each second at work. None where nothing
    is known of that. It is kept for a minute, as no index tells it."""
    told: tuple[float | None] | None = cache.get_or_set("figures:speed", _speed, FRESH_SECONDS)
    return told[0] if told else None


def _speed() -> tuple[float | None]:
    done = Job.with_trash.filter(
        finished_at__gte=clock.now() - timedelta(days=1), status=S.SUCCEEDED, load_seconds__gt=0
    )
    at_work = Sum(Epoch(F("finished_at")) - Epoch(F("started_at")), output_field=FloatField())
    sums = done.order_by().aggregate(media=Sum("load_seconds"), at_work=at_work)
    return (sums["media"] / sums["at_work"] if sums["at_work"] else None,)


def removed_seconds(operation: str, metadata: Iterable[Mapping[str, Any]]) -> float | None:
    """How much silence a job has taken out, by the metadata of its results; None for other work."""
    if operation != "silence-cut":
        return None
    lengths = [(one["source_duration"], one["output_duration"]) for one in metadata if "output_duration" in one]
    return max((float(source) - float(output) for source, output in lengths), default=None)


class Rows:
    """Jobs that ended, as columns of numbers with a row each."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        columns: Any = tuple(zip(*rows, strict=True)) or ((), (), (), (), (), ())
        states, self.names, finished, queued, started, removed = columns
        codes = {str(state): code for code, state in enumerate(Job.TERMINAL)}
        self._states = np.fromiter(map(codes.__getitem__, states), np.int8, len(states))
        known = {name: code for code, name in enumerate(dict.fromkeys(self.names))}
        self._known, self._codes = known, np.fromiter(map(known.__getitem__, self.names), np.int16, len(states))
        self._finished, self._queued, self._started, removed = (
            np.array(column, float) for column in (finished, queued, started, removed)
        )
        self._removed = np.nan_to_num(removed)

    @classmethod
    def ended(cls, owner: Account | None, since: datetime, name: str) -> "Rows":
        """The newest ones that ended since then, each called by a column of its own."""
        times: list[Expression] = [Epoch(F("finished_at")), Epoch(F("queued_at")), Epoch(F("started_at"))]
        if owner:  # of those that ended this is the time of their end, and what an index has
            found = jobs_of(owner).filter(status__in=Job.TERMINAL, active_at__gte=since, finished_at__gte=since)
        else:
            found = jobs_of(None).filter(finished_at__gte=since)  # naming states would let SQLite choose another index
        newest = found.order_by("-finished_at").values_list("status", name, *times, "removed_seconds")
        return cls(list(newest[:MOST_ROWS]))

    def steps(self, edges: Sequence[datetime]) -> Any:
        """In which step of time each of them ended, counted from 0."""
        return np.searchsorted([edge.timestamp() for edge in edges], self._finished, side="right") - 1

    def called(self, name: str) -> Any:
        return self._codes == self._known.get(name, -1)

    def group(self, name: str, which: Any, under_way: int = 0) -> Group:
        states, started = self._states[which], self._started[which]
        done, failed, cancelled = (int(np.count_nonzero(states == code)) for code in range(3))
        waits = started - self._queued[which]
        runs = (self._finished[which] - started)[states == 0]
        return Group(
            name,
            *(done, failed, cancelled),
            wait=Spread.of(np.maximum(waits[~np.isnan(waits)], 0)),
            run=Spread.of(np.maximum(runs[~np.isnan(runs)], 0)),
            removed_seconds=float(np.sum(self._removed[which])),
            under_way=under_way,
        )
