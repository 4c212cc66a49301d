"""A page of the library: the recordings of an owner, newest first, each with the work under way on it."""

import dataclasses
import hashlib
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Sum

from jobs.listing import Listing, Part
from jobs.models import Account, Job, Run, Video
from jobs.services import preview_loops, storyboards, versions

PAGE = 24


@dataclasses.dataclass(frozen=True)
class Shelf:
    """`videos` carry `under_way`, whether anything is, and `running`, how far the job furthest along is;
    `newest`, the newest finished version, and `versions_made`, how many there are with the original.

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
                *(video.versions_made, bool(video.under_way), percent(video)),
                *(video.pinned, getattr(video, "departure", None)),
            )
            for video in self.videos
        ]
        shown = (cards, bool(self.part.newer), bool(self.part.older), self.total, self.used)
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def percent(video: Any) -> int | None:
    return None if video.running is None else int(video.running * 100)


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
    add_work(owner, part.rows)
    totals = Video.objects.of(owner).uploaded().order_by().aggregate(total=Count("pk"), used=Sum("size"))
    return Shelf(part, totals["total"], totals["used"] or 0)


def add_facts(videos: list[Any]) -> None:
    """What was made of each of these, and whether anything has not ended; looked up for them alone, whatever way the
    database took to find them."""
    facts = {
        "has_jobs": Exists(Job.objects.filter(video=OuterRef("pk"), run=None, under_way=1)),
        "has_chains": Exists(Run.objects.filter(video=OuterRef("pk"), under_way=1)),
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


def add_work(owner: Account, videos: list[Any]) -> None:
    """Whether something is under way on each of these, and how far. What runs is little, whatever is in line."""
    running: dict[Any, float] = {}
    at_work = Job.with_trash.of(owner).filter(status=Job.Status.RUNNING, video__in=videos).order_by()
    for pk, progress in at_work.values_list("video_id", "progress"):
        running[pk] = max(progress, running.get(pk, 0.0))
    for video in videos:
        video.running = running.get(video.pk)
        video.under_way = video.running is not None or video.has_jobs or video.has_chains
