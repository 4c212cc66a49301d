"""Which jobs have changed since somebody last asked.

Times are the database's, but a change is seen only when its transaction has ended, which may be after a later one. So
an answer's cursor stays some seconds behind the present: what came in between is told once more rather than not at all.
"""

import base64
import binascii
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from jobs import keyset
from jobs.models import Job
from jobs.models.account import Account
from jobs.models.job_queryset import JobQuerySet

SETTLED = timedelta(seconds=5)
"""After how long every change of a time can be seen; no transaction takes as long."""


@dataclasses.dataclass(frozen=True)
class Cursor:
    """From the changes at this time on; with `pk`, only those of jobs behind that one, or later ones. `settled`: up to
    when all changes could be seen when the first of several parts was read."""

    at: datetime
    pk: UUID | None = None
    settled: datetime | None = None

    def __str__(self) -> str:
        parts = [self.at.isoformat(), str(self.pk or ""), self.settled.isoformat() if self.settled else ""]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Self:
        """From what `str` gave, or a time with its zone. Raises ValueError."""
        if (time := parse_datetime(text.replace(" ", "+"))) is not None:  # a plus sign that was not quoted
            return cls(_with_zone(time))
        try:
            at, pk, settled = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return cls(_time(at), UUID(pk) if pk else None, _time(settled) if settled else None)
        except (binascii.Error, UnicodeError, TypeError, AttributeError) as error:
            raise ValueError(text) from error


def _time(text: str) -> datetime:
    return _with_zone(datetime.fromisoformat(text))


def _with_zone(time: datetime) -> datetime:
    """In UTC. Raises ValueError for a time that no database takes."""
    try:
        found = (timezone.make_aware(time) if timezone.is_naive(time) else time).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(time) from error
    if not 1900 < found.year < 9000:
        raise ValueError(time)
    return found


def after(found: JobQuerySet, begin: Cursor) -> JobQuerySet:
    """Those of `found` that have changed since then."""
    earliest, latest = keyset.edges(begin.at)
    changed = found.filter(changed_at__gte=earliest)
    if begin.pk:
        changed = changed.filter(Q(changed_at__gt=latest) | Q(pk__gt=begin.pk))
    return changed


def since(found: JobQuerySet, begin: Cursor, limit: int) -> tuple[list[Job], Cursor]:
    """Those of `found` that have changed since then, the earliest change first, and from where to go on. The database
    has more, or may have, when there are as many as `limit`."""
    settled = begin.settled or _now() - SETTLED
    rows = list(after(found, begin).order_by("changed_at", "pk")[:limit])
    if len(rows) == limit:
        return rows, Cursor(rows[-1].changed_at, rows[-1].pk, settled)
    return rows, Cursor(settled) if settled > begin.at or begin.settled else begin


def _now() -> datetime:
    """By the clock of the database."""
    return Account.objects.annotate(now=Now()).values_list("now", flat=True)[0]
