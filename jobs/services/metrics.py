"""The figures of the whole site as Prometheus collects them, read from rows when it asks.

Rows go when their owners delete them, so nothing that is counted from rows is a counter: of what ended there are gauges
over the last hour. No label names an owner.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs import build
from jobs.models import Import, Job, Run
from jobs.services import figures, parts, queue_load, storage_use
from jobs.services.figures import Group, Spread
from jobs.services.parts import Part
from jobs.services.queue_load import QueueLoad

log = logging.getLogger(__name__)
PREFIX = "videoservice_"


class SiteCollector(Collector):
    """What is the same whichever web process is asked."""

    def describe(self) -> list[Metric]:
        """None: nothing is collected when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(f"{PREFIX}build", "What runs here.", value=build.versions())
        yield of_redis()
        needed = parts.needed()
        yield of_parts(needed)
        if all(part.is_well for part in needed if part.name in ("Database", "Tables")):
            yield from of_rows()


def of_rows() -> Iterator[Metric]:
    """What is read from the database, up to where it goes away: each further question would be waited for as long."""
    sections: tuple[Callable[[], Iterable[Metric]], ...] = (
        *(jobs, coming, chains, attempts),
        lambda: of_queues(queue_load.every()),
        lambda: of_last_hour(figures.by_queue()),
        of_storage,
    )
    for section in sections:
        try:
            yield from list(section())
        except DatabaseError as error:
            log.warning("figures are left out, as the database is away: %s", error)
            return


def gauge(name: str, told: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}{name}", told, labels=labels)


def jobs() -> Iterator[Metric]:
    family = gauge("jobs", "Jobs that there are rows of.", "queue", "state")
    counts = Job.with_trash.order_by().values_list("status", "queue").annotate(count=Count("pk"))
    for status, queue, count in counts:
        family.add_metric([queue, status], count)
    yield family


def coming() -> Iterator[Metric]:
    family = gauge("imports", "Recordings that were asked for by their address, of the last week.", "state")
    for status, count in Import.objects.order_by().values_list("status").annotate(count=Count("pk")):
        family.add_metric([status], count)
    yield family


def chains() -> Iterator[Metric]:
    every = gauge("chains", "Chains that there are rows of.", "state")
    for status, count in Run.with_trash.order_by().values_list("status").annotate(count=Count("pk")):
        every.add_metric([status], count)
    steps = gauge("chain_steps", "Steps of chains that are under way.", "state")
    under_way = Job.with_trash.filter(run__status__in=Job.ACTIVE).order_by()
    for status, count in under_way.values_list("status").annotate(count=Count("pk")):
        steps.add_metric([status], count)
    took = gauge("chain_seconds", "From the start of a chain to its end; quantiles of the last hour.", "quantile")
    ended = Run.with_trash.filter(status=Job.Status.SUCCEEDED, finished_at__gte=an_hour_ago())
    times = [(end - begin).total_seconds() for begin, end in ended.values_list("created_at", "finished_at") if end]
    spread = Spread.of(np.array(times))
    for quantile, seconds in (("0.5", spread.median), ("0.95", spread.p95)):
        if seconds is not None:
            took.add_metric([quantile], seconds)
    yield from (every, steps, took)


def attempts() -> Iterator[Metric]:
    """Of jobs that ended: those of their attempts that did not come to an end themselves."""
    family = gauge(
        "attempts_last_hour",
        "Attempts at jobs that ended within the last hour whose worker was lost, or put them back as it had to go.",
        *("queue", "end"),
    )
    ended = Job.with_trash.filter(finished_at__gte=an_hour_ago()).order_by()
    found: dict[str, Counter[str]] = {name: Counter() for name in settings.RQ_QUEUES}
    for queue, begun, lost, count in ended.values_list("queue", "attempt", "losses").annotate(count=Count("pk")):
        counts = found.setdefault(queue, Counter())
        counts["lost"] += lost * count
        counts["released"] += max(0, begun - 1 - lost) * count
    for queue, counts in found.items():
        for end in ("lost", "released"):
            family.add_metric([queue, end], counts[end])
    yield family


def an_hour_ago() -> datetime:
    return timezone.now() - timedelta(hours=1)


def of_queues(loads: list[QueueLoad]) -> Iterator[Metric]:
    oldest = gauge("queue_oldest_seconds", "How long the job has waited that came into line first.", "queue")
    held = gauge("queue_paused", "1 while the queue is paused or the site drains.", "queue")
    working = gauge("workers", "Workers that live. Missing while Redis is away.", "queue", "state")
    lost = gauge("workers_lost", "Workers that went away without a word, for up to two minutes.", "queue")
    for load in loads:
        oldest.add_metric([load.name], load.oldest_seconds)
        held.add_metric([load.name], load.state.is_held)
        if load.workers is None:
            continue
        alive = [worker for worker in load.workers if worker.is_alive]
        busy = sum(worker.is_busy for worker in alive)
        working.add_metric([load.name, "busy"], busy)
        working.add_metric([load.name, "idle"], len(alive) - busy)
        lost.add_metric([load.name], len(load.workers) - len(alive))
    yield from (oldest, held, working, lost)


def of_redis() -> Metric:
    family = gauge("redis_up", "Whether the Redis for this use answers.", "use")
    answers = {url: parts.redis_answers(url) for url in set(settings.REDIS.by_use().values())}
    for use, url in settings.REDIS.by_use().items():
        family.add_metric([use], answers[url])
    return family


def of_parts(needed: Iterable[Part]) -> Metric:
    family = gauge("part_up", "Whether what a web process cannot serve without answers the one that is asked.", "part")
    for part in needed:
        family.add_metric([part.name.partition(" ")[0].lower()], part.is_well)
    return family


def of_last_hour(groups: dict[str, Group]) -> Iterator[Metric]:
    ended = gauge("jobs_last_hour", "Jobs that ended within the last hour.", "queue", "state")
    wait = gauge(
        "job_wait_seconds", "From being in line to the start; quantiles of the last hour.", "queue", "quantile"
    )
    run = gauge("job_run_seconds", "At work until done; quantiles of the last hour.", "queue", "quantile")
    for queue, group in groups.items():
        for state, count in zip(Job.TERMINAL, (group.done, group.failed, group.cancelled), strict=True):
            ended.add_metric([queue, str(state)], count)
        for family, spread in ((wait, group.wait), (run, group.run)):
            for quantile, seconds in (("0.5", spread.median), ("0.95", spread.p95)):
                if seconds is not None:
                    family.add_metric([queue, quantile], seconds)
    yield from (ended, wait, run)


def of_storage() -> Iterator[Metric]:
    disk = storage_use.disk()
    stored = gauge("stored_bytes", "What lies in the storage, by what it is.", "kind")
    for kind in ("recordings", "results", "uploads", "trash"):
        stored.add_metric([kind], getattr(disk, kind))
    free = gauge("disk_free_bytes", "Room left on the disk of the storage.")
    free.add_metric([], disk.free)
    total = gauge("disk_bytes", "Size of the disk of the storage.")
    total.add_metric([], disk.total)
    yield from (stored, free, total) if disk.is_bounded else (stored,)
