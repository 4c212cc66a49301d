"""What an account has used, as its owner sees it: meters of its quota, what takes the room, which recordings most, and
how much was worked on day by day."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, QuerySet, Sum
from django.urls import reverse

from jobs import storage, wording
from jobs.models import Account, Artifact, DailyUse, Image, Job, Removal, Run, Upload, Video
from jobs.services import allowance, quota, runs, storage_use, versions

NEAR = 0.9
"""The share of a quota from which on it is said that little is left."""
LARGEST = 10
DAYS = 30
CACHES_KEPT_SECONDS = 300


# Meters --------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Meter:
    """One figure of the quota. `most` 0: any number; then `told` says what was used alone."""

    name: str
    used: float
    most: float
    told: str

    @property
    def look(self) -> str:
        """The class of its bar: green, amber near the limit, red at it."""
        share = self.used / self.most if self.most else 0
        return "full" if share >= 1 else "near" if share >= NEAR else "done"

    @property
    def warning(self) -> str:
        if self.look == "done":
            return ""
        return "Nothing is left" if self.look == "full" else "Little is left"


def meters(owner: Account) -> list[Meter]:
    allowed, day = quota.of(owner), allowance.today(owner)
    seconds = allowance.seconds_of_month(owner, day)
    moving = Job.objects.of(owner).moving().count()
    return [
        storage_meter(owner, allowed),
        Meter("This month", seconds / 60, allowed.minutes, _worked(seconds, allowed.minutes)),
        Meter("At the same time", moving, allowed.jobs, _of(wording.count(moving), allowed.jobs, "job")),
    ]


def facts(owner: Account) -> dict[str, Any]:
    """The same for programs: `used_…` and `quota_…`, None for any number."""
    allowed, day = quota.of(owner), allowance.today(owner)
    return {
        "used_bytes": quota.taken_bytes(owner),
        "quota_bytes": allowed.bytes or None,
        "used_minutes": round(allowance.seconds_of_month(owner, day) / 60, 2),
        "quota_minutes": allowed.minutes or None,
        "active_jobs": Job.objects.of(owner).moving().count(),
        "quota_jobs": allowed.jobs or None,
    }


def storage_meter(owner: Account, allowed: quota.Quota) -> Meter:
    """With what uploads and work under way were promised."""
    taken = quota.taken_bytes(owner)
    most = f" of {wording.size(allowed.bytes)}" if allowed.bytes else ""
    return Meter("Storage", taken, allowed.bytes, f"{wording.size(taken)}{most}")


def _worked(seconds: float, minutes: int) -> str:
    used = wording.span(seconds) if seconds else "nothing"
    return f"{used} of {wording.span(minutes * 60)} worked on" if minutes else f"{used} worked on"


def _of(used: str, most: int, what: str) -> str:
    return f"{used} of {wording.count(most)} {what}s" if most else f"{used} {what}{'' if used == '1' else 's'}"


# What takes the room -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Part:
    """`size` in bytes, `told` what it is in figures, `address` where to look at it."""

    key: str
    name: str
    size: int
    told: str
    address: str = ""


def parts(owner: Account) -> list[Part]:
    """All that the account has in the storage, by what it is; what was measured of recordings is the server's to drop,
    and does not count against the quota."""
    use = storage_use.of(owner)
    made, files, passing, on_the_way = _results(owner)
    others = use.results - made - passing
    images, removed = Image.objects.of(owner).count(), Removal.objects.of(owner).count()
    open_uploads, measured = Upload.objects.of(owner).under_way().count(), caches(owner)
    found = [
        Part("recordings", "Originals", use.recordings, _counted(use.count, "file"), reverse("library")),
        Part("versions", "Versions", made, _counted(files["versions"], "file"), f"{reverse('queue')}?status=succeeded"),
        Part("others", "Pictures, words, sound", others, _counted(files["others"], "file")),
        Part(
            "passing",
            "On the way in chains",
            passing,
            f"{_counted(on_the_way, 'file')}, which go when the chain is done",
        ),
        Part("images", "Images", use.images, _counted(images, "file")),
        Part("uploads", "Uploads under way", use.uploads, _counted(open_uploads, "upload"), reverse("library")),
        Part("trash", "Trash", use.trash, _counted(removed, "entry", "entries"), reverse("trash")),
        Part(
            "caches", "Previews and measurements", measured, "Made again when they are needed; they count for nothing"
        ),
    ]
    return [part for part in found if part.size or part.key in ("recordings", "versions")]


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{wording.count(count)} {one if count == 1 else many or f'{one}s'}"


def _results(owner: Account) -> tuple[int, dict[str, int], int, int]:
    """Bytes of results that are recordings, how many files there are of these and of others, and bytes and number of
    those only on the way in chains. A second name for bytes counts for nothing."""
    mine = Artifact.objects.of(owner)
    passing = set(_passing(owner))
    size, passing_size, files, on_the_way = 0, 0, {"versions": 0, "others": 0}, 0
    counted = _firsts(mine)
    for job, kind, body, length in mine.order_by().values_list("job", "kind", "body", "size"):
        alone = 0 if body in counted else length
        counted |= {body} if body else set()
        if job in passing:
            passing_size, on_the_way = passing_size + alone, on_the_way + 1
        elif kind in versions.KINDS:
            size, files["versions"] = size + alone, files["versions"] + 1
        else:
            files["others"] += 1
    return size, files, passing_size, on_the_way


def _firsts(rows: QuerySet[Any]) -> set[UUID]:
    """The first names, as far as they are there, of bytes that these rows have second names for."""
    bodies = rows.exclude(body=None).order_by().values_list("body", flat=True).distinct()
    return storage_use.there(sorted(bodies))


def _passing(owner: Account) -> Iterable[UUID]:
    """The jobs whose results are only on the way to others."""
    for run in Run.objects.of(owner).filter(is_tidy=False).prefetch_related("jobs"):
        names = set(runs.passed_on(run))
        yield from (job.pk for job in run.jobs.all() if job.step in names)


def caches(owner: Account) -> int:
    """Bytes of what was measured of the account's recordings and made to show them: levels, previews, posters. Looked
    up on the disk, and kept for some minutes. What belongs to bytes that several accounts have counts for each."""
    key = f"caches-of-{owner.pk}"
    found: int | None = cache.get(key)
    if found is None:
        found = _caches(owner)
        cache.set(key, found, CACHES_KEPT_SECONDS)
    return found


def _caches(owner: Account) -> int:
    rows = list(Video.with_trash.of(owner).values_list("pk", "key", "sha256"))
    hashes = {sha256 for _, _, sha256 in rows}
    return sum(storage.of_each(_beside, rows)) + sum(storage.of_each(storage.measured_bytes, hashes))


def _beside(row: tuple[UUID, str, str]) -> int:
    """Bytes of what lies beside a recording's own file."""
    pk, key, _ = row
    return sum(found.size for found in storage.listed(storage.recording_key(pk)) if found.key != key)


# By recording --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class OfRecording:
    """In bytes; `results` are all files that were made of it, `versions` how many of them are recordings."""

    video: Video
    recording: int
    results: int
    versions: int

    @property
    def total(self) -> int:
        return self.recording + self.results

    @property
    def told(self) -> str:
        made = f" with {_counted(self.versions, 'version')}" if self.versions else ", nothing made of it"
        return f"{wording.size(self.total)}{made}"


def by_recording(owner: Account) -> list[OfRecording]:
    """What each recording takes with all that was made of it, the largest first."""
    mine = Artifact.objects.of(owner)
    results = dict(mine.order_by().values_list("job__video").annotate(Sum("size")))
    made = dict(mine.filter(kind__in=versions.KINDS).order_by().values_list("job__video").annotate(Count("pk")))
    twice = _second_names(mine)
    uploaded = Video.objects.of(owner).uploaded().defer("details")
    firsts = _firsts(uploaded)
    found = []
    for video in uploaded:
        size = 0 if video.body in firsts else video.size
        kept = results.get(video.pk, 0) - twice[video.pk]
        found.append(OfRecording(video, size, kept, made.get(video.pk, 0)))
    return sorted(found, key=lambda one: (-one.total, one.video.title))


def _second_names(artifacts: QuerySet[Artifact]) -> dict[UUID, int]:
    rows = list(artifacts.exclude(body=None).order_by().values_list("job__video", "body", "size"))
    counted, found = _firsts(artifacts), defaultdict[UUID, int](int)
    for video, body, size in rows:
        found[video] += size if body in counted else 0
        counted |= {body} if body else set()
    return found


# Day by day ----------------------------------------------------------------------------------------------------------


def days(owner: Account) -> Sequence[tuple[date, float]]:
    """Of the last days, today as the last: seconds of recordings whose work was asked for."""
    today = allowance.today(owner)
    first = today - timedelta(days=DAYS - 1)
    seconds = dict(DailyUse.objects.filter(owner=owner, day__gte=first).values_list("day", "seconds"))
    return [(day, seconds.get(day, 0.0)) for day in (first + timedelta(days=number) for number in range(DAYS))]
