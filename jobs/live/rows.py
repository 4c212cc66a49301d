"""What the pages show of jobs while they change: one group per owner, one query that says what a view shows.

A message only says that something changed. `feeds` then reads the present rows and sends the difference to what a page
shows, so that a missed or late message can never leave a wrong row behind.
"""

import dataclasses
import functools
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db.models import prefetch_related_objects
from django.template.loader import render_to_string
from redis.exceptions import RedisError

from jobs.models import Account, Job
from jobs.models.job import JobQuerySet
from jobs.services import queue_position, shelf

log = logging.getLogger(__name__)
LOGS = ("command_log", "log_tail", "error_detail")
"""Columns that may be long, and that no row shows."""
DRAWN = ("artifacts", "after")
"""What a row shows besides what is in its stamp."""
ROWS = 50
"""How many rows a live page holds; older ones are on further pages."""
MESSAGE_BYTES = 32 * 1024
"""What a page is sent in one piece, if a single row is not larger: a browser draws between pieces."""


@dataclasses.dataclass(frozen=True)
class View:
    """What a page shows: every job of its owner, those of one video, a single job, a page of the library, or none of
    these but the count in the bar."""

    name: str = "bar"
    video: str = ""
    status: str = ""
    job: str = ""
    q: str = ""
    page: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "View":
        """From a query string; what cannot be understood shows as little as possible."""
        fields = ("view", "video", "status", "job", "q", "page")
        name, video, status, job, q, page = (query.get(key, "") for key in fields)
        known_name = name if name in ("queue", "video", "job", "library") else "bar"
        return cls(known_name, video, status if status in STATUSES else "", job, q, page)


STATUSES = {
    "active": Job.ACTIVE,
    "done": (Job.Status.SUCCEEDED,),
    "failed": (Job.Status.FAILED, Job.Status.CANCELLED),
}


def listed(owner: Account, view: View) -> JobQuerySet:
    """All jobs of a view: those under way first, newest activity first. The order is that of an index."""
    jobs = Job.objects.of(owner).shown().defer(*LOGS)
    if view.name in ("bar", "library"):
        return jobs.none()
    if view.name == "video":
        jobs = jobs.filter(video_id=view.video)
    if view.name == "job":
        jobs = jobs.filter(pk=view.job)
    if view.status:  # all under way, or none
        return jobs.filter(status__in=STATUSES[view.status]).order_by("-active_at", "-pk")
    return jobs.order_by("-under_way", "-active_at", "-pk")


def rows(owner: Account, view: View) -> list[Job]:
    """The rows that a live page holds, with all that drawing them takes."""
    jobs = stamped(owner, view)
    prefetch_related_objects(jobs, *DRAWN)
    return jobs


def stamped(owner: Account, view: View) -> list[Job]:
    """The rows that a live page holds, each with its place in line (`job.place`) and what else is in its stamp."""
    jobs = list(listed(owner, view).prefetch_related(None).prefetch_related("video")[:ROWS])
    places = queue_position.places(jobs)
    for job in jobs:
        job.place = places.get(job.pk)  # type: ignore[attr-defined]
    return jobs


def stamp(job: Job) -> tuple[Any, ...]:
    """Changes when the row has to be drawn again."""
    return (job.version, getattr(job, "place", None), job.video.title, job.video.poster)


Shown = dict[UUID, tuple[Any, ...]]
"""What a page shows: the stamp of each row by the id of its job, in the order of the rows."""


def shown(jobs: Iterable[Job]) -> Shown:
    return {job.pk: stamp(job) for job in jobs}


def state_of(jobs: Iterable[Job]) -> str:
    """A short name for exactly these rows in exactly this state."""
    text = "|".join(f"{job.pk}:{stamp(job)}" for job in jobs)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def render_row(job: Job) -> str:
    return render_to_string("jobs/_row.html", {"job": job})


def render_list(jobs: list[Job], view: View, *, out_of_band: bool = False) -> str:
    context = {"jobs": jobs, "view": view, "state": state_of(jobs), "out_of_band": out_of_band}
    return render_to_string("jobs/_list.html", context)


def changes(before: Shown | None, jobs: list[Job]) -> list[str]:
    """The messages that turn a page which shows `before` (None: nobody knows what) into one that shows `jobs`.

    They carry the rows that are new or look different, and the last one the order and the state of all. The order is
    whole, never "before that one", so that a page which is ahead or behind ends up with the same rows.
    """
    after = shown(jobs)
    if before is not None and list(before.items()) == list(after.items()):
        return []
    known = before or {}
    changed = [job for job in jobs if known.get(job.pk) != after[job.pk]]
    prefetch_related_objects(changed, *DRAWN)
    *parts, last = batches(map(render_row, changed))
    whole = render_to_string("jobs/_part.html", {"rows": last, "state": state_of(jobs), "order": list(after)})
    return [*(render_to_string("jobs/_part.html", {"rows": part}) for part in parts), whole]


def batches(rows: Iterable[str]) -> list[list[str]]:
    """The rows in their order, as many together as fit into a message; a larger one goes alone. One batch at least."""
    found: list[list[str]] = [[]]
    room = MESSAGE_BYTES
    for row in rows:
        size = len(row.encode())
        if size > room and found[-1]:
            found.append([])
            room = MESSAGE_BYTES
        found[-1].append(row)
        room -= size
    return found


@dataclasses.dataclass(frozen=True)
class Present:
    """What a view shows now: a short name for it, and the messages that turn what a page shows into it."""

    state: str
    shown: Shown
    changes: Callable[[Shown | None], list[str]]


def present(owner: Account, view: View) -> Present:
    """Raises ValidationError or ValueError for an id that is none."""
    if view.name == "bar":
        return Present("", {}, lambda before: [])
    if view.name == "library":
        state = shelf.shelf(owner, shelf.words(view.q), view.page).state
        return Present(state, {}, lambda before: [render_shelf(state)])
    jobs = stamped(owner, view)
    return Present(state_of(jobs), shown(jobs), functools.partial(changes, jobs=jobs))


def render_shelf(state: str) -> str:
    """Only says that the library looks different now: a page asks for it when it may."""
    return render_to_string("library/_state.html", {"state": state, "out_of_band": True})


def bar(owner: Account) -> dict[str, Any]:
    """What the bar says on every page: jobs under way, and how far the one furthest along is."""
    active = list(Job.objects.of(owner).active().values_list("status", "progress"))
    running = [progress for status, progress in active if status == Job.Status.RUNNING]
    return {"active": len(active), "running_percent": int(max(running) * 100) if running else None}


def render_count(owner: Account, *, out_of_band: bool = False) -> str:
    return render_to_string("jobs/_count.html", {**bar(owner), "out_of_band": out_of_band})


# Telling -------------------------------------------------------------------------------------------------------------


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

    try:
        async_to_sync(send)()
    except (RedisError, OSError) as error:
        log.warning("pages were not told of a change: %s", error)


def publish(job: Job) -> None:
    """This job changed."""
    tell([job.owner_id])


def publish_line(job: Job) -> None:
    """This job changed, and with it maybe the line: whoever is behind a job that leaves the line, or comes back to its
    place, has another place now."""
    owners = [job.owner_id]
    ended_at_work = not job.is_active and bool(job.worker)  # it had left the line before
    if job.queued_at and not ended_at_work:
        behind = Job.objects.filter(status=Job.Status.QUEUED, queue=job.queue, queued_at__gte=job.queued_at)
        owners += behind.values_list("owner_id", flat=True).distinct()
    tell(owners)
