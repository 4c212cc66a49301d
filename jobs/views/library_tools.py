"""The bar above the recordings: what to look for, what to leave out, and in which order. All of it is links and fields
of one form, so that an address says what a page shows."""

import dataclasses
from typing import Any

from jobs.models import Account
from jobs.services import tags
from jobs.services.shelf import Shelf
from jobs.services.wanted import ADDED, KINDS, LENGTHS, SORTS, STATES, Wanted

TAGS = 2
"""How many have a place in the bar; all are in the menu."""


@dataclasses.dataclass(frozen=True)
class Chip:
    """A link that turns something on, or off again. `name` is one that no other has; `live` is the id of the count,
    which may change meanwhile."""

    name: str
    words: str
    query: str
    on: bool
    count: int | None = None
    live: str = ""
    icon: str = ""
    bad: bool = False


@dataclasses.dataclass(frozen=True)
class Tools:
    wanted: Wanted
    chips: list[Chip]
    tags: list[Chip]
    all_tags: list[Chip]
    chosen: list[Chip]
    """What was chosen in the menu: a press takes it away."""

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the form sends along, though no field of it shows it."""
        tagged = ("tag", ",".join(self.wanted.tags))
        return [one for one in (("kind", self.wanted.kind), ("state", self.wanted.state), tagged) if one[1]]

    added = [(key, words) for key, (words, _) in ADDED.items()]
    lengths = [(key, words) for key, (words, *_) in LENGTHS.items()]
    sorts = [(key, words) for key, (words, _) in SORTS.items()]


def of(owner: Account, wanted: Wanted, shelf: Shelf) -> Tools:
    named = [_tag(wanted, tag) for tag in tags.of(owner)]
    by_use = sorted(named, key=lambda chip: (not chip.on, -(chip.count or 0)))
    shown = [dataclasses.replace(chip, count=None) for chip in by_use[:TAGS] if chip.count or chip.on]
    return Tools(wanted, _chips(wanted, shelf), shown, named, _chosen(owner, wanted))


def _chips(wanted: Wanted, shelf: Shelf) -> list[Chip]:
    every = Wanted(q=wanted.q, sort=wanted.sort)
    counts = {"working": shelf.working, "failed": shelf.failed}
    return [
        Chip("all", "All", every.query(), not wanted.is_filtered),
        *(_turned(wanted, "kind", key, words) for key, words in KINDS.items()),
        *(
            dataclasses.replace(
                _turned(wanted, "state", key, words), count=counts[key], live=f"shelf-{key}", bad=key == "failed"
            )
            for key, words in STATES.items()
        ),
    ]


def _turned(wanted: Wanted, field: str, key: str, words: str, **facts: Any) -> Chip:
    on = getattr(wanted, field) == key
    return Chip(f"{field}-{key}", words, wanted.query(**{field: "" if on else key}), on, **facts)


def _tag(wanted: Wanted, tag: Any) -> Chip:
    others = wanted.without_tag(tag.name)
    on = len(others) < len(wanted.tags)
    return Chip(
        f"tag-{tag.pk}", tag.name, wanted.query(tags=others if on else (*others, tag.name)), on, tag.count, icon="tag"
    )


def _chosen(owner: Account, wanted: Wanted) -> list[Chip]:
    there = {tags.key(tag.name) for tag in owner.tags.all()} if wanted.tags else set()
    gone = [name for name in wanted.tags if tags.key(name) not in there]
    found = [
        Chip(f"gone-{number}", f"No tag “{name}”", wanted.query(tags=wanted.without_tag(name)), True, icon="close")
        for number, name in enumerate(gone)
    ]
    told = {
        "added": wanted.added and ADDED[wanted.added][0],
        "since": wanted.since and f"From {wanted.since}",
        "until": wanted.until and f"Until {wanted.until}",
        "length": wanted.length and LENGTHS[wanted.length][0],
    }
    chosen = (
        Chip(f"chosen-{field}", words, wanted.query(**{field: ""}), True, icon="close")
        for field, words in told.items()
        if words
    )
    return [*found, *chosen]
