"""How much work one account may ask for, so that others get their turn: jobs at the same time, minutes of recordings a
day and a month. What was asked for is written down day by day, by the database's clock and the owner's calendar."""

import zoneinfo
from datetime import date, datetime, timedelta, tzinfo

from django.conf import settings
from django.db.models import F, Min, Sum
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.dateformat import format as date_format

from jobs import wording
from jobs.errors import NotNow
from jobs.models import Account, DailyUse, Job, Room, Video
from jobs.services import quota

ROUNDING = 1e-3
"""Seconds by which sums of fractions may be off."""


class Exhausted(NotNow):
    """`retry_after_seconds` is when there is some again, where that is known."""

    def __init__(self, message: str, *, code: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


def claim(owner: Account, video: Video) -> None:
    """Count work on a recording against what its owner may have. To be called in the transaction that makes the job:
    until it ends nobody else counts for this owner.

    Raises Exhausted (too_many_jobs, day_used_up, month_used_up).
    """
    Room.hold(owner)
    allowed = quota.of(owner)
    if allowed.jobs and Job.with_trash.of(owner).moving().count() >= allowed.jobs:
        raise _too_many(owner, allowed.jobs)
    now = _now(owner)
    day = now.date()
    if settings.DAILY_MINUTES_LIMIT:
        _refuse_day(now, video.duration_seconds, _seconds(owner, day, day))
    if allowed.minutes:
        _refuse_month(now, video.duration_seconds, seconds_of_month(owner, day), allowed.minutes)
    rows = DailyUse.objects.filter(owner=owner, day=day)
    if not rows.update(seconds=F("seconds") + video.duration_seconds):
        DailyUse.objects.create(owner=owner, day=day, seconds=video.duration_seconds)


def give_back(job: Job) -> None:
    """A job ended, or is deleted, before any worker began it: it counts for nothing on the day when it was asked for.

    Where that goes by another date by now, as the owner has chosen another time zone, it is the day beside it.
    """
    seconds, day = job.video.duration_seconds, timezone.localdate(job.created_at, zone(job.owner))
    rows = DailyUse.objects.filter(owner=job.owner_id, seconds__gte=seconds - ROUNDING)
    if not rows.filter(day=day).update(seconds=F("seconds") - seconds):
        near = rows.filter(day__range=(day - timedelta(days=1), day + timedelta(days=1)))
        if pk := near.values_list("pk", flat=True).first():
            rows.filter(pk=pk).update(seconds=F("seconds") - seconds)


def today(owner: Account) -> date:
    """Which day it is for an account, by the database's clock."""
    return _now(owner).date()


def seconds_of_month(owner: Account, day: date) -> float:
    """Of recordings, worked on from the first of the month of this day until the end of the day."""
    return _seconds(owner, day.replace(day=1), day)


def next_month(day: date) -> date:
    """Its first day."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def zone(owner: Account) -> tzinfo:
    """That of the site for who has chosen none, or one that the system knows no more."""
    try:
        return zoneinfo.ZoneInfo(owner.time_zone) if owner.time_zone else timezone.get_default_timezone()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return timezone.get_default_timezone()


def _now(owner: Account) -> datetime:
    now: datetime = Account.objects.filter(pk=owner.pk).values_list(Now(), flat=True).get()
    return timezone.localtime(now, zone(owner))


def _seconds(owner: Account, first: date, last: date) -> float:
    rows = DailyUse.objects.filter(owner=owner, day__range=(first, last))
    return float(rows.aggregate(seconds=Sum("seconds"))["seconds"] or 0)


def _too_many(owner: Account, most: int) -> Exhausted:
    running = Job.objects.of(owner).filter(status=Job.Status.RUNNING)
    eta = running.aggregate(eta=Min("eta_seconds"))["eta"]
    soon = f" The next one is done in {wording.about(eta, eta)}." if eta is not None else ""
    return Exhausted(
        f"You have {most} jobs waiting or running, and there cannot be more.{soon} Wait until some are done, or cancel "
        "some.",
        code="too_many_jobs",
        retry_after_seconds=eta,
    )


def _refuse_day(now: datetime, seconds: float, used: float) -> None:
    most = settings.DAILY_MINUTES_LIMIT
    if used + seconds > most * 60 + ROUNDING:
        raise Exhausted(
            f"You may have {most} minutes of recordings worked on a day. {_left(most, used)} are left today, and this "
            f"one has {seconds / 60:.0f}. Start it tomorrow, or choose a shorter one.",
            code="day_used_up",
            retry_after_seconds=_seconds_to(now, now.date() + timedelta(days=1)),
        )


def _refuse_month(now: datetime, seconds: float, used: float, most: int) -> None:
    if used + seconds > most * 60 + ROUNDING:
        first = next_month(now.date())
        raise Exhausted(
            f"You may have {wording.count(most)} minutes of recordings worked on a month. {_left(most, used)} are left "
            f"until {date_format(first, 'j F')}, and this one has {seconds / 60:.0f}. Start it then, choose a shorter "
            "one, or ask the operator for more.",
            code="month_used_up",
            retry_after_seconds=_seconds_to(now, first),
        )


def _left(most: int, used: float) -> int:
    return max(0, int(most - used / 60))


def _seconds_to(now: datetime, day: date) -> float:
    midnight = datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)
    return max(1.0, (midnight - now).total_seconds())
