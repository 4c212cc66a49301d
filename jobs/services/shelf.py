"""A page of the library: the recordings of an owner that are wanted, each with what its card shows."""

import dataclasses
import hashlib
from typing import Any

from django.db.models import Count, Sum

from jobs.keyset import Ordered, Part
from jobs.models import Account, Video
from jobs.services import newest_work, preview_loops, storyboards, tags, versions
from jobs.services.wanted import EVERY, Wanted, at_work_and_failed

PAGE = 48
MANY = 300
"""As many are on a page for those who want to see, or choose from, more at once."""


@dataclasses.dataclass(frozen=True)
class Shelf:
    """`videos` carry `doing`, the newest work on each (`newest_work`); `newest`, the newest finished version, and
    `versions_made`, how many there are with the original; `tag_names`; `look`, a name for what else their cards show.

    `total` and `used` are those of all recordings of the owner; `found` how many are wanted; `working` and `failed` how
    many have work under way, and how many were failed by their last."""

    part: Part
    total: int
    used: int
    found: int
    working: int
    failed: int

    @property
    def videos(self) -> list[Any]:
        return self.part.rows

    @property
    def state(self) -> str:
        """A short name for exactly what the page shows."""
        cards = [(video.pk, video.look, video.doing.stamp, video.newest, video.versions_made) for video in self.videos]
        part = (cards, bool(self.part.newer), bool(self.part.older))
        return _short((*part, self.total, self.used, self.found, self.working, self.failed))


def _short(shown: object) -> str:
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def look(video: Any) -> str:
    """A short name for all that a card shows but the newest work: while it is the same, only that is drawn anew."""
    facts = (video.title, video.poster, video.loop, video.storyboard, video.newest, video.missing_since)
    return _short((facts, video.size, video.tag_names, getattr(video, "departure", None)))[:8]


def listed(owner: Account, wanted: Wanted = EVERY) -> Ordered:
    return Ordered(wanted.recordings(owner).select_related("departure"), wanted.order)


def most(many: bool) -> int:
    """How many recordings a page holds."""
    return MANY if many else PAGE


def shelf(owner: Account, wanted: Wanted = EVERY, older: str = "", *, many: bool = False) -> Shelf:
    """The page that begins behind a place; the first one where there is none, or nothing behind it."""
    part = listed(owner, wanted).shown(older, most(many))
    add_facts(part.rows)
    newest_work.tell(owner, part.rows)
    for video in part.rows:
        video.look = look(video)
    totals = Video.objects.of(owner).uploaded().order_by().aggregate(total=Count("pk"), used=Sum("size"))
    return Shelf(
        part,
        totals["total"],
        totals["used"] or 0,
        totals["total"] if wanted.is_all else wanted.recordings(owner).count(),
        *at_work_and_failed(owner),
    )


def add_facts(videos: list[Any]) -> None:
    """What was made of each of these, and by which work; looked up for them alone, whatever way the database took to
    find them."""
    facts = {
        **newest_work.facts(),
        "loop": preview_loops.newest_of_each(),
        "storyboard": storyboards.newest_of_each(),
        "newest": versions.newest_of_each(),
        "versions_made": versions.count_of_each(),
    }
    names = tags.of_each([video.pk for video in videos])
    rows = Video.objects.order_by().filter(pk__in=[video.pk for video in videos]).annotate(**facts)
    found = {row["pk"]: row for row in rows.values("pk", *facts)}
    for video in videos:
        video.tag_names = names.get(video.pk, [])
        for name in facts:
            setattr(video, name, found[video.pk][name] if video.pk in found else None)
