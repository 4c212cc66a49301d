"""What happened to a recording, in sentences, newest first: the work on it that is under way, and what has ended."""

import dataclasses
from datetime import datetime
from typing import Any

from jobs import outcome, wording
from jobs.keyset import Part
from jobs.live import rows
from jobs.live.listed import Listed, Row
from jobs.live.rows import flow_of
from jobs.live.view import View
from jobs.models import Account, Job, Run, Video

LINES = 12
"""So many on the page; older ones follow when they are asked for."""
S = Job.Status


@dataclasses.dataclass(frozen=True)
class Line:
    """`words` say it, and `percent` how far it is while it runs. `job` is one that did not succeed, for its
    remedies."""

    row: Row
    at: datetime
    name: str
    words: str
    percent: str = ""
    job: Job | None = None

    @property
    def state(self) -> str:
        """A short name for what is drawn of it."""
        return rows.state_of([self.row])


@dataclasses.dataclass(frozen=True)
class History:
    """`older` is the place that the next lines lie behind, "" behind the last one; `is_newest` says that none come
    before."""

    lines: list[Line]
    older: str
    is_newest: bool
    state: str


def of(owner: Account, video: Video, behind: str = "") -> History:
    """The lines behind a place, or the newest ones."""
    view = View("video", video=str(video.pk))
    part: Part = Listed(owner, view).shown(behind, LINES)
    found = rows.filled(rows.with_stamps(part.rows))
    older = str(part.older or "")
    return History([line(row) for row in found], older, part.newer is None, f"{rows.state_of(found)}{older[-12:]}")


def line(row: Row) -> Line:
    return of_run(row) if isinstance(row, Run) else of_job(row)


def of_job(job: Job) -> Line:
    of = f" of “{job.source.title}”" if job.source else ""
    name = f"{outcome.called(job)}{of}"
    at = job.finished_at or job.started_at or job.created_at
    if job.status == S.RUNNING:
        left = "" if job.eta_seconds is None else f", {wording.span(job.eta_seconds)} left"
        return Line(job, at, name, left, wording.percent(job.progress))
    if job.status == S.QUEUED:
        place = getattr(job, "place", None)
        words = " is in line" if place is None else f" is {wording.lower_first(str(place))}"
        is_held = place and place.paused and not place.is_own
        return Line(job, at, name, f"{words}, in a queue that the operator has paused" if is_held else words)
    if job.status == S.WAITING:
        return Line(
            job, at, name, f" waits: {wording.lower_first(job.stage)}" if job.stage else " waits for other work"
        )
    if job.status == S.SUCCEEDED:
        return Line(job, at, name, succeeded(job))
    after = f" after {wording.span(job.elapsed_seconds)}" if job.elapsed_seconds is not None else " before it began"
    if job.status == S.CANCELLED:
        return Line(job, at, name, f" was stopped{after}", job=job)
    return Line(job, at, name, f" failed: {wording.lower_first(job.error_message) or 'nobody knows why'}", job=job)


def succeeded(job: Job) -> str:
    """“: 1:42:24 became 1:18:14 in 41 s. Checked: 117 350 frames, 212 joins, drift 0 ms”."""
    made, proof = outcome.outcome(job), outcome.proof(job)
    took = "" if job.elapsed_seconds is None else f" in {wording.span(job.elapsed_seconds)}"
    done = f": {made}{took}" if made else f" is done{took}"
    return f"{done}. {proof.removesuffix('.')}" if proof else done


def of_run(run: Run) -> Line:
    """A chain in one line, whatever becomes of its steps."""
    flow = flow_of(run)
    count = len(flow.links)
    steps = f"{count} step{'' if count == 1 else 's'}"
    at = run.finished_at or run.created_at
    if run.is_active:
        now = ", ".join(f"“{job.step}”" for job in flow.current)
        left = f", {flow.left} left" if flow.left else ""
        words = f", {now} is at work{left}" if now else ", a chain, waits for its turn"
        return Line(run, at, run.name, words, wording.percent(flow.progress))
    took = "" if flow.took_seconds is None else f" in {wording.span(flow.took_seconds)}"
    if run.status == S.SUCCEEDED:
        return Line(run, at, run.name, f", a chain of {steps}, is done{took}")
    if run.status == S.CANCELLED:
        return Line(run, at, run.name, f", a chain of {steps}, was stopped after {flow.done} of them")
    told = "; ".join(f"“{job.step}”: {job.error_message}" for job in flow.failed)
    return Line(run, at, run.name, f", a chain of {steps}, stopped at {told}" if told else ", a chain, did not succeed")


def added(video: Video) -> dict[str, Any]:
    """How it began, for the end of the last lines."""
    return {"at": video.created_at, "words": f"Added as {video.name}, {wording.size(video.size)}"}
