"""The newest work on each recording of a page of the library, in a word or two: what its card says."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery

from jobs import outcome, wording
from jobs.models import Account, Job, Run
from jobs.operations import registry
from jobs.services import queue_position

LOGS = ("command_log", "log_tail", "error_detail")
"""Columns that may be long, and that no card shows."""
S = Job.Status


@dataclasses.dataclass(frozen=True)
class Newest:
    """`words` such as “Watermark, 62 %”, “2nd in line”, “Cut to 31:05” or “Join failed”; `look` is the class of its
    chip, `progress` 0 to 1 of what runs, else None."""

    look: str
    words: str
    progress: float | None = None

    @property
    def stamp(self) -> str:
        """Changes with what a card shows of it."""
        return f"{self.look} {self.words}"


NEW = Newest("plainer", "New")


def _first(rows: Any, order: str) -> Subquery:
    return Subquery(rows.filter(video=OuterRef("pk")).order_by(order).values("pk")[:1])


def facts() -> dict[str, Subquery]:
    """For annotating recordings, what `tell` takes: ids of the first that waits and of the last that has ended, each by
    itself and in a chain."""
    alone, chains = Job.objects.filter(run=None), Run.objects.all()
    return {
        "work_waiting": _first(alone.filter(under_way=1).exclude(status=S.RUNNING), "active_at"),
        "chain_waiting": _first(chains.filter(under_way=1), "active_at"),
        "work_ended": _first(alone.filter(under_way=0), "-active_at"),
        "chain_ended": _first(chains.filter(under_way=0), "-active_at"),
    }


def tell(owner: Account, videos: Sequence[Any]) -> None:
    """Give each of these recordings, which have the `facts`, its `doing`; in so many queries whatever their number."""
    told = _running(owner, videos)
    told = _waiting([video for video in videos if video.pk not in told]) | told
    told = _ended([video for video in videos if video.pk not in told]) | told
    for video in videos:
        video.doing = told.get(video.pk, NEW)


def _running(owner: Account, videos: Iterable[Any]) -> dict[UUID, Newest]:
    """By recording, of several the one furthest along. What runs is little, whatever is in line."""
    at_work = Job.with_trash.of(owner).filter(status=S.RUNNING, video__in=[video.pk for video in videos]).order_by()
    furthest: dict[UUID, tuple[float, str]] = {}
    for pk, progress, slug in at_work.values_list("video_id", "progress", "operation"):
        furthest[pk] = max((progress, slug), furthest.get(pk, (0.0, "")))
    return {
        pk: Newest("running", f"{registry.title(slug)}, {wording.percent(progress)}", progress)
        for pk, (progress, slug) in furthest.items()
    }


def _waiting(videos: Sequence[Any]) -> dict[UUID, Newest]:
    """By recording, the place in line of the first job that has one."""
    alone = Job.objects.filter(pk__in=_named(videos, "work_waiting"))
    steps = Job.objects.filter(run__in=_named(videos, "chain_waiting"), under_way=1)
    jobs = [job for rows in (alone, steps) for job in rows.defer(*LOGS).order_by("queued_at")]
    places = queue_position.places(jobs)
    found = {job.video_id: Newest("waiting", "Waiting") for job in jobs}
    for job in sorted(jobs, key=lambda job: -places[job.pk].position if job.pk in places else 0):
        if place := places.get(job.pk):
            found[job.video_id] = Newest("waiting", "Paused" if place.paused else place.called)
    return found


def _ended(videos: Sequence[Any]) -> dict[UUID, Newest]:
    """By recording, what came of the last work on it."""
    alone = Job.objects.filter(pk__in=_named(videos, "work_ended"))
    runs = {run.pk: run for run in Run.objects.filter(pk__in=_named(videos, "chain_ended"))}
    steps: dict[UUID | None, list[Job]] = {}
    for job in Job.objects.filter(run__in=runs).defer(*LOGS).order_by("active_at").prefetch_related("artifacts"):
        steps.setdefault(job.run_id, []).append(job)
    last = {job.video_id: (job.active_at, of_job(job)) for job in alone.defer(*LOGS).prefetch_related("artifacts")}
    for run in runs.values():
        if run.video_id not in last or last[run.video_id][0] < run.active_at:
            last[run.video_id] = run.active_at, of_chain(run, steps.get(run.pk, []))
    return {pk: work for pk, (_, work) in last.items()}


def _named(videos: Iterable[Any], fact: str) -> list[UUID]:
    return [pk for video in videos if (pk := getattr(video, fact))]


def of_job(job: Job) -> Newest:
    """What came of a job that has ended."""
    if job.status != S.SUCCEEDED:
        return _unsuccessful(job.operation_title, job.status)
    done, length = registry.done(job.operation), outcome.length(job.artifacts.all())
    return Newest("succeeded", f"{done} to {length}" if length else done)


def of_chain(run: Run, steps: Sequence[Job]) -> Newest:
    """What came of a chain that has ended, by its jobs in the order of their ends: the last that made another length,
    as a cut does, else the last."""
    if run.status != S.SUCCEEDED:
        stopped = next((job for job in reversed(steps) if job.status == run.status), None)
        return _unsuccessful(stopped.operation_title if stopped else run.name, run.status)
    done = [job for job in steps if job.status == S.SUCCEEDED]
    telling = [job for job in done if outcome.length(job.artifacts.all())] or done
    return of_job(telling[-1]) if telling else Newest("succeeded", "Done")


def _unsuccessful(title: str, status: str) -> Newest:
    return Newest("failed", f"{title} failed") if status == S.FAILED else Newest("plainer", f"{title} cancelled")
