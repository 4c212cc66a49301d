"""What lies on the disk, by what it is and by whose it is.

It is counted from the rows, which are there exactly as long as the files. Bytes that several rows have names for count
once (`body`), for the row that had them first.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, QuerySet, Sum

from jobs import storage
from jobs.models import Account, Artifact, Image, Import, Removal, Upload, Video

KEPT_SECONDS = 60
AT_ONCE = 500
"""Ids in one query."""
MOST_OWNERS = 20


@dataclasses.dataclass(frozen=True)
class Use:
    """In bytes. `count` is that of the recordings, `length_seconds` how long they are together."""

    name: str = ""
    count: int = 0
    length_seconds: float = 0
    recordings: int = 0
    results: int = 0
    images: int = 0
    pk: int | None = None
    """Of the account whose it is."""
    uploads: int = 0
    """What has arrived of uploads under way."""
    trash: int = 0

    @property
    def total(self) -> int:
        return self.recordings + self.results + self.images + self.uploads + self.trash


@dataclasses.dataclass(frozen=True)
class Disk:
    """The disk of the storage, in bytes: what of it is ours by the rows, what else is on it, what is free. A bucket has
    no bound: it is as large as what lies in it."""

    total: int
    free: int
    recordings: int
    results: int
    uploads: int
    trash: int
    is_bounded: bool = True

    @property
    def other(self) -> int:
        return max(0, self.total - self.free - self.recordings - self.results - self.uploads - self.trash)

    @property
    def is_near_full(self) -> bool:
        """Uploads are refused soon, or already."""
        return self.is_bounded and self.free < 4 * settings.FREE_MARGIN_BYTES

    def share(self, count: int) -> float:
        return count / self.total if self.total else 0


def of(owner: Account) -> Use:
    """Of one account, right at this moment: four sums by indexes, and the few rows that share bytes."""
    uploaded = Video.objects.of(owner).uploaded()
    videos = uploaded.aggregate(count=Count("pk"), length=Sum("duration_seconds"), size=Sum("size"))
    shared = _shared(uploaded, Artifact.objects.of(owner)).get(owner.pk, Shared())
    return Use(
        owner.email,
        videos["count"],
        videos["length"] or 0,
        (videos["size"] or 0) - shared.recordings,
        _sum(Artifact.objects.of(owner), "size") - shared.results,
        _sum(Image.objects.of(owner), "size"),
        owner.pk,
        _sum(Upload.objects.of(owner).under_way(), "offset") + _sum(Import.objects.of(owner).kept(), "received_bytes"),
        _sum(Removal.objects.of(owner), "size"),
    )


def _sum(rows: QuerySet[Any], column: str) -> int:
    return int(rows.aggregate(size=Sum(column))["size"] or 0)


def by_owner() -> list[Use]:
    """Of everybody who has something there, most first. Kept for a minute, as it looks at every result."""
    found: list[Use] | None = cache.get("storage-by-owner")
    if found is None:
        found = _by_owner()
        cache.set("storage-by-owner", found, KEPT_SECONDS)
    return found


def _by_owner() -> list[Use]:
    uploaded = Video.objects.uploaded().order_by()
    videos = uploaded.values_list("owner").annotate(Count("pk"), Sum("duration_seconds"), Sum("size"))
    recordings = {owner: facts for owner, *facts in videos}
    results = dict(Artifact.objects.order_by().values_list("job__owner").annotate(Sum("size")))
    images = dict(Image.objects.order_by().values_list("owner").annotate(Sum("size")))
    uploads: Counter[int] = Counter(
        dict(Upload.objects.under_way().order_by().values_list("owner").annotate(Sum("offset")))
    )
    uploads.update(dict(Import.objects.kept().order_by().values_list("owner").annotate(Sum("received_bytes"))))
    trash = dict(Removal.objects.order_by().values_list("owner").annotate(Sum("size")))
    owners = recordings.keys() | results.keys() | images.keys() | uploads.keys() | trash.keys()
    names = dict(Account.objects.filter(pk__in=owners).values_list("pk", "email"))
    every = _shared(uploaded, Artifact.objects.all())
    uses = []
    for owner in owners:
        count, length, size = recordings.get(owner, (0, 0.0, 0))
        shared = every.get(owner, Shared())
        made = results.get(owner, 0) - shared.results
        sizes = (
            size - shared.recordings,
            made,
            images.get(owner, 0),
            owner,
            uploads.get(owner, 0),
            trash.get(owner, 0),
        )
        uses.append(Use(names.get(owner, ""), count, length, *sizes))
    return sorted(uses, key=lambda use: -use.total)


@dataclasses.dataclass
class Shared:
    """Bytes that sums by rows have too often."""

    recordings: int = 0
    results: int = 0


def _shared(videos: QuerySet[Video], artifacts: QuerySet[Artifact]) -> dict[int, Shared]:
    """By owner, of rows that have a second name for bytes: all of them but the first that is there."""
    kept = videos.order_by().exclude(body=None).values_list("owner", "body", "size")
    taken = artifacts.order_by().exclude(body=None).values_list("job__owner", "body", "size")
    found: dict[int, Shared] = defaultdict(Shared)
    seconds = [*(("recordings", *row) for row in kept), *(("results", *row) for row in taken)]
    counted = there(sorted({body for _, _, body, _ in seconds if body}))
    for room, owner, body, size in seconds:
        if body in counted:
            setattr(found[owner], room, getattr(found[owner], room) + size)
        counted |= {body} if body else set()
    return found


def there(bodies: list[UUID]) -> set[UUID]:
    """Which of these are still there under their first names, maybe in the trash."""
    there: set[UUID] = set()
    for first in range(0, len(bodies), AT_ONCE):
        part = bodies[first : first + AT_ONCE]
        there.update(Artifact.with_trash.filter(pk__in=part).values_list("pk", flat=True))
        there.update(Video.with_trash.uploaded().filter(pk__in=part).values_list("pk", flat=True))
    return there


def total(uses: Sequence[Use], name: str) -> Use:
    """All of them as one."""
    return Use(
        name,
        sum(use.count for use in uses),
        sum(use.length_seconds for use in uses),
        sum(use.recordings for use in uses),
        sum(use.results for use in uses),
        sum(use.images for use in uses),
        uploads=sum(use.uploads for use in uses),
        trash=sum(use.trash for use in uses),
    )


def disk() -> Disk:
    every = total(by_owner(), "")
    uploads = _sum(Upload.objects.under_way(), "offset") + _sum(Import.objects.kept(), "received_bytes")
    ours = (every.recordings + every.images, every.results, uploads, every.trash)
    if not storage.new().is_folder:
        return Disk(sum(ours), 0, *ours, is_bounded=False)
    return Disk(*storage.room_bytes(), *ours)
