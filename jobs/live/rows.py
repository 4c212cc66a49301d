"""The rows of live pages: one query that says what a view shows, and what tells one state of it from another."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q, prefetch_related_objects

from jobs.models import Account, Job
from jobs.models.job import JobQuerySet
from jobs.services import queue_position

LOGS = ("command_log", "log_tail", "error_detail")
"""Columns that may be long, and that no row shows."""
DRAWN = ("artifacts", "after")
"""What a row shows besides what is in its stamp."""
ROWS = 50
"""How many rows a live page holds; older ones are on further pages."""


@dataclasses.dataclass(frozen=True)
class View:
    """What a page shows: every job of its owner, those of one video, a single job, a page of the library, figures, the
    operators' page, or none of these but the count in the bar."""

    name: str = "bar"
    video: str = ""
    status: str = ""
    job: str = ""
    q: str = ""
    page: str = ""
    whose: str = ""
    """Whose figures: "everybody" or, by default, the owner's."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "View":
        """From a query string; what cannot be understood shows as little as possible."""
        fields = ("view", "video", "status", "job", "q", "page", "whose")
        name, video, status, job, q, page, whose = (query.get(key, "") for key in fields)
        known_name = name if name in ("queue", "video", "job", *TOLD) else "bar"
        whose = EVERYBODY if whose == EVERYBODY or name == "operators" else ""
        return cls(known_name, video, status if status in STATUSES else "", job, q, page, whose)

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


def listed(owner: Account, view: View) -> JobQuerySet:
    """All jobs of a view: those under way first, newest activity first. The order is that of an index."""
    jobs = Job.objects.of(owner).shown().defer(*LOGS)
    if view.name in ("bar", *TOLD):
        return jobs.none()
    if view.name == "video":
        jobs = jobs.filter(Q(video_id=view.video) | Q(source_id=view.video))
    if view.name == "job":
        jobs = jobs.filter(pk=view.job)
    if view.status:  # all under way, or none
        return jobs.filter(status__in=STATUSES[view.status]).order_by("-active_at", "-pk")
    return jobs.order_by("-under_way", "-active_at", "-pk")


def of_view(owner: Account, view: View) -> list[Job]:
    """The rows that a live page holds, with all that drawing them takes."""
    jobs = stamped(owner, view)
    prefetch_related_objects(jobs, *DRAWN)
    return jobs


def stamped(owner: Account, view: View) -> list[Job]:
    """The rows that a live page holds, each with its place in line (`job.place`) and what else is in its stamp."""
    jobs = list(listed(owner, view).prefetch_related(None).prefetch_related("video", "source")[:ROWS])
    places = queue_position.places(jobs)
    for job in jobs:
        job.place = places.get(job.pk)  # type: ignore[attr-defined]
    return jobs


def stamp(job: Job) -> tuple[Any, ...]:
    """Changes when the row has to be drawn again."""
    source = job.source.title if job.source else ""
    return (job.version, getattr(job, "place", None), job.video.title, job.video.poster, source)


Shown = dict[UUID, tuple[Any, ...]]
"""What a page shows: the stamp of each row by the id of its job, in the order of the rows."""


def shown(jobs: Iterable[Job]) -> Shown:
    return {job.pk: stamp(job) for job in jobs}


def state_of(jobs: Iterable[Job]) -> str:
    """A short name for exactly these rows in exactly this state."""
    text = "|".join(f"{job.pk}:{stamp(job)}" for job in jobs)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def bar(owner: Account) -> dict[str, Any]:
    """What the bar says on every page: jobs under way, and how far the one furthest along is."""
    active = list(Job.objects.of(owner).active().values_list("status", "progress"))
    running = [progress for status, progress in active if status == Job.Status.RUNNING]
    return {"active": len(active), "running_percent": int(max(running) * 100) if running else None}
