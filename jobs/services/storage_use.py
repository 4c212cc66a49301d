"""What lies on the disk, by what it is and by whose it is."""

import dataclasses
import shutil
from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, F, Sum

from jobs import storage
from jobs.models import Account, Artifact, Image, Upload, Video

KEPT_SECONDS = 60
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

    @property
    def total(self) -> int:
        return self.recordings + self.results + self.images


@dataclasses.dataclass(frozen=True)
class Disk:
    """The disk of the storage, in bytes: what of it is ours by the rows, what else is on it, what is free."""

    total: int
    free: int
    recordings: int
    results: int
    uploads: int

    @property
    def other(self) -> int:
        return max(0, self.total - self.free - self.recordings - self.results - self.uploads)

    @property
    def is_near_full(self) -> bool:
        """Uploads are refused soon, or already."""
        return self.free < 4 * settings.FREE_MARGIN_BYTES

    def share(self, count: int) -> float:
        return count / self.total if self.total else 0


def of(owner: Account) -> Use:
    uploaded = Video.objects.of(owner).uploaded()
    videos = uploaded.aggregate(count=Count("pk"), length=Sum("duration_seconds"), size=Sum("size"))
    return Use(
        owner.email,
        videos["count"],
        videos["length"] or 0,
        videos["size"] or 0,
        Artifact.objects.of(owner).aggregate(size=Sum("size"))["size"] or 0,
        Image.objects.of(owner).aggregate(size=Sum("size"))["size"] or 0,
        owner.pk,
    )


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
    recordings = {owner: (count, length, size) for owner, count, length, size in videos}
    results = dict(Artifact.objects.order_by().values_list("job__owner").annotate(Sum("size")))
    images = dict(Image.objects.order_by().values_list("owner").annotate(Sum("size")))
    used: dict[int, int] = defaultdict(int)
    for sizes in ({owner: row[2] for owner, row in recordings.items()}, results, images):
        for owner, size in sizes.items():
            used[owner] += size
    names = dict(Account.objects.filter(pk__in=list(used)).values_list("pk", "email"))
    return [
        Use(names.get(owner, ""), *recordings.get(owner, (0, 0, 0)), results.get(owner, 0), images.get(owner, 0), owner)
        for owner in sorted(used, key=lambda owner: -used[owner])
    ]


def total(uses: Sequence[Use], name: str) -> Use:
    """All of them as one."""
    return Use(
        name,
        sum(use.count for use in uses),
        sum(use.length_seconds for use in uses),
        sum(use.recordings for use in uses),
        sum(use.results for use in uses),
        sum(use.images for use in uses),
    )


def disk() -> Disk:
    every = total(by_owner(), "")
    usage = shutil.disk_usage(storage.path(""))
    uploads = Upload.objects.aggregate(size=Sum(F("offset")))["size"] or 0
    return Disk(usage.total, usage.free, every.recordings + every.images, every.results, uploads)
