"""A page of the library: the recordings of an owner, newest first, each with the work under way on it."""

import dataclasses
import functools
import hashlib
import operator
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, Sum

from jobs.models import Account, Job, Video
from jobs.services import preview_loops, storyboards, versions

PAGE = 24


@dataclasses.dataclass(frozen=True)
class Shelf:
    """`videos` carry `under_way`, how many jobs are, and `running`, how far the one furthest along is;
    `newest`, the newest finished version, and `versions_made`, how many there are with the original.

    `total` and `used` are those of all recordings of the owner."""

    videos: Page[Any]
    total: int
    used: int

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
        shown = (cards, self.videos.number, self.videos.paginator.num_pages, self.total, self.used)
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def percent(video: Any) -> int | None:
    return None if video.running is None else int(video.running * 100)


def words(text: str) -> list[str]:
    """What a search looks for."""
    return text.split()[:8]


def shelf(owner: Account, search: list[str], number: str | int | None) -> Shelf:
    mine = Video.objects.of(owner).uploaded()
    found = mine
    if search:
        either = (Q(title__icontains=word) | Q(name__icontains=word) for word in search)
        found = mine.filter(functools.reduce(operator.and_, either))
    found = found.annotate(
        loop=preview_loops.newest_of_each(),
        storyboard=storyboards.newest_of_each(),
        newest=versions.newest_of_each(),
        versions_made=versions.count_of_each(),
    )
    videos: Page[Any] = Paginator(found.select_related("departure").order_by("-created_at", "-pk"), PAGE).get_page(
        number
    )
    videos.object_list = add_work(owner, list(videos))
    totals = mine.aggregate(total=Count("pk"), used=Sum("size"))
    return Shelf(videos, totals["total"], totals["used"] or 0)


def add_work(owner: Account, videos: list[Video]) -> list[Video]:
    """What is under way on each of these; read apart, since a join would count up all jobs that there ever were."""
    active = Job.objects.of(owner).moving().filter(video__in=videos).values_list("video_id", "status", "progress")
    for video in videos:
        own = [(status, progress) for pk, status, progress in active if pk == video.pk]
        running = [progress for status, progress in own if status == Job.Status.RUNNING]
        video.under_way, video.running = len(own), max(running, default=None)  # type: ignore[attr-defined]
    return videos
