"""When an account may be told: not in its quiet hours, and by mail once a day where it wants that."""

import dataclasses
from datetime import datetime, time, timedelta

from django.db.models.functions import Now

from jobs import preferences
from jobs.models import Account, NoticeTimes

DAILY_AT = 8 * 60
"""Minutes after midnight, where the account is, at which the one email of a day goes out."""


@dataclasses.dataclass(frozen=True)
class Later:
    """Until when to wait; None: not at all."""

    push: datetime | None = None
    mail: datetime | None = None


def of(owner: Account) -> NoticeTimes:
    return NoticeTimes.objects.filter(owner=owner).first() or NoticeTimes(owner=owner)


def choose(owner: Account, *, is_quiet: bool, quiet_from: int, quiet_to: int, is_daily: bool) -> None:
    """Times are minutes after midnight. What waits already stays as it was."""
    facts = {"is_quiet": is_quiet, "quiet_from": quiet_from, "quiet_to": quiet_to, "is_daily": is_daily}
    NoticeTimes.objects.update_or_create(owner=owner, defaults=facts)


def later(owner: int) -> Later:
    """Of what is to be told now, by the database's clock and the account's own."""
    times = NoticeTimes.objects.filter(owner=owner).select_related("owner").annotate(now=Now()).first()
    if times is None:
        return Later()
    local = times.now.astimezone(preferences.zone(times.owner))
    return at(times, local)


def at(times: NoticeTimes, local: datetime) -> Later:
    """The same for a time of the account's own clock."""
    quiet = _next(local, times.quiet_to) if _is_quiet(times, _minute(local)) else None
    if not times.is_daily:
        return Later(quiet, quiet)
    daily = _next(local, DAILY_AT)
    return Later(quiet, _next(daily, times.quiet_to) if _is_quiet(times, DAILY_AT) else daily)


def _is_quiet(times: NoticeTimes, minute: int) -> bool:
    if not times.is_quiet:
        return False
    if times.quiet_from < times.quiet_to:
        return times.quiet_from <= minute < times.quiet_to
    return minute >= times.quiet_from or minute < times.quiet_to


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _next(local: datetime, minute: int) -> datetime:
    """When that minute of a day comes next."""
    day = local.date() + timedelta(days=0 if _minute(local) < minute else 1)
    return datetime.combine(day, time(*divmod(minute, 60)), local.tzinfo)
