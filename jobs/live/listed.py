"""The rows of a view, by the indexes that hold them in order: newest activity first, what waits first in line first."""

import functools
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q

from jobs.keyset import Part
from jobs.listing import Listing, Place
from jobs.live.view import STATUSES, View
from jobs.models import Account, Job, Run, Video
from jobs.models.run import UNSUCCESSFUL
from jobs.operations import registry
from jobs.prepared import Statement, anybody

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
        return self.marked(self.read(count, behind)) if behind else of_all([self], count)[0]

    def read(self, count: int, behind: Place | None = None) -> Part:
        """What the first part of the whole queue begins with are rows under way."""
        first = self._front(count) if self.view.name == "queue" and not self.view.status and not behind else []
        part = super().part(count - len(first), behind)
        if first:
            ended = {row.pk for row in part.rows}  # maybe since the statement before
            part = Part([*(row for row in first if row.pk not in ended), *part.rows], None, part.older)
        return part

    @property
    def is_plain(self) -> bool:
        """Whether it is the whole queue."""
        return self.view.name == "queue" and not self.view.status and not self.view.q

    def marked(self, part: Part) -> Part:
        """Tell its rows whose they are, and whether they stand outside of the queue."""
        for row in part.rows:
            row.owner, row.alone = self.owner, self.view.name != "queue"
        return part

    def _front(self, count: int) -> list[Row]:
        """What is under way: all of it, in two statements, or the first of what runs and of what waits."""
        every = Listing(self.bands_of("active"), "active_at").part(max(2, int(count * (RUNNING_SHOWN + WAITING_SHOWN))))
        if every.older is None:
            return sorted(every.rows, key=in_line)
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


def in_line(row: Row) -> tuple[int, float]:
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


# What queues begin with, of many owners at once ----------------------------------------------------------------------


def of_all(lists: Collection[Listed], count: int) -> list[Part]:
    """The first part of each of these lists."""
    plain = {one.owner.pk: one.owner for one in lists if one.is_plain}
    found = first_parts(list(plain.values()), count)
    return [one.marked((one.is_plain and found.get(one.owner.pk)) or one.read(count)) for one in lists]


def first_parts(owners: Sequence[Account], count: int) -> dict[int, Part]:
    """That of the queue of each of these owners who have little enough under way, by their key."""
    most = max(2, int(count * (RUNNING_SHOWN + WAITING_SHOWN)))
    under_way = _read("active", owners, most + 1)
    few = [owner for owner in owners if len(under_way[owner.pk]) <= min(most, count - 1)]
    ended = _read("ended", few, count + 1)
    return {owner.pk: _part(under_way[owner.pk], ended[owner.pk], count) for owner in few}


def _part(under_way: list[tuple[int, Row]], ended: list[tuple[int, Row]], count: int) -> Part:
    """The rows come with the number of their stream."""
    gone = {row.pk for _, row in ended}  # maybe since the statement before
    first = sorted((row for _, row in under_way), key=in_line)
    room = count - len(first)
    stream, last = ended[:room][-1] if len(ended) > room else (0, None)
    older = Place(0, last.active_at, stream, last.pk) if last else None
    return Part([*(row for row in first if row.pk not in gone), *(row for _, row in ended[:room])], None, older)


def _read(state: str, owners: Sequence[Account], most: int) -> dict[int, list[tuple[int, Row]]]:
    """The newest of each owner, jobs and chains merged: of the same time, jobs first."""
    found: defaultdict[int, list[tuple[int, Row]]] = defaultdict(list)
    for has_cleared in (False, True):
        some = [owner for owner in owners if (owner.queue_cleared_at is not None) == has_cleared]
        for stream, (model, statement) in enumerate(_statements(state, has_cleared, most)):
            for row in statement.rows(model, some):
                found[row.owner_id].append((stream, row))
    for rows in found.values():
        rows.sort(key=lambda one: (one[1].active_at, -one[0]), reverse=True)  # stable: else as the database has them
    return found


@functools.lru_cache(64)
def _statements(state: str, has_cleared: bool, most: int) -> list[tuple[Any, Statement]]:
    (band,) = Listed(anybody(has_cleared=has_cleared), View("queue")).bands_of(state)
    streams = zip((Job, Run), band, strict=True)
    return [(model, Statement.of(rows.order_by("-active_at", "-pk")[:most])) for model, rows in streams]
