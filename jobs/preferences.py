"""How somebody wants pages to look and to write times. The site's pages stay English; its dates need not.

What holds for a request is known once it is asked whose it is (`PreferencesMiddleware`): none is asked for this alone.
"""

import functools
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, tzinfo
from typing import Any

from asgiref.local import Local
from django.conf import settings
from django.contrib.auth.middleware import get_user
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import dateformat, formats, timezone, translation
from django.utils.functional import SimpleLazyObject

from jobs import clock as database_clock
from jobs.models.account import Account
from videoservice.errors import is_call

DATES = ("", "en", "de", "fr", "it", "es", "pt", "nl", "sv", "pl", "ja", "zh-hans")
"""The language that dates are written in, and its way to write them; the first is that of the site."""
DAY, MINUTE, SECOND = "j F Y", "H:i", "H:i:s"
_present = Local()


@functools.cache
def zones() -> tuple[str, ...]:
    """Names of time zones that people would look for, by their place."""
    every = zoneinfo.available_timezones()
    return ("UTC", *sorted(name for name in every if "/" in name and not name.startswith(("Etc/", "SystemV/"))))


def site_zone() -> str:
    return settings.TIME_ZONE


# Whose ---------------------------------------------------------------------------------------------------------------


def zone(account: Account) -> tzinfo:
    """Where an account is: that of the site where it says none, or one that the system knows no more."""
    try:
        return zoneinfo.ZoneInfo(account.time_zone or site_zone())
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return timezone.get_default_timezone()


def apply(account: Account) -> None:
    """From now on times are written for this account, in this request or until `reset`."""
    _present.dates = account.dates
    timezone.activate(zone(account))


def reset() -> None:
    _present.dates = ""
    timezone.deactivate()


@contextmanager
def of(account: Account) -> Iterator[None]:
    """Times are written for this account inside, as in a letter to it."""
    before, zone = getattr(_present, "dates", ""), timezone.get_current_timezone()
    apply(account)
    try:
        yield
    finally:
        _present.dates = before
        timezone.activate(zone)


def today(account: Account) -> date:
    """The day that it is where the account is."""
    with of(account):
        return timezone.localdate(database_clock.now())


class PreferencesMiddleware:
    """Behind the one that knows who asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_call(request):  # scripts get all times in UTC
            request.user = SimpleLazyObject(functools.partial(_known, request))  # type: ignore[assignment]
        try:
            return self.get_response(request)
        finally:
            reset()


def _known(request: HttpRequest) -> Any:
    user = get_user(request)
    if isinstance(user, Account):
        apply(user)
    return user


# Times as they are written -------------------------------------------------------------------------------------------


def minute(time: datetime | None) -> str:
    """14:05."""
    return dateformat.format(timezone.localtime(time), MINUTE) if time else ""


def day(time: datetime | None) -> str:
    """30 November 2026."""
    return _written(time, "", "DATE_FORMAT")


def short_day(time: datetime | None) -> str:
    """30 Nov, where there is little room; of another year 30 Nov 2025."""
    if time is None:
        return ""
    is_now = timezone.localtime(time).year == timezone.localtime().year if timezone.is_aware(time) else False
    if getattr(_present, "dates", ""):
        return _written(time, "", "MONTH_DAY_FORMAT" if is_now else "SHORT_DATE_FORMAT")
    return dateformat.format(timezone.localtime(time), "j M" if is_now else "j M Y")


def when(time: datetime | None) -> str:
    """30 November 2026, 14:05."""
    return _written(time, MINUTE, "DATETIME_FORMAT")


def lately(time: datetime | None) -> str:
    """Today 14:05, Yesterday 14:05, else as `when`."""
    if time is None:
        return ""
    passed = timezone.localdate() - timezone.localdate(time)
    if passed.days not in (0, 1):
        return when(time)
    return f"{('Today', 'Yesterday')[passed.days]} {dateformat.format(timezone.localtime(time), MINUTE)}"


def instant(time: datetime | None) -> str:
    """30 November 2026, 14:05:09."""
    return _written(time, SECOND, "DATE_FORMAT")


def example(language: str) -> str:
    """The present time as it would be written in one of DATES."""
    return _written(timezone.now(), MINUTE, "DATETIME_FORMAT", language)


def _written(time: datetime | None, clock: str, format_of_language: str, language: str | None = None) -> str:
    if time is None:
        return ""
    local = timezone.localtime(time) if timezone.is_aware(time) else time
    language = getattr(_present, "dates", "") if language is None else language
    if not language:
        return dateformat.format(local, f"{DAY}, {clock}" if clock else DAY)
    with translation.override(language):
        form = formats.get_format(format_of_language, lang=language)
        has_clock = format_of_language == "DATETIME_FORMAT" or not clock
        return dateformat.format(local, form if has_clock else f"{form}, {clock}")
