"""The rows of a view, by the indexes that hold them in order: newest activity first, what waits first in line first."""

from typing import Any

from django.db.models import Exists, OuterRef, Q

from jobs.keyset import Part
from jobs.listing import Listing, Place
from jobs.live.view import STATUSES, View
from jobs.models import Account, Job, Run, Video
from jobs.models.run import UNSUCCESSFUL
from jobs.operations import registry

Row = Job | Run
"""A job by itself, or a chain with all of its jobs."""
LOGS = ("command_log", "log_tail", "error_detail")
"""Columns that may be long, and that no row shows."""
RUNNING_SHOWN, WAITING_SHOWN = 0.5, 0.3
"""Which share of the queue's first page what runs may take, and what waits: what has ended stays in sight however long
the line is. The tabs show all of each."""
MATCHED = 500
"""In how many recordings of a name work is looked for, the newest."""


class Listed(Listing):
    """All rows of a view, to be read by parts. Raises ValidationError or ValueError for an id that is none."""

    def __init__(self, owner: Account, view: View) -> None:
        self.owner, self.view = owner, view
        self.streams = streams_of(owner, view)
        if view.name == "queue":
            super().__init__(self.bands_of(view.status or "ended"), "active_at", rising=view.status == "waiting")
        else:
            bands = [[rows.filter(under_way=number) for rows in self.streams] for number in (1, 0)]
            super().__init__(bands, "active_at", self.streams, "under_way")

    def part(self, count: int, behind: Place | None = None) -> Part:
        """What the first part of the whole queue begins with are rows under way."""
        first = self._front(count) if self.view.name == "queue" and not self.view.status and not behind else []
        part = super().part(count - len(first), behind)
        if first:
            ended = {row.pk for row in part.rows}  # maybe since the statement before
            part = Part([*(row for row in first if row.pk not in ended), *part.rows], None, part.older)
        for row in part.rows:
            row.owner, row.alone = self.owner, self.view.name != "queue"
        return part

    def _front(self, count: int) -> list[Row]:
        """What is under way: all of it, in two statements, or the first of what runs and of what waits."""
        every = Listing(self.bands_of("active"), "active_at").part(max(2, int(count * (RUNNING_SHOWN + WAITING_SHOWN))))
        if every.older is None:
            return sorted(every.rows, key=_in_line)
        running = Listing(self.bands_of("running"), "active_at").part(max(1, int(count * RUNNING_SHOWN)))
        waiting = Listing(self.bands_of("waiting"), "active_at", rising=True)
        return [*running.rows, *waiting.part(max(1, int(count * WAITING_SHOWN))).rows]

    def bands_of(self, status: str) -> list[list[Any]]:
        """The rows of the queue in a state, or of all that have "ended": no index holds two states in one order, but
        one all that have ended. What is in line comes before what waits for others."""
        if status in ("ended", "active"):
            return [[self._of(rows, "under_way", int(status == "active")) for rows in self.streams]]
        of_state = {state: [rows for rows in self.streams if _has(rows, state)] for state in STATUSES[status]}
        bands = [[self._of(rows, "status", state) for rows in streams] for state, streams in of_state.items()]
        return bands if status == "waiting" else [[rows for band in bands for rows in band]]

    def _of(self, rows: Any, column: str, value: Any) -> Any:
        """Those of a state, without what was cleared away, and without jobs that did not succeed and were tried again:
        the later try stands in their place."""
        rows = rows.filter(**{column: value})
        if value == 1 or value in Job.ACTIVE:
            return rows
        if self.owner.queue_cleared_at:
            rows = rows.filter(active_at__gt=self.owner.queue_cleared_at)
        if rows.model is not Job or value == Job.Status.SUCCEEDED:
            return rows
        again = Exists(Job.with_trash.filter(retry_of=OuterRef("pk")))
        return rows.filter(~again if value in UNSUCCESSFUL else Q(status=Job.Status.SUCCEEDED) | ~again)


def _has(rows: Any, state: str) -> bool:
    """No chain waits for another."""
    return rows.model is Job or state != Job.Status.WAITING


def _in_line(row: Row) -> tuple[int, float]:
    """What runs, the newest first, then what is in line, then what waits for others, each the oldest first."""
    at = row.active_at.timestamp()
    if row.status == Job.Status.RUNNING:
        return 0, -at
    return (1 if row.status == Job.Status.QUEUED else 2), at


def streams_of(owner: Account, view: View) -> list[Any]:
    """Of a recording all jobs by themselves and all chains, of a result those that work on it."""
    jobs, chains = Job.objects.of(owner).defer(*LOGS), Run.objects.of(owner)
    alone = jobs.filter(run=None)
    if view.name == "job":
        return [jobs.filter(pk=view.job)]
    if view.name == "run":
        return [chains.filter(pk=view.run)]
    if view.name == "queue":
        return of_words(owner, view.q, alone, chains)
    if view.name != "video":
        return []
    if not Video.objects.filter(pk=view.video, artifact__isnull=False).exists():
        return [alone.filter(video_id=view.video), chains.filter(video_id=view.video)]
    on_it = Job.objects.filter(source__pk=view.video, run__isnull=False).values("run_id")
    return [alone.filter(source__pk=view.video), chains.filter(pk__in=on_it)]


def of_words(owner: Account, text: str, alone: Any, chains: Any) -> list[Any]:
    """Those that have each of these words in the name of the recording, of the kind of work or of the chain."""
    for word in text.split()[:8]:
        kinds = [one.slug for one in registry.every() if word.lower() in one.title.lower()]
        named = Video.objects.of(owner).uploaded().filter(title__icontains=word).order_by("-created_at")
        videos = list(named.values_list("pk", flat=True)[:MATCHED])
        alone = alone.filter(Q(operation__in=kinds) | Q(video__in=videos)) if kinds or videos else alone.none()
        chains = chains.filter(Q(name__icontains=word) | Q(video__in=videos))
    return [alone, chains]
