"""The rows of a view, by the indexes that hold them in order: those under way first, newest activity first."""

from typing import Any

from jobs.listing import Listing
from jobs.live.view import STATUSES, View
from jobs.models import Account, Job, Run, Video

Row = Job | Run
"""A job by itself, or a chain with all of its jobs."""
LOGS = ("command_log", "log_tail", "error_detail")
"""Columns that may be long, and that no row shows."""


class Listed(Listing):
    """All rows of a view, to be read by parts. Raises ValidationError or ValueError for an id that is none."""

    def __init__(self, owner: Account, view: View) -> None:
        streams = streams_of(owner, view)
        if view.status:
            super().__init__([of_status(streams, view.status)], "active_at")
        else:
            bands = [[rows.filter(under_way=number) for rows in streams] for number in (1, 0)]
            super().__init__(bands, "active_at", streams, "under_way")
        self.view = view


def of_status(streams: list[Any], status: str) -> list[Any]:
    """The rows of a tab: no index holds two states in one order, but one all that have not ended."""
    if status == "active":
        return [rows.filter(under_way=1) for rows in streams]
    return [rows.filter(status=state) for rows in streams for state in STATUSES[status]]


def streams_of(owner: Account, view: View) -> list[Any]:
    """Of a recording all jobs by themselves and all chains, of a result those that work on it."""
    jobs, chains = Job.objects.of(owner).defer(*LOGS), Run.objects.of(owner)
    alone = jobs.filter(run=None)
    if view.name == "job":
        return [jobs.filter(pk=view.job)]
    if view.name == "run":
        return [chains.filter(pk=view.run)]
    if view.name == "queue":
        return [alone, chains]
    if view.name != "video":
        return []
    if not Video.objects.filter(pk=view.video, artifact__isnull=False).exists():
        return [alone.filter(video_id=view.video), chains.filter(video_id=view.video)]
    on_it = Job.objects.filter(source__pk=view.video, run__isnull=False).values("run_id")
    return [alone.filter(source__pk=view.video), chains.filter(pk__in=on_it)]
