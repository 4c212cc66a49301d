"""What an account has used, as its owner sees it: meters of its quota, what takes the room, which recordings most, and
how much was worked on day by day."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Sum
from django.urls import reverse

from jobs import storage, wording
from jobs.models import Account, Artifact, DailyUse, Image, Job, Removal, Run, Upload, Video
from jobs.services import allowance, quota, runs, storage_use, versions

NEAR = 0.9
"""The share of a quota from which on it is said that little is left."""
LARGEST = 10
DAYS = 30
CACHES_KEPT_SECONDS = 300
AT_ONCE = 500
"""Ids in one query."""


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


def meters(owner: Account, use: storage_use.Use | None = None) -> list[Meter]:
    """`use`: what it has in the storage, where that is known already."""
    allowed, day = quota.of(owner), allowance.today(owner)
    seconds = allowance.seconds_of_month(owner, day)
    moving = Job.with_trash.of(owner).moving().count()
    return [
        storage_meter(owner, allowed, use),
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
        "active_jobs": Job.with_trash.of(owner).moving().count(),
        "quota_jobs": allowed.jobs or None,
    }


def storage_meter(owner: Account, allowed: quota.Quota, use: storage_use.Use | None = None) -> Meter:
    """With what uploads and work under way were promised."""
    taken = quota.taken_bytes(owner, use)
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


def parts(owner: Account, use: storage_use.Use, results: storage_use.Results) -> list[Part]:
    """All that the account has in the storage, by what it is; what was measured of recordings is the server's to drop,
    and does not count against the quota."""
    made, files, passing, on_the_way = _by_kind(owner, results)
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


def _by_kind(owner: Account, results: storage_use.Results) -> tuple[int, dict[str, int], int, int]:
    """Bytes of results that are recordings, how many files there are of these and of others, and bytes and number of
    those only on the way in chains. A second name for bytes counts for nothing."""
    size, passing_size, on_the_way, files = 0, 0, 0, Counter[str]()
    for _, kind, count, length in results.by_recording:
        size += length if kind in versions.KINDS else 0
        files[_room(kind)] += count
    passing = _passing(owner)
    for kind, count, length in _made_by(passing):
        size -= length if kind in versions.KINDS else 0
        files[_room(kind)] -= count
        passing_size, on_the_way = passing_size + length, on_the_way + count
    for one in _seconds(results):
        if one.job in passing:
            passing_size -= one.size
        elif one.kind in versions.KINDS:
            size -= one.size
    return size, files, passing_size, on_the_way


def _room(kind: str) -> str:
    return "versions" if kind in versions.KINDS else "others"


def _seconds(results: storage_use.Results) -> list[storage_use.Named]:
    """The results that have a second name only: all names for the same bytes but the first that is there."""
    counted = storage_use.there(sorted({one.body for one in results.named}))
    found = []
    for one in results.named:
        if one.body in counted:
            found.append(one)
        counted.add(one.body)
    return found


def _passing(owner: Account) -> set[UUID]:
    """The jobs whose results are only on the way to others."""
    found: set[UUID] = set()
    steps: dict[UUID, frozenset[str]] = {}
    for run in Run.objects.of(owner).filter(is_tidy=False).only("steps"):
        if names := frozenset(runs.passed_on(run)):
            steps[run.pk] = names
    for part in _portions(steps):
        rows = Job.objects.filter(run__in=part).order_by().values_list("pk", "run", "step")
        found.update(pk for pk, run, step in rows if step in steps[run])
    return found


def _made_by(jobs: Iterable[UUID]) -> Iterator[tuple[str, int, int]]:
    """Of these jobs, by kind: how many results, and their bytes."""
    for part in _portions(jobs):
        rows = Artifact.objects.filter(job__in=part).order_by().values_list("kind")
        yield from rows.annotate(Count("pk"), Sum("size"))


def _portions(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    every = sorted(ids)
    return (every[first : first + AT_ONCE] for first in range(0, len(every), AT_ONCE))


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


def by_recording(owner: Account, results: storage_use.Results) -> list[OfRecording]:
    """What each recording takes with all that was made of it, the largest first."""
    made, count = Counter[UUID](), Counter[UUID]()
    for video, kind, files, size in results.by_recording:
        made[video] += size
        count[video] += files if kind in versions.KINDS else 0
    for one in _seconds(results):
        made[one.video] -= one.size
    rows = list(Video.objects.of(owner).uploaded().only("title", "size", "body", "artifact"))
    firsts = storage_use.there(sorted({video.body for video in rows if video.body}))
    found = [
        OfRecording(video, 0 if video.body in firsts else video.size, made[video.pk], count[video.pk]) for video in rows
    ]
    return sorted(found, key=lambda one: (-one.total, one.video.title))


# Day by day ----------------------------------------------------------------------------------------------------------


def days(owner: Account) -> Sequence[tuple[date, float]]:
    """Of the last days, today as the last: seconds of recordings whose work was asked for."""
    today = allowance.today(owner)
    first = today - timedelta(days=DAYS - 1)
    seconds = dict(DailyUse.objects.filter(owner=owner, day__gte=first).values_list("day", "seconds"))
    return [(day, seconds.get(day, 0.0)) for day in (first + timedelta(days=number) for number in range(DAYS))]
