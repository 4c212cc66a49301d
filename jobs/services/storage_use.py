"""What lies on the disk, by what it is and by whose it is.

It is counted from the rows, which are there exactly as long as the files. Bytes that several rows have names for count
once (`body`), for the row that had them first.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Now

from jobs import storage
from jobs.models import Account, Artifact, Image, Import, Removal, Upload, Video

KEPT_SECONDS = 60
AT_ONCE = 500
"""Ids in one query."""
MOST_OWNERS = 20
GROWTH_DAYS = 14
"""How far back is looked for how much comes on a day."""


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

    def full_in_days(self, added_a_day: float) -> int | None:
        """When it is full if so many bytes come each day. None: never, as far as that tells."""
        return int(self.free / added_a_day) if self.is_bounded and added_a_day > 0 else None

    def share(self, count: int) -> float:
        return count / self.total if self.total else 0


@dataclasses.dataclass(frozen=True)
class Named:
    """A row of a result whose bytes lie under another name too, or did."""

    job: UUID
    video: UUID
    kind: str
    body: UUID
    size: int


@dataclasses.dataclass(frozen=True)
class Results:
    """All that was made for an account, as its rows say: of each recording and kind how many files and bytes. Bytes
    that have several names are in there once for each of these, which `named` lists."""

    by_recording: Sequence[tuple[UUID, str, int, int]]
    named: Sequence[Named]

    @property
    def bytes(self) -> int:
        return sum(size for *_, size in self.by_recording)


def results(owner: Account) -> Results:
    """Added up by the database, which goes through the rows once, and again where some share bytes."""
    mine = Artifact.objects.of(owner).order_by()
    grouped = mine.values_list("job__video", "kind").annotate(Count("pk"), Sum("size"), Count("body"))
    rows = [(video, kind, count, size, named) for video, kind, count, size, named in grouped]
    return Results([row[:-1] for row in rows], _named(mine) if any(row[-1] for row in rows) else [])


def _named(results: QuerySet[Artifact]) -> list[Named]:
    rows = results.exclude(body=None).values_list("job", "job__video", "kind", "body", "size")
    return [Named(job, video, kind, body, size) for job, video, kind, body, size in rows if body]


def of(owner: Account, made: Results | None = None) -> Use:
    """Of one account, right at this moment: four sums by indexes, and the few rows that share bytes. `made` are its
    results, where they have been added up already."""
    uploaded = Video.objects.of(owner).uploaded()
    videos = uploaded.aggregate(
        count=Count("pk"), length=Sum("duration_seconds"), size=Sum("size"), named=Count("body")
    )
    size, named = _made(owner) if made is None else (made.bytes, made.named)
    kept = uploaded.order_by().exclude(body=None).values_list("owner", "body", "size") if videos["named"] else []
    shared = _shared(kept, [(owner.pk, one.body, one.size) for one in named])[owner.pk]
    return Use(
        owner.email,
        videos["count"],
        videos["length"] or 0,
        (videos["size"] or 0) - shared.recordings,
        size - shared.results,
        _sum(Image.objects.of(owner), "size"),
        owner.pk,
        _sum(Upload.objects.of(owner).under_way(), "offset") + _sum(Import.objects.of(owner).kept(), "received_bytes"),
        _sum(Removal.objects.of(owner), "size"),
    )


def _made(owner: Account) -> tuple[int, Sequence[Named]]:
    """Bytes of its results, and which of these have several names."""
    mine = Artifact.objects.of(owner).order_by()
    found = mine.aggregate(size=Sum("size"), named=Count("body"))
    return found["size"] or 0, _named(mine) if found["named"] else []


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
    kept = uploaded.exclude(body=None).values_list("owner", "body", "size")
    made = Artifact.objects.order_by().exclude(body=None).values_list("job__owner", "body", "size")
    every = _shared(kept, made)
    uses = []
    for owner in owners:
        count, length, size = recordings.get(owner, (0, 0.0, 0))
        shared = every.get(owner, Shared())
        sizes = (
            size - shared.recordings,
            results.get(owner, 0) - shared.results,
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


Shares = Iterable[tuple[int, UUID | None, int]]
"""Rows that share bytes: owner, body, size."""


def _shared(kept: Shares, made: Shares) -> dict[int, Shared]:
    """By owner, of recordings and of results: rows with a second name for bytes, all but the first there."""
    found: dict[int, Shared] = defaultdict(Shared)
    every = [*(("recordings", *row) for row in kept), *(("results", *row) for row in made)]
    rows = [(room, owner, body, size) for room, owner, body, size in every if body]
    counted = there(sorted({body for _, _, body, _ in rows}))
    for room, owner, body, size in rows:
        if body in counted:
            setattr(found[owner], room, getattr(found[owner], room) + size)
        counted.add(body)
    return found


def there(bodies: Sequence[UUID]) -> set[UUID]:
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


def added_a_day() -> float:
    """Bytes of recordings and results that have come on a day, over the last GROWTH_DAYS. Kept for a minute."""
    found: float | None = cache.get("storage-added")
    if found is None:
        since = Now() - timedelta(days=GROWTH_DAYS)
        rows = (Video.objects.uploaded().filter(created_at__gte=since), Artifact.objects.filter(created_at__gte=since))
        found = sum(_sum(lately.order_by(), "size") for lately in rows) / GROWTH_DAYS
        cache.set("storage-added", found, KEPT_SECONDS)
    return found


def disk() -> Disk:
    every = total(by_owner(), "")
    uploads = _sum(Upload.objects.under_way(), "offset") + _sum(Import.objects.kept(), "received_bytes")
    ours = (every.recordings + every.images, every.results, uploads, every.trash)
    if not storage.new().is_folder:
        return Disk(sum(ours), 0, *ours, is_bounded=False)
    return Disk(*storage.room_bytes(), *ours)
