"""The rows of live pages: jobs, and chains of them. What a view shows, and what tells one state of it from another."""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Count, Prefetch, prefetch_related_objects

from jobs import preferences, wording
from jobs.engine.model.share import whole_percent
from jobs.live import listed
from jobs.live.flow import Flow, fraction
from jobs.live.listed import LOGS, Listed, Row
from jobs.live.view import View
from jobs.models import Account, Job, Run
from jobs.services import queue_position, time_left
from jobs.services.expectation import Experiences, Load

DRAWN = ("artifacts", "after")
"""What a row shows besides what is in its stamp."""
COUNTED = 999
"""How many jobs and chains under way the bar counts."""
ROWS = 50
"""How many rows a live page holds; older ones are on further pages."""


def of_view(owner: Account, view: View) -> list[Row]:
    """The rows that a live page holds, with all that drawing them takes."""
    return filled(stamped(owner, view))


def stamped(owner: Account, view: View) -> list[Row]:
    """The rows that a live page holds, each with what is in its stamp. With a chain alone come its steps."""
    return stamped_all({view: Listed(owner, view)})[view]


K = TypeVar("K", bound=Hashable)


def stamped_all(lists: Mapping[K, Listed]) -> dict[K, list[Row]]:
    """The same of several lists: besides these, what is read for all of them is read once."""
    parts = listed.of_all(list(lists.values()), ROWS)
    found = {key: part.rows for key, part in zip(lists, parts, strict=True)}
    with_stamps([row for part in found.values() for row in part])
    return {key: [*part, *steps_of(part)] if lists[key].view.name == "run" else part for key, part in found.items()}


def steps_of(rows: Iterable[Row]) -> list[Job]:
    found = [job for row in rows if isinstance(row, Run) for job in flow_of(row).jobs]
    for job in found:
        job.alone = True  # type: ignore[attr-defined]
    return found


def with_stamps(found: list[Row]) -> list[Row]:
    """Add to the rows what is in their stamps: places in line (`job.place`), recordings, and of chains the jobs."""
    jobs, runs = apart(found)
    prefetch_related_objects(jobs, "video", "source")
    prefetch_related_objects(runs, "video", Prefetch("jobs", Job.objects.defer(*LOGS).prefetch_related("source")))
    for run in runs:
        for job in run.jobs.all():
            job.video, job.run, job.owner = run.video, run, run.owner
            jobs.append(job)
    places = queue_position.places(jobs)
    for job in jobs:
        job.place = places.get(job.pk)  # type: ignore[attr-defined]
    for run in runs:
        run.flow = Flow.of(run)  # type: ignore[attr-defined]
    return found


def filled(found: list[Row]) -> list[Row]:
    """Add to the rows what drawing them takes besides."""
    jobs, runs = apart(found)
    of_runs = [job for run in runs for job in flow_of(run).jobs]
    prefetch_related_objects([*jobs, *of_runs], *DRAWN)
    tell_time_left([run for run in runs if run.is_active])
    return found


def tell_time_left(runs: list[Run]) -> None:
    """In one query whatever their number."""
    known = Experiences()
    known.know(Load.of_job(job) for run in runs for job in flow_of(run).jobs)
    for run in runs:
        flow = flow_of(run)
        places = {job.pk: job.place for job in flow.jobs if job.place}  # type: ignore[attr-defined]
        if left := time_left.of(run, places, known):
            run.flow = dataclasses.replace(flow, left=wording.about(left.low, left.high))  # type: ignore[attr-defined]


def apart(found: Iterable[Row]) -> tuple[list[Job], list[Run]]:
    rows = list(found)
    return [row for row in rows if isinstance(row, Job)], [row for row in rows if isinstance(row, Run)]


def flow_of(run: Run) -> Flow:
    """What `with_stamps` has added."""
    flow: Flow = run.flow  # type: ignore[attr-defined]
    return flow


def stamp(row: Row) -> tuple[Any, ...]:
    """Changes when the row has to be drawn again."""
    looks = (row.video.title, row.video.poster)
    if isinstance(row, Run):
        return (*flow_of(row).stamp, *looks)
    return (row.version, getattr(row, "place", None), *looks, row.source.title if row.source else "")


Shown = dict[UUID, tuple[Any, ...]]
"""What a page shows: the stamp of each row by its id, in the order of the rows."""


def shown(found: Iterable[Row]) -> Shown:
    return {row.pk: stamp(row) for row in found}


def state_of(found: Iterable[Row]) -> str:
    """A short name for exactly these rows in exactly this state."""
    rows = list(found)
    today = preferences.today(rows[0].owner) if rows else ""  # by which they are put together
    text = "|".join([str(today), *(f"{row.pk}:{stamp(row)}" for row in rows)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def bar(owner: Account) -> dict[str, Any]:
    """What the bar says on every page: how much is under way, up to `COUNTED`, and how far the one furthest along is. A
    chain counts once, and not while all that is left of it is held up by a step that did not succeed."""
    return bars([owner.pk])[owner.pk]


def bars(owner_pks: Collection[int]) -> dict[int, dict[str, Any]]:
    """The same for each of these owners, in four queries."""
    jobs = Job.objects.filter(owner__in=owner_pks)
    # In the trash nothing runs, and to leave it out would lead SQLite to another index, by which it reads all jobs.
    running = Job.with_trash.filter(owner__in=owner_pks, status=Job.Status.RUNNING).order_by()
    at_work = list(running.values_list("owner_id", "run_id", "progress"))
    fractions = how_far({run for _, run, _ in at_work if run})
    far = defaultdict[int, list[float]](list)
    for owner, run, progress in at_work:
        far[owner].append(progress if run is None else fractions[run])
    alone = counts(jobs.filter(run=None, under_way=1), owner_pks)
    chains = counts(Run.objects.filter(owner__in=owner_pks).active(), owner_pks)
    return {pk: _bar(alone.get(pk, 0) + chains.get(pk, 0), far[pk]) for pk in owner_pks}


def _bar(count: int, far: Collection[float]) -> dict[str, Any]:
    return {
        "active": min(count, COUNTED),
        "is_more": count > COUNTED,
        "running_percent": whole_percent(max(far)) if far else None,
    }


def counts(rows: Any, owner_pks: Collection[int]) -> dict[int, int]:
    """How many of these rows each owner has; of a single one no more are counted than the bar tells."""
    if len(owner_pks) == 1:
        return {pk: rows.order_by()[: COUNTED + 1].count() for pk in owner_pks}
    return dict(rows.order_by("owner").values_list("owner").annotate(count=Count("pk")))


def how_far(runs: Collection[UUID]) -> dict[UUID, float]:
    """The progress of each of these chains, 0 to 1, in one query."""
    found: dict[UUID, dict[str, float]] = {}
    jobs = Job.objects.filter(run__in=runs).order_by("created_at").values_list("run_id", "step", "progress")
    for run, step, progress in jobs if runs else ():
        found.setdefault(run, {})[step] = progress
    return {run: fraction(steps) for run, steps in found.items()}
