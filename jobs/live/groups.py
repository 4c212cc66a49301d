"""The rows of the queue put together: what runs, what waits, then day after day as their owner's clock has it; or the
recordings that they are of."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from jobs import preferences
from jobs.live.listed import Row
from jobs.live.view import RECORDING, View
from jobs.models import Account, Job

RUNNING, WAITING = "running", "waiting"
ENDS = {Job.Status.SUCCEEDED: "done", Job.Status.FAILED: "failed", Job.Status.CANCELLED: "cancelled"}


@dataclasses.dataclass
class Group:
    """`key` names it in the page, and in what remembers that it is folded. `number` is how many rows it has in all,
    None where a further page may hold more of them; `more`, how many are only under the tab of their state."""

    key: str
    title: str
    rows: list[Any] = dataclasses.field(default_factory=list)
    number: str = ""
    more: str = ""
    link: str = ""

    @property
    def says(self) -> str:
        """What came of its rows: “3 done, 1 failed”."""
        if not self.number or self.key in (RUNNING, WAITING):
            return ""
        found = Counter(ENDS.get(row.status, "under way") for row in self.rows)
        return ", ".join(f"{found[word]} {word}" for word in ("under way", *ENDS.values()) if found[word])


def of(
    rows: Sequence[Any], owner: Account, view: View, counts: Any = None, *, newer: bool = False, older: bool = False
) -> list[Group]:
    """The rows in their order, put together. `counts` are those of the queue (`summary.Counts`), where they are known;
    `newer` and `older`: whether more of the first and of the last group may be on other pages."""
    found: dict[str, Group] = {}
    today = preferences.today(owner)
    with preferences.of(owner):
        for row in rows:
            group = _by_recording(row) if view.by == RECORDING else _by_day(row, today)
            found.setdefault(group.key, group).rows.append(row)
    groups = list(found.values())
    for at, group in enumerate(groups):
        is_whole = not ((newer and at == 0) or (older and at == len(groups) - 1) or (view.by == RECORDING and older))
        group.number = str(len(group.rows)) if is_whole else ""
    if counts:
        _tell_lines(groups, view, counts)
    return groups


def _tell_lines(groups: Iterable[Group], view: View, counts: Any) -> None:
    """What runs and what waits may be more than the first page shows."""
    for group in groups:
        if group.key in (RUNNING, WAITING) and group.key in counts.of:
            group.number = counts.told(group.key)
            if not view.status and counts.of[group.key] > len(group.rows):
                group.more, group.link = counts.told(group.key), f"?status={group.key}"


def _by_day(row: Row, today: date) -> Group:
    if row.status == Job.Status.RUNNING:
        return Group(RUNNING, "Running")
    if row.is_active:
        return Group(WAITING, "Waiting")
    day = timezone.localdate(row.active_at)
    if day >= today:
        return Group(today.isoformat(), "Today")
    name = "Yesterday" if day == today - timedelta(days=1) else preferences.day(timezone.localtime(row.active_at))
    return Group(day.isoformat(), name)


def _by_recording(row: Row) -> Group:
    return Group(str(row.video_id), row.video.title)
