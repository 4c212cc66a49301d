"""The markup of live pages: rows, lists, and what turns a page that shows one state into one that shows another."""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any

from django.template.loader import render_to_string

from jobs.keyset import Part
from jobs.live import drawing, groups, rows
from jobs.live.listed import Row
from jobs.live.recording import Parts, gone_state
from jobs.live.rows import Shown, bar, shown, state_of
from jobs.live.summary import Counts, busy, sentence
from jobs.live.view import TOLD, View
from jobs.models import Account, Video
from jobs.services import figures, imports, line_fronts, operators, shelf
from jobs.services.expectation import Experiences

MESSAGE_BYTES = 32 * 1024
"""What a page is sent in one piece, if a single row is not larger: a browser draws between pieces."""


def render_row(row: Row) -> str:
    return drawing.draw(row)


class Heads:
    """What several heads tell, found out once for all of these owners."""

    def __init__(self, owners: Iterable[Account]) -> None:
        self.owners, self.known = {owner.pk: owner for owner in owners}, Experiences()

    @functools.cached_property
    def counts(self) -> dict[int, Counts]:
        return Counts.of_all(list(self.owners.values()))

    @functools.cached_property
    def busy(self) -> str:
        return busy()

    @functools.cached_property
    def paused(self) -> set[int]:
        """Those who have put their own line on hold."""
        return set(line_fronts.held())


@dataclasses.dataclass(frozen=True)
class Head:
    """Whose rows a page shows as what: those of the queue are put together, under a head that tells of all."""

    owner: Account
    view: View

    def context(self, jobs: Sequence[Row], part: Part | None = None, heads: Heads | None = None) -> dict[str, Any]:
        """What the page of the queue shows besides its rows; nothing of other pages. `part`: where these come from."""
        if self.view.name != "queue":
            return {}
        heads = heads or Heads([self.owner])
        counts = Counts({}) if self.view.q else heads.counts[self.owner.pk]
        edges = {"newer": bool(part and part.newer), "older": bool(part.older) if part else len(jobs) >= rows.ROWS}
        return {
            "groups": groups.of(jobs, self.owner, self.view, counts, **edges),
            "counts": counts,
            "sentence": sentence(self.owner, counts, jobs, heads.known),
            "busy": heads.busy,
            "is_paused": self.owner.pk in heads.paused,
        }


def render_list(jobs: list[Row], head: Head, *, out_of_band: bool = False) -> str:
    context = {"jobs": jobs, "view": head.view, "state": state_of(jobs), "out_of_band": out_of_band}
    told = head.context(jobs)
    listed = render_to_string("jobs/_list.html", context | told)
    return listed + (render_to_string("jobs/_head.html", context | told) if told else "")


def changes(before: Shown | None, jobs: list[Row], head: Head | None = None) -> list[str]:
    """The messages that turn a page which shows `before` (None: nobody knows what) into one that shows `jobs`.

    They carry the rows that are new or look different, and the last one the order and the state of all. The order is
    whole, never "before that one", so that a page which is ahead or behind ends up with the same rows.
    """
    if before is not None and list(before.items()) == list(shown(jobs).items()):
        return []
    return render_changes(rows.filled(changed(before, jobs)), jobs, head)


def changed(before: Shown | None, jobs: list[Row]) -> list[Row]:
    """Those of the rows that are new or look different."""
    known, after = before or {}, shown(jobs)
    return [row for row in jobs if known.get(row.pk) != after[row.pk]]


def render_changes(
    changed: list[Row], jobs: list[Row], head: Head | None = None, heads: Heads | None = None
) -> list[str]:
    """The messages of `changes`, of rows that have been filled."""
    *parts, last = batches(map(render_row, changed))
    told = head.context(jobs, heads=heads) if head else {}
    context = {"rows": last, "jobs": jobs, "state": state_of(jobs), "out_of_band": True}
    whole = render_to_string("jobs/_part.html", context | told)
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
    """What a view shows now, and a short name for that: rows, or in `told` the one message by which a page asks for
    itself. Without a name nothing of it changes but the bar."""

    state: str
    rows: Sequence[Row] = ()
    told: str = ""
    head: Head | None = None

    def changes(self, before: Shown | None) -> list[str]:
        """The messages that turn what a page shows into it."""
        if self.told or not self.state:
            return [self.told] if self.told else []
        return changes(before, list(self.rows), self.head)


def present(owner: Account, view: View) -> Present:
    """Raises ValidationError or ValueError for an id that is none."""
    if view.name == "bar":
        return Present("")
    if view.name in TOLD:
        states = told_states(owner, view)
        told = "".join(render_state(name, state) for name, state in states.items())
        return Present("-".join(states.values()), told=told)
    jobs = rows.stamped(owner, view)
    return Present(state_of(jobs), jobs, head=Head(owner, view))


def told_states(owner: Account, view: View) -> dict[str, str]:
    """The state of each part of a page that asks for itself, by the part's name."""
    if view.name == "library":
        found = shelf.shelf(owner, view.wanted, view.older, many=view.many)
        return {"shelf": found.state, "imports": imports.state(imports.shown(owner))}
    if view.name == "video":
        video = Video.objects.of(owner).filter(pk=view.video).first()
        return Parts(owner, video, looks=False).states if video else {"gone": gone_state(owner, view.video)}
    if view.name == "operators":
        return {view.name: operators.state()}
    return {view.name: figures.state(None if view.whose else owner)}


def render_state(name: str, state: str) -> str:
    """Only says that a part of the page looks different now: it asks for itself when it may."""
    return render_to_string("includes/state.html", {"name": name, "state": state, "out_of_band": True})


def render_count(owner: Account, *, out_of_band: bool = False) -> str:
    return render_bar(**bar(owner), out_of_band=out_of_band)


@functools.lru_cache(1024)
def render_bar(active: int, running_percent: int | None, *, is_more: bool = False, out_of_band: bool = False) -> str:
    context = {"active": active, "running_percent": running_percent, "is_more": is_more, "out_of_band": out_of_band}
    return render_to_string("jobs/_count.html", context)
