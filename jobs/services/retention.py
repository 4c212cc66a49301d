"""How long recordings, results and measurements stay that nobody uses. Off unless the settings or an account say days.

Whatever goes is announced at least a week before, by a `Departure`: on its page, on the page of usage and by a letter.
Then it goes the way of all that is removed, into the trash. Never goes what is pinned, what was used meanwhile, what
work under way needs, and a recording of which there still are results.
"""

import dataclasses
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import DateTimeField, Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, Now

from jobs import publish, storage
from jobs.errors import InputError
from jobs.models import Account, Artifact, Departure, Install, Job, Room, Run, Video
from jobs.services import going_mail, trash

log = logging.getLogger(__name__)
NOTICE = timedelta(days=7)
EVERY = timedelta(minutes=10)
AT_ONCE = 100
"""Things of each kind that one round announces for an account, and that go in one round."""
NAMES = 500
HASHES = re.compile(r"[0-9a-f]{64}")
UNUSED = Coalesce(F("used_at"), F("created_at"), output_field=DateTimeField())


@dataclasses.dataclass(frozen=True)
class Kept:
    """For how many days things are kept after they were last used; 0: for good."""

    results: int
    originals: int
    caches: int

    def __bool__(self) -> bool:
        return bool(self.results or self.originals)


def of(owner: Account) -> Kept:
    """What the settings say for everybody, or the account has chosen, whichever is shorter."""
    return _kept(Room.objects.filter(pk=owner.pk).first() or Room(owner=owner))


def site() -> Kept:
    return Kept(settings.KEEP_RESULTS_DAYS, settings.KEEP_ORIGINALS_DAYS, settings.KEEP_CACHES_DAYS)


def choose(owner: Account, kept: Kept) -> None:
    """What the account wants; 0: as the settings say. All that was announced is announced anew."""
    facts = {"results_days": kept.results, "originals_days": kept.originals, "caches_days": kept.caches}
    Room.objects.update_or_create(pk=owner.pk, defaults=facts)
    Departure.objects.of(owner).delete()


def chosen(owner: Account) -> Kept:
    row = Room.objects.filter(pk=owner.pk).first() or Room(owner=owner)
    return Kept(row.results_days, row.originals_days, row.caches_days)


def _kept(row: Room) -> Kept:
    every = site()
    return Kept(
        _shorter(every.results, row.results_days),
        _shorter(every.originals, row.originals_days),
        _shorter(every.caches, row.caches_days),
    )


def _shorter(days: int, own: int) -> int:
    return min(filter(None, (days, own)), default=0)


# Who goes ------------------------------------------------------------------------------------------------------------


def _originals(owner: Account, days: int, ahead: timedelta) -> QuerySet[Video]:
    """Those not used for so many days when `ahead` has gone by, and nothing was made of that is still there."""
    results = Artifact.objects.filter(job__video=OuterRef("pk"))
    kept = Video.objects.of(owner).uploaded().filter(pinned=False, created_at__lt=_cutoff(days, ahead))
    unused = kept.filter(Q(used_at=None) | Q(used_at__lt=_cutoff(days, ahead)))
    work = Job.objects.filter(video=OuterRef("pk"), under_way=1)
    return unused.exclude(Exists(results)).exclude(Exists(work)).annotate(since=UNUSED)


def _jobs(owner: Account, days: int, ahead: timedelta) -> QuerySet[Job]:
    ended = Job.objects.of(owner).filter(run=None, under_way=0, finished_at__lt=_cutoff(days, ahead))
    return _with_unused(ended, Artifact.objects.filter(job=OuterRef("pk")), days, ahead, Max("artifacts__used_at"))


def _runs(owner: Account, days: int, ahead: timedelta) -> QuerySet[Run]:
    ended = Run.objects.of(owner).filter(under_way=0, finished_at__lt=_cutoff(days, ahead))
    used = Max("jobs__artifacts__used_at")
    return _with_unused(ended, Artifact.objects.filter(job__run=OuterRef("pk")), days, ahead, used)


def _with_unused(rows: QuerySet[Any], results: QuerySet[Artifact], days: int, ahead: timedelta, used: Max) -> Any:
    """Those that have results, none of which is pinned or was used."""
    live = results.filter(Q(pinned=True) | Q(used_at__gte=_cutoff(days, ahead)))
    found = rows.filter(Exists(results)).exclude(Exists(live))
    return found.annotate(since=Greatest(F("finished_at"), Coalesce(used, F("finished_at"))))


def _cutoff(days: int, ahead: timedelta) -> Any:
    return Now() - (timedelta(days=days) - ahead)


def _leaving(owner: Account, kept: Kept, ahead: timedelta) -> Iterator[tuple[str, int, QuerySet[Any]]]:
    if kept.originals:
        yield "video", kept.originals, _originals(owner, kept.originals, ahead)
    if kept.results:
        yield "job", kept.results, _jobs(owner, kept.results, ahead)
        yield "run", kept.results, _runs(owner, kept.results, ahead)


# A round -------------------------------------------------------------------------------------------------------------


def sweep() -> None:
    """One round of the reconciler, in bounded steps: announce, have letters sent, and let go what is due. Safe to be
    done by several machines at once."""
    if not Install.get().take_turn(EVERY, "retained_at"):
        return
    for owner in _who():
        announce(owner)
    going_mail.ask()
    let_go()
    if settings.KEEP_CACHES_DAYS or Room.objects.filter(caches_days__gt=0).exists():
        drop_caches()


def _who() -> QuerySet[Account]:
    if site():
        return Account.objects.all()
    return Account.objects.filter(Q(room__results_days__gt=0) | Q(room__originals_days__gt=0))


def announce(owner: Account) -> int:
    """Say of what goes within a week when it does: never sooner than in a week. Returns of how many things."""
    count, kept = 0, of(owner)
    for name, days, rows in _leaving(owner, kept, NOTICE):
        new = rows.filter(departure=None).order_by("pk")[:AT_ONCE]
        for pk, since, now in list(new.values_list("pk", "since", Now())):
            facts = {"owner": owner, "goes_at": max(now + NOTICE, since + timedelta(days=days))}
            count += Departure.objects.get_or_create(**{f"{name}_id": pk}, defaults=facts)[1]
    if count:
        publish.tell([owner.pk])
    return count


def let_go() -> int:
    """Remove what is due, and call off what is due no more. Returns how many things went."""
    gone = 0
    due = Departure.objects.filter(goes_at__lte=Now()).select_related("owner", "video", "run", "job")
    for departure in due[:AT_ONCE]:
        gone += _go(departure)
    return gone


def _go(departure: Departure) -> bool:
    if not _still_goes(departure):
        departure.delete()
        return False
    subject = departure.video or departure.run or departure.job
    if subject is None or trash.needing(subject):  # work under way: later
        return False
    try:
        trash.remove(subject)
    except InputError as error:
        log.info("%s stays for now: %s", subject, error.message)
        return False
    Departure.objects.filter(pk=departure.pk).delete()
    return True


def _still_goes(departure: Departure) -> bool:
    owner = departure.owner
    for name, _, rows in _leaving(owner, of(owner), timedelta()):
        if (pk := getattr(departure, f"{name}_id")) is not None:
            return bool(rows.filter(pk=pk).exists())
    return False


# Saying so -----------------------------------------------------------------------------------------------------------


def listed(owner: Account) -> QuerySet[Departure]:
    """What goes soon, the next first."""
    return Departure.objects.of(owner).select_related("video", "run__video", "job__video")


def of_thing(video: Video) -> Departure | None:
    """That of a recording; of a result that of its job or chain."""
    if video.artifact is None:
        return Departure.objects.filter(video=video).first()
    job = video.artifact.job
    return Departure.objects.filter(Q(job=job) | Q(run__isnull=False, run=job.run_id)).first()


# Caches --------------------------------------------------------------------------------------------------------------


def drop_caches() -> int:
    """Delete what was measured of bytes that none of their owners has used for long, and no work under way needs. It is
    made again when it is asked for. Returns of how many recordings."""
    names = sorted(name for name in storage.folders("cache") if HASHES.fullmatch(name))
    return sum(_drop(names[first : first + NAMES]) for first in range(0, len(names), NAMES))


def _drop(names: list[str]) -> int:
    stays, goes = set[str](), set[str]()
    days: dict[int, int] = {}
    rows = Video.with_trash.filter(sha256__in=names).select_related("owner").defer("details")
    for video in rows.annotate(since=Greatest(UNUSED, Coalesce("artifact__used_at", UNUSED)), now=Now()):
        if video.owner_id not in days:
            days[video.owner_id] = of(video.owner).caches
        most = days[video.owner_id]
        is_old = most and video.now - video.since > timedelta(days=most)
        (goes if is_old else stays).add(video.sha256)
    work = Job.objects.filter(under_way=1, source_sha256__in=goes)
    goes -= stays | set(work.values_list("source_sha256", flat=True))
    for sha256 in goes:
        storage.forget(sha256)
    return len(goes)
