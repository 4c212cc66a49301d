"""The beginning of a line, read by its index: of each owner no more jobs than can come to be taken soon, however many
wait."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from jobs import keyset
from jobs.models import Account, Job

NOTHING = Q()
AT_ONCE = 100
"""Owners in one statement."""


def waiting(queue: str) -> QuerySet[Job]:
    """All that is in line in a queue; of the trash nothing is, as that is cancelled first."""
    return Job.with_trash.filter(status=Job.Status.QUEUED, queue=queue).order_by()


def held() -> list[int]:
    """The keys of owners who have put their own line on hold."""
    return list(Account.objects.filter(line_paused_at__isnull=False).order_by().values_list("pk", flat=True))


def moving(queue: str, on_hold: Collection[int] | None = None) -> QuerySet[Job]:
    """What of it workers may take: all but what its owners have put on hold. `on_hold` is as `held` gives it."""
    owners = held() if on_hold is None else on_hold
    return waiting(queue).exclude(owner__in=owners) if owners else waiting(queue)


def heads(queue: str, *columns: str, without: Q = NOTHING) -> list[tuple[Any, ...]]:
    """Of the first job of each owner these columns, leaving out some jobs, and owners who have put their line on hold;
    one look into the index for each."""
    line = waiting(queue).exclude(without)
    firsts = line.filter(owner=OuterRef("pk")).order_by("queued_at", "pk").values("pk")[:1]
    owners = waiting(queue).order_by("owner").values_list("owner", flat=True).distinct()
    going_on = Account.objects.filter(pk__in=list(owners), line_paused_at=None)
    found = going_on.order_by().annotate(head=Subquery(firsts))
    pks = [pk for pk in found.values_list("head", flat=True) if pk]
    return list(Job.with_trash.filter(pk__in=pks).order_by().values_list(*columns))


def counts(queue: str, on_hold: Collection[int] | None = None) -> dict[int, int]:
    """How many jobs of each owner are in line and not on hold, by the owner's key."""
    return dict(moving(queue, on_hold).order_by("owner").values_list("owner").annotate(count=Count("pk")))


def share(counts: Iterable[int], rows: int) -> int:
    """How many of each have to be looked at to see so many in all, where there are as many."""
    left, every = rows, sorted(counts)
    for place, count in enumerate(every):
        if count * (len(every) - place) >= left:
            return -(-left // (len(every) - place))
        left -= count
    return max(every, default=0)


def rows(queue: str, many: Mapping[int, int], each: int, *columns: str) -> list[tuple[Any, ...]]:
    """Of the first `each` jobs of every owner these columns, those of an owner in the order of the line. `many` is as
    `counts` gives it; of jobs put in line in the same moment there may be some more."""
    whole = [owner for owner, count in many.items() if count <= each]
    found: list[tuple[Any, ...]] = []
    for part in _parts(whole):
        found += waiting(queue).filter(owner__in=part).order_by("queued_at", "pk").values_list(*columns)
    for part in _parts([owner for owner, count in many.items() if count > each]):
        ends = (
            Account.objects.filter(pk__in=part)
            .order_by()
            .annotate(end=Subquery(_in_order(queue).values("queued_at")[each - 1 : each]))
        )
        either = Q(pk=None)
        for owner, end in ends.values_list("pk", "end"):
            either |= Q(owner=owner, queued_at__lte=keyset.edges(end)[1]) if end else Q(owner=owner)
        found += waiting(queue).filter(either).order_by("queued_at", "pk").values_list(*columns)
    return found


def ahead(queue: str, owner: int, jobs: Sequence[Job], most: int) -> list[int]:
    """Of jobs of an owner, in the order of the line: how many of the owner's others are before each. Those that lie
    more than `most` apart are told by their time."""
    own, first, last = waiting(queue).filter(owner=owner), jobs[0].queued_at, jobs[-1].queued_at
    if first is None or last is None:
        return [0] * len(jobs)
    before = own.filter(keyset.older("queued_at", first, jobs[0].pk)).count()
    if len(jobs) == 1:
        return [before]
    between = own.filter(keyset.newer("queued_at", first, jobs[0].pk), queued_at__lte=keyset.edges(last)[1])
    places = {
        pk: place for place, pk in enumerate(between.order_by("queued_at", "pk").values_list("pk", flat=True)[:most], 1)
    }
    if len(places) < most:
        return [before + places.get(job.pk, 0) for job in jobs]
    return [before + _by_time(job.queued_at or first, first, last, between.count()) for job in jobs]


def _by_time(at: datetime, first: datetime, last: datetime, count: int) -> int:
    whole = (last - first).total_seconds()
    return round(count * (at - first).total_seconds() / whole) if whole else 0


def _in_order(queue: str) -> QuerySet[Job]:
    """The line of the account that this is a subquery of."""
    return waiting(queue).filter(owner=OuterRef("pk")).order_by("queued_at", "pk")


def _parts(owners: Sequence[int]) -> Iterable[Sequence[int]]:
    return (owners[first : first + AT_ONCE] for first in range(0, len(owners), AT_ONCE))
