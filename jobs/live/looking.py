"""What open pages have to be sent: worked out for many owners at once, each thing that several need only once.

A thousand owners' pages so take about as many queries as one's, but for the lists of rows that they show.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from typing import Any

from django.core.exceptions import ValidationError

from jobs.auth.credentials import signed_in_all
from jobs.live import markup, rows
from jobs.live.listed import Listed, Row
from jobs.live.markup import Head, Heads, Present
from jobs.live.rows import Shown
from jobs.live.view import TOLD, View
from jobs.models import Account


@dataclasses.dataclass(eq=False)
class Page:
    """One open page: how to speak to it, and what it shows. `shown` is None until that is known.

    `unsent_bytes` tells what it has not taken yet of what it was sent.
    """

    send: Any
    close: Any
    session_key: str
    view: View
    state: str
    unsent_bytes: Callable[[], int] = lambda: 0
    shown: Shown | None = None
    count: str = ""


@dataclasses.dataclass(frozen=True)
class Told:
    """What a page is sent, and what it shows then."""

    messages: Sequence[str]
    shown: Shown
    state: str
    count: str

    def show(self, page: Page) -> None:
        page.shown, page.state, page.count = self.shown, self.state, self.count


Key = tuple[int, View]
"""The view of an owner."""


def look(batch: Mapping[int, Collection[Page]]) -> dict[Page, Told | None]:
    """What each of the pages, by their owner's id, has to be sent to show what is in the database now; None for one
    whose session is over."""
    users = signed_in_all({page.session_key for page in chain(*batch.values())})
    found: dict[Page, Told | None] = {}
    whose: dict[Page, Account] = {}
    for pk, pages in batch.items():
        for page in pages:
            user = users.get(page.session_key)
            if user and user.pk == pk:
                whose[page] = user
            else:
                found[page] = None
    counts = {pk: markup.render_bar(**bar, out_of_band=True) for pk, bar in rows.bars(of(whose)).items()}
    views = presents({(owner.pk, page.view): owner for page, owner in whose.items()})
    messages = Messages()
    for page, owner in whose.items():
        messages.want(page, (owner.pk, page.view), views[owner.pk, page.view])
    messages.draw()
    for page, owner in whose.items():
        now, count = views[owner.pk, page.view], counts[owner.pk]
        told = [*messages.of(page, (owner.pk, page.view)), *([count] if page.count != count else [])]
        found[page] = Told(told, rows.shown(now.rows), now.state, count)
    return found


def of(whose: Mapping[Page, Account]) -> set[int]:
    return {owner.pk for owner in whose.values()}


def presents(owners: Mapping[Key, Account]) -> dict[Key, Present]:
    """What each of these views shows. Those of everybody's work are the same whoever looks."""
    found: dict[Key, Present] = {}
    lists: dict[Key, Listed] = {}
    of_everybody: dict[View, Present] = {}
    for (pk, view), owner in owners.items():
        allowed = view.allowed(owner)
        try:
            if allowed.name in TOLD and allowed.whose:
                if allowed not in of_everybody:
                    of_everybody[allowed] = markup.present(owner, allowed)
                found[pk, view] = of_everybody[allowed]
            elif allowed.name in (*TOLD, "bar"):
                found[pk, view] = markup.present(owner, allowed)
            else:
                lists[pk, view] = Listed(owner, allowed)
        except (ValidationError, ValueError):  # the id in it is none
            found[pk, view] = Present("")
    for key, part in rows.stamped_all(lists).items():
        head = Head(lists[key].owner, lists[key].view)
        found[key] = Present(rows.state_of(part), part, head=head)
    return found


class Messages:
    """What turns what pages show into what there is: the same words for all that show the same."""

    def __init__(self) -> None:
        self._changed: dict[Any, tuple[Present, list[Row]]] = {}
        self._drawn: dict[Any, Sequence[str]] = {}

    def want(self, page: Page, key: Key, now: Present) -> None:
        if self._name(page, key) not in self._changed and page.state != now.state:
            changed = markup.changed(page.shown, list(now.rows)) if not now.told else []
            self._changed[self._name(page, key)] = now, changed

    def draw(self) -> None:
        """All that was wanted; what rows need for that is read once."""
        every = {id(row): row for _, changed in self._changed.values() for row in changed}
        rows.filled(list(every.values()))
        heads = Heads(now.head.owner for now, _ in self._changed.values() if now.head)
        for name, (now, changed) in self._changed.items():
            drawn = [now.told] if now.told else markup.render_changes(changed, list(now.rows), now.head, heads)
            self._drawn[name] = drawn

    def of(self, page: Page, key: Key) -> Sequence[str]:
        return self._drawn.get(self._name(page, key), ())

    def _name(self, page: Page, key: Key) -> Any:
        return key, page.state, page.shown is None
