"""A page of the library: the recordings of an owner, newest first, each with what its card shows."""

import dataclasses
import hashlib
from typing import Any

from django.db.models import Count, Q, Sum

from jobs.listing import Listing, Part
from jobs.models import Account, Video
from jobs.services import newest_work, preview_loops, storyboards, versions

PAGE = 24


@dataclasses.dataclass(frozen=True)
class Shelf:
    """`videos` carry `doing`, the newest on each (`newest_work`); `newest`, the newest finished version, and
    `versions_made`, how many there are with the original.

    `total` and `used` are those of all recordings of the owner."""

    part: Part
    total: int
    used: int

    @property
    def videos(self) -> list[Any]:
        return self.part.rows

    @property
    def state(self) -> str:
        """A short name for exactly what the page shows."""
        cards = [
            (
                *(video.pk, video.title, video.poster, video.loop, video.storyboard, video.newest),
                *(video.versions_made, video.doing.stamp),
                *(video.pinned, getattr(video, "departure", None)),
            )
            for video in self.videos
        ]
        shown = (cards, bool(self.part.newer), bool(self.part.older), self.total, self.used)
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def words(text: str) -> list[str]:
    """What a search looks for."""
    return text.split()[:8]


def listed(owner: Account, search: list[str]) -> Listing:
    """The recordings in which all the words are found, in the title or the name of the file."""
    found = Video.objects.of(owner).uploaded().select_related("departure")
    for word in search:
        found = found.filter(Q(title__icontains=word) | Q(name__icontains=word))
    return Listing([[found]], "created_at")


def shelf(owner: Account, search: list[str], older: str = "") -> Shelf:
    """The page that begins behind a place; the first one where there is none, or nothing behind it."""
    part = listed(owner, search).shown(older, PAGE)
    add_facts(part.rows)
    newest_work.tell(owner, part.rows)
    totals = Video.objects.of(owner).uploaded().order_by().aggregate(total=Count("pk"), used=Sum("size"))
    return Shelf(part, totals["total"], totals["used"] or 0)


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
    rows = Video.objects.order_by().filter(pk__in=[video.pk for video in videos]).annotate(**facts)
    found = {row["pk"]: row for row in rows.values("pk", *facts)}
    for video in videos:
        for name in facts:
            setattr(video, name, found[video.pk][name] if video.pk in found else None)
