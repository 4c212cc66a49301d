"""A chain as it is drawn: what hangs on what, and what becomes of that when a step is moved."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from jobs.operations import registry
from jobs.services import briefly
from jobs.services.steps import Step


class Linked(Protocol):
    """Something with a key, which works on what another key names, or on the recording (None or "")."""

    @property
    def key(self) -> str: ...

    @property
    def source(self) -> str | None: ...


L = TypeVar("L", bound=Linked)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A step of a chain that is only shown."""

    key: str
    source: str | None
    title: str
    """What its operation is called."""
    operation: str = ""
    icon: str = "spark"
    brief: str = ""
    """What is set in it, in a few words."""

    @property
    def name(self) -> str:
        return self.key

    @property
    def told(self) -> str:
        """What it does, where its name does not say that, and what is set in it."""
        return ": ".join(filter(None, (self.title if self.title != self.key else "", self.brief)))


@dataclasses.dataclass(frozen=True)
class Node(Generic[L]):
    """A step, and what works on its result."""

    step: L
    followers: "list[Node[L]]"


def drawn(steps: Iterable[Step]) -> list[Node[Drawn]]:
    """The tree of a chain."""
    return tree([_drawn(step) for step in steps])


def _drawn(step: Step) -> Drawn:
    title = registry.title(step.operation)
    try:
        icon = registry.get(step.operation).icon
    except KeyError:  # not installed any more
        return Drawn(step.name, step.input, title, step.operation)
    return Drawn(step.name, step.input, title, step.operation, icon, briefly.of(step.operation, step.params))


def tree(steps: Sequence[L]) -> list[Node[L]]:
    """What works on the recording, with all that follows. What hangs on nothing, or on itself in a circle, stands at
    the end as if it worked on the recording, so that it is seen."""
    keys = {step.key for step in steps}
    seen: set[str] = set()

    def node(step: L) -> Node[L]:
        seen.add(step.key)
        return Node(step, [node(other) for other in steps if other.source == step.key and other.key not in seen])

    found = [node(step) for step in steps if step.source not in keys]
    for step in steps:
        if step.key not in seen:
            found.append(node(step))
    return found


@dataclasses.dataclass(frozen=True)
class Link:
    key: str
    source: str = ""


Links = tuple[Link, ...]


def links(pairs: Iterable[tuple[str, str]]) -> Links:
    return tuple(Link(key, source) for key, source in pairs)


def source_of(all_links: Links, key: str) -> str:
    return next((link.source for link in all_links if link.key == key), "")


def below(all_links: Links, key: str) -> set[str]:
    """The keys of what hangs on a step, by however many others, and its own."""
    found = {key}
    while more := {link.key for link in all_links if link.source in found} - found:
        found |= more
    return found


def earlier(all_links: Links, key: str) -> Links:
    """A step changes places with the one that it works on; what works on the recording, with the one shown before."""
    before = source_of(all_links, key)
    if before:
        return _exchanged(all_links, before, key)
    return _swapped(all_links, key, -1)


def later(all_links: Links, key: str) -> Links:
    """A step changes places with the first one that works on its result; else with the one shown after it."""
    after = next((link.key for link in all_links if link.source == key), None)
    return _exchanged(all_links, key, after) if after else _swapped(all_links, key, 1)


def can_move(all_links: Links, key: str) -> tuple[bool, bool]:
    """Whether `earlier` and `later` change anything."""
    return earlier(all_links, key) != all_links, later(all_links, key) != all_links


def _exchanged(all_links: Links, first: str, second: str) -> Links:
    """`second`, which works on `first`, comes before it. What was on `second` is on `first` then."""
    origin = source_of(all_links, first)
    sources = {first: second, second: origin}
    moved = [
        Link(link.key, sources.get(link.key, first if link.source == second else link.source)) for link in all_links
    ]
    places = {link.key: place for place, link in enumerate(moved)}
    if places[second] > places[first]:
        moved[places[first]], moved[places[second]] = moved[places[second]], moved[places[first]]
    return tuple(moved)


def _swapped(all_links: Links, key: str, by: int) -> Links:
    """Change places with the neighbour that works on the same."""
    source = source_of(all_links, key)
    beside = [place for place, link in enumerate(all_links) if link.source == source]
    own = next(number for number, place in enumerate(beside) if all_links[place].key == key)
    if not 0 <= own + by < len(beside):
        return all_links
    moved = list(all_links)
    here, there = beside[own], beside[own + by]
    moved[here], moved[there] = moved[there], moved[here]
    return tuple(moved)


def removed(all_links: Links, key: str) -> Links:
    """Without a step; what worked on its result works on what it worked on."""
    source = source_of(all_links, key)
    return tuple(Link(link.key, source if link.source == key else link.source) for link in all_links if link.key != key)


def added(all_links: Links, key: str, source: str, *, before: str = "") -> Links:
    """With a new step on `source`; `before`, if that is one, then works on the new one."""
    found = []
    for link in all_links:
        if link.key == before:
            found.append(Link(key, source))
            found.append(Link(link.key, key))
        else:
            found.append(link)
    return tuple(found) if before else (*all_links, Link(key, source))


def attached(all_links: Links, key: str, source: str) -> Links:
    """A step, with all that hangs on it, works on another one. Dropped on what hangs on it, it goes there alone."""
    if source == key or source_of(all_links, key) == source:
        return all_links
    if source not in below(all_links, key):
        return tuple(Link(link.key, source) if link.key == key else link for link in all_links)
    return added(removed(all_links, key), key, source)


def inserted(all_links: Links, key: str, before: str) -> Links:
    """A step alone comes between `before` and what that works on."""
    if key == before or source_of(all_links, before) == key:
        return all_links
    without = removed(all_links, key)
    return added(without, key, source_of(without, before), before=before)
