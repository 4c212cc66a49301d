"""Which recordings of the library somebody wants to see, and in which order, as its address says it."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone

from jobs import preferences
from jobs.models import Account, Job, Run, Tag, Tagging, Video
from jobs.models.sort_name import sort_name
from jobs.services import tags

KINDS = {"video": "Video", "audio": "Audio"}
STATES = {"working": "Being worked on", "failed": "Failed"}
ADDED = {
    "day": ("Last 24 hours", 1),
    "week": ("Last 7 days", 7),
    "month": ("Last 30 days", 30),
    "year": ("Last 12 months", 365),
}
"""What it is called, and days."""
LENGTHS = {
    "short": ("Under 10 min", None, 600),
    "medium": ("10 min to 1 h", 600, 3600),
    "long": ("Over 1 h", 3600, None),
}
"""What it is called, and seconds: at least, and less than."""
SORTS = {
    "newest": ("Newest first", "-created_at"),
    "oldest": ("Oldest first", "created_at"),
    "name": ("Name", "sort_name"),
    "longest": ("Longest", "-duration_seconds"),
    "largest": ("Largest", "-size"),
}
"""What it is called, and the order of a list."""
NEWEST = "newest"
WORDS = 8
"""Of a search that count."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """`q` are words of names and tags, all of which have to be found; `since` and `until` days (2026-11-24) in the time
    zone of the owner, both counted in; the other fields hold the keys of what stands above, "" for all."""

    q: str = ""
    kind: str = ""
    state: str = ""
    tags: tuple[str, ...] = ()
    added: str = ""
    since: str = ""
    until: str = ""
    length: str = ""
    sort: str = NEWEST

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """From a query string; what cannot be understood is as if it were not there."""

        def one(name: str, of: Mapping[str, Any]) -> str:
            return query.get(name, "") if query.get(name, "") in of else ""

        many = getattr(query, "getlist", lambda name: [query.get(name, "")])
        return cls(
            q=query.get("q", "").strip()[:200],
            kind=one("kind", KINDS),
            state=one("state", STATES),
            tags=_names(many("tag")),
            added=one("added", ADDED),
            since=_day(query.get("since", "")),
            until=_day(query.get("until", "")),
            length=one("length", LENGTHS),
            sort=one("sort", SORTS) or NEWEST,
        )

    @property
    def is_all(self) -> bool:
        """Whether it leaves out none."""
        return dataclasses.replace(self, sort=NEWEST) == EVERY

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves out any, be it not for its words."""
        return not dataclasses.replace(self, q="").is_all

    @property
    def words(self) -> list[str]:
        return self.q.split()[:WORDS]

    @property
    def order(self) -> str:
        return SORTS[self.sort][1]

    def query(self, **changes: Any) -> str:
        """As a query string, with these fields changed; without what says nothing."""
        other = dataclasses.replace(self, **changes)
        told = {"tag" if name == "tags" else name: value for name, value in dataclasses.asdict(other).items() if value}
        told |= {"tag": ",".join(other.tags)} if other.tags else {}
        if other.sort == NEWEST:
            del told["sort"]
        return urlencode(told)

    def without_tag(self, name: str) -> tuple[str, ...]:
        return tuple(one for one in self.tags if tags.key(one) != tags.key(name))

    def recordings(self, owner: Account) -> Any:
        """The rows of these recordings, in no order. They are found by going through those of the owner in the order
        that is asked for: whatever else is wanted is looked up for each, so that nothing is ever sorted."""
        found = Video.objects.of(owner).uploaded()
        for word in self.words:
            found = found.filter(called(word))
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.length:
            _, least, below = LENGTHS[self.length]
            found = found.filter(duration_seconds__gte=least) if least else found
            found = found.filter(duration_seconds__lt=below) if below else found
        found = found.filter(self._added(owner))
        if self.tags:
            found = tagged(found, owner, self.tags)
        return of_state(found, self.state) if self.state else found

    def _added(self, owner: Account) -> Q:
        """When it has to have come."""
        when = Q()
        if self.added:
            when &= Q(created_at__gte=timezone.now() - datetime.timedelta(days=ADDED[self.added][1]))
        if self.since:
            when &= Q(created_at__gte=_midnight(owner, self.since))
        if self.until:
            when &= Q(created_at__lt=_midnight(owner, self.until, days=1))
        return when


EVERY = Wanted()


def called(word: str) -> Q:
    """What has a word in its title or in the name of its file, capitals and accents aside, or in one of its tags, of
    which only capitals do not count."""
    its = Tagging.objects.filter(video=OuterRef("pk"), tag__key__contains=tags.key(word))
    name = Q(title__icontains=word) | Q(name__icontains=word)
    return name | Q(sort_name__contains=sort_name(word)) | Q(Exists(its))


def tagged(found: Any, owner: Account, names: tuple[str, ...]) -> Any:
    """Those that have all of these tags; none where there is no such tag, or more are asked for than one can have."""
    if len(names) > tags.MOST_EACH:
        return found.none()
    there = list(Tag.objects.of(owner).filter(key__in=list(map(tags.key, names))))
    if len(there) < len(names):
        return found.none()
    for number, tag in enumerate(there):
        # With a limit MariaDB asks it of each row, where it would else begin with the tag and sort what it finds.
        its = Tagging.objects.filter(video=OuterRef("pk"), tag=tag).values("tag")[:1]
        found = found.alias(**{f"tag_{number}": Subquery(its)}).filter(**{f"tag_{number}__isnull": False})
    return found


def of_state(found: Any, state: str) -> Any:
    """Those with work under way; or those whose last work has failed, while nothing else is under way."""
    alone, chains = Job.objects.filter(run=None, video=OuterRef("pk")), Run.objects.filter(video=OuterRef("pk"))
    found = found.alias(
        job_under_way=Subquery(alone.filter(under_way=1).order_by().values("under_way")[:1]),
        run_under_way=Subquery(chains.filter(under_way=1).order_by().values("under_way")[:1]),
    )
    is_working = Q(job_under_way=1) | Q(run_under_way=1)
    if state == "working":
        return found.filter(is_working)
    last_job = alone.filter(under_way=0).order_by("-active_at")
    last_run = chains.filter(under_way=0).order_by("-active_at")
    found = found.alias(
        job_at=Subquery(last_job.values("active_at")[:1]),
        job_ended=Subquery(last_job.values("status")[:1]),
        run_at=Subquery(last_run.values("active_at")[:1]),
        run_ended=Subquery(last_run.values("status")[:1]),
    )
    failed = Job.Status.FAILED
    by_job = Q(job_ended=failed) & (Q(run_at=None) | Q(job_at__gte=F("run_at")))
    by_run = Q(run_ended=failed) & (Q(job_at=None) | Q(run_at__gt=F("job_at")))
    idle = Q(job_under_way=None) & Q(run_under_way=None)
    return found.filter(idle & (by_job | by_run))


def at_work_and_failed(owner: Account) -> tuple[int, int]:
    """How many recordings have work under way, and of how many the last work has failed; found from such work, by the
    database alone: none of them is named to it."""
    alone, chains = Job.objects.of(owner).filter(run=None), Run.objects.of(owner)
    at_work, failed = (
        [rows.filter(**state).order_by().values("video") for rows in (alone, chains)]
        for state in ({"under_way": 1}, {"status": Job.Status.FAILED})
    )
    found = Video.objects.of(owner).uploaded().filter(Q(pk__in=failed[0]) | Q(pk__in=failed[1]))
    return at_work[0].union(at_work[1]).count(), of_state(found, "failed").order_by().count()


def _names(texts: list[str]) -> tuple[str, ...]:
    """Of tags, each once."""
    parts = [part.strip() for text in texts for part in text.split(",")]
    return tuple({tags.key(part): part for part in parts if part}.values())


def _day(text: str) -> str:
    """A day as it is written in an address; "" for what is none."""
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return ""
    return day.isoformat() if 1970 <= day.year < 2200 else ""


def _midnight(owner: Account, day: str, days: int = 0) -> datetime.datetime:
    """When a day begins where its owner is, or so many days later."""
    date = datetime.date.fromisoformat(day) + datetime.timedelta(days=days)
    return datetime.datetime.combine(date, datetime.time(), preferences.zone(owner))
