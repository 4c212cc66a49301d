"""The rows of live pages: jobs, and chains of them. What a view shows, and what tells one state of it from another."""

import dataclasses
import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Prefetch, Q, prefetch_related_objects

from jobs import wording
from jobs.live.flow import Flow, fraction
from jobs.models import Account, Job, Run
from jobs.models.job import JobQuerySet
from jobs.models.run import RunQuerySet
from jobs.services import queue_position, time_left
from jobs.services.expectation import Experiences, Load

LOGS = ("command_log", "log_tail", "error_detail")
"""Columns that may be long, and that no row shows."""
DRAWN = ("artifacts", "after")
"""What a row shows besides what is in its stamp."""
ROWS = 50
"""How many rows a live page holds; older ones are on further pages."""

Row = Job | Run
"""A job by itself, or a chain with all of its jobs."""


@dataclasses.dataclass(frozen=True)
class View:
    """What a page shows: all jobs and chains of its owner, those of one video, a single job, a chain with its steps, a
    page of the library, figures, the operators' page, or none of these but the count in the bar."""

    name: str = "bar"
    video: str = ""
    status: str = ""
    job: str = ""
    q: str = ""
    page: str = ""
    whose: str = ""
    """Whose figures: "everybody" or, by default, the owner's."""
    run: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "View":
        """From a query string; what cannot be understood shows as little as possible."""
        fields = ("view", "video", "status", "job", "q", "page", "whose", "run")
        name, video, status, job, q, page, whose, run = (query.get(key, "") for key in fields)
        known_name = name if name in ("queue", "video", "job", "run", *TOLD) else "bar"
        whose = EVERYBODY if whose == EVERYBODY or name == "operators" else ""
        return cls(known_name, video, status if status in STATUSES else "", job, q, page, whose, run)

    def allowed(self, account: Account) -> "View":
        """The same, or no more than the bar for who may not see that much."""
        return View() if self.whose and not account.is_staff else self


TOLD = ("library", "stats", "operators")
"""Those that are only told by what name their present state goes, and then ask for it."""
EVERYBODY = "everybody"
STATUSES = {
    "active": Job.ACTIVE,
    "done": (Job.Status.SUCCEEDED,),
    "failed": (Job.Status.FAILED, Job.Status.CANCELLED),
}


class Listed(Sequence[Row]):
    """All rows of a view, for pages of them: those under way first, newest activity first.

    Jobs and chains are each read in the order of an index and merged here, since no database reads both in one order
    without sorting all. So a page further back reads what comes before it, too, but of that no more than its order.
    """

    def __init__(self, owner: Account, view: View) -> None:
        self.view, self.jobs, self.runs = view, jobs_listed(owner, view), runs_listed(owner, view)

    def __len__(self) -> int:
        return self.jobs.count() + self.runs.count()

    def __getitem__(self, part: Any) -> Any:
        if not part.start:  # as on the pages that are live
            first: list[Row] = [*self.jobs[: part.stop], *self.runs[: part.stop]]
            return sorted(first, key=lambda row: (row.under_way, row.active_at, row.pk.hex), reverse=True)[part]
        columns = ("under_way", "active_at", "pk")
        places = [row for rows in (self.jobs, self.runs) for row in rows.values_list(*columns)[: part.stop]]
        places.sort(key=lambda row: (*row[:2], row[2].hex), reverse=True)
        wanted = [pk for *_, pk in places[part]]
        found: dict[UUID, Row] = {**self.jobs.in_bulk(wanted), **self.runs.in_bulk(wanted)}
        return [found[pk] for pk in wanted if pk in found]  # one may just have been deleted


def jobs_listed(owner: Account, view: View) -> JobQuerySet:
    """The jobs of a view that are rows of their own, in their order."""
    jobs = Job.objects.of(owner).defer(*LOGS)
    if view.name == "job":
        return in_order(jobs.filter(pk=view.job), view)
    if view.name not in ("queue", "video"):
        return jobs.none()
    jobs = jobs.filter(run=None)
    if view.name == "video":
        jobs = jobs.filter(Q(video_id=view.video) | Q(source_id=view.video))
    return in_order(jobs, view)


def runs_listed(owner: Account, view: View) -> RunQuerySet:
    """The chains of a view: of a recording all, of a result those with a step that works on it."""
    found = Run.objects.of(owner)
    if view.name == "run":
        return in_order(found.filter(pk=view.run), view)
    if view.name not in ("queue", "video"):
        return found.none()
    if view.name == "video":
        on_it = Job.objects.filter(source__pk=view.video, run__isnull=False).values("run_id")
        found = found.filter(Q(video_id=view.video) | Q(pk__in=on_it))
    return in_order(found, view)


S = TypeVar("S", JobQuerySet, RunQuerySet)


def in_order(found: S, view: View) -> S:
    if view.status:  # all under way, or none
        return found.filter(status__in=STATUSES[view.status]).order_by("-active_at", "-pk")
    return found.order_by("-under_way", "-active_at", "-pk")


def of_view(owner: Account, view: View) -> list[Row]:
    """The rows that a live page holds, with all that drawing them takes."""
    return filled(stamped(owner, view))


def stamped(owner: Account, view: View) -> list[Row]:
    """The rows that a live page holds, each with what is in its stamp. With a chain alone come its steps."""
    return stamped_all({view: Listed(owner, view)})[view]


K = TypeVar("K", bound=Hashable)


def stamped_all(lists: Mapping[K, Listed]) -> dict[K, list[Row]]:
    """The same of several lists: besides these, what is read for all of them is read once."""
    found = {key: listed[:ROWS] for key, listed in lists.items()}
    with_stamps([row for part in found.values() for row in part])
    return {key: [*part, *steps_of(part)] if lists[key].view.name == "run" else part for key, part in found.items()}


def steps_of(found: Iterable[Row]) -> list[Job]:
    return [job for row in found if isinstance(row, Run) for job in flow_of(row).jobs]


def with_stamps(found: list[Row]) -> list[Row]:
    """Add to the rows what is in their stamps: places in line (`job.place`), recordings, and of chains the jobs."""
    jobs, runs = apart(found)
    prefetch_related_objects(jobs, "video", "source")
    prefetch_related_objects(runs, "video", Prefetch("jobs", Job.objects.defer(*LOGS).prefetch_related("source")))
    for run in runs:
        for job in run.jobs.all():
            job.video, job.run = run.video, run
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
    text = "|".join(f"{row.pk}:{stamp(row)}" for row in found)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def bar(owner: Account) -> dict[str, Any]:
    """What the bar says on every page: how much is under way, and how far the one furthest along is. A chain counts
    once, and not while all that is left of it is held up by a step that did not succeed."""
    return bars([owner.pk])[owner.pk]


def bars(owner_pks: Collection[int]) -> dict[int, dict[str, Any]]:
    """The same for each of these owners, in two queries."""
    moving = Job.objects.filter(owner__in=owner_pks).moving()
    active = list(moving.values_list("owner_id", "run_id", "status", "progress"))
    fractions = how_far({run for _, run, status, _ in active if run and status == Job.Status.RUNNING})
    alone, chains, far = Counter[int](), defaultdict[int, set[UUID]](set), defaultdict[int, list[float]](list)
    for owner, run, status, progress in active:
        if run is None:
            alone[owner] += 1
        else:
            chains[owner].add(run)
        if status == Job.Status.RUNNING:
            far[owner].append(progress if run is None else fractions[run])
    return {
        pk: {"active": alone[pk] + len(chains[pk]), "running_percent": int(max(far[pk]) * 100) if far[pk] else None}
        for pk in owner_pks
    }


def how_far(runs: Collection[UUID]) -> dict[UUID, float]:
    """The progress of each of these chains, 0 to 1, in one query."""
    found: dict[UUID, dict[str, float]] = {}
    jobs = Job.objects.filter(run__in=runs).order_by("created_at").values_list("run_id", "step", "progress")
    for run, step, progress in jobs if runs else ():
        found.setdefault(run, {})[step] = progress
    return {run: fraction(steps) for run, steps in found.items()}
