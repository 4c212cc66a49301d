"""Finding what was said, in the newest transcript of each recording of an owner.

Behind one interface stand FTS5 of SQLite and FULLTEXT of MariaDB (`search_index`).
"""

import dataclasses
import functools
import itertools
import operator
from collections.abc import Iterable

from django.db import connection
from django.db.models import F, Q

from jobs.models import Account, Artifact, SaidLine, Video
from jobs.services import search_terms
from jobs.services.search_index import owner_term
from jobs.services.search_terms import Query

MOST = 500
"""Lines that are looked at. Who finds more needs other words."""


@dataclasses.dataclass(frozen=True)
class Moment:
    """Where something was said: seconds of the recording, and the words, with where in them the hits begin and end."""

    video: Video
    start: float
    end: float
    text: str
    hits: list[tuple[int, int]]

    @property
    def address(self) -> str:
        """The recording's page, with the player there."""
        return f"{self.video.get_absolute_url()}?t={self.start:.2f}"

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """The text, parted into what was looked for and the rest."""
        found, at = [], 0
        for start, end in self.hits:
            if end > at:
                found += [(self.text[at : max(start, at)], False), (self.text[max(start, at) : end], True)]
                at = end
        return [part for part in [*found, (self.text[at:], False)] if part[0]]


@dataclasses.dataclass(frozen=True)
class Found:
    """`moments` of the newest recording first, each in their order. `is_all`: there are no more."""

    moments: list[Moment]
    is_all: bool


NOTHING = Found([], is_all=True)


def find(owner: Account, question: str) -> Found:
    """Where all the words of a question are said close to each other."""
    query = search_terms.parsed(question)
    if not query:
        return NOTHING
    lines = SaidLine.objects.filter(
        asked(query, owner_term(owner)),
        transcript__video__in=Video.objects.of(owner),
        transcript__artifact__in=Artifact.objects.of(owner),
    )
    lines = lines.annotate(video=F("transcript__video"), made=F("transcript__video__created_at"))
    rows = list(
        lines.order_by("-made", "video", "place").only("place", "start", "end", "text", "transcript")[: MOST + 1]
    )
    videos = Video.objects.select_related("origin").in_bulk({row.video for row in rows})
    moments = [
        moment
        for pk, group in itertools.groupby(rows[:MOST], lambda row: row.video)
        if pk in videos
        for moment in moments_of(videos[pk], list(group), query)
    ]
    return Found(moments, is_all=len(rows) <= MOST)


def asked(query: Query, owner: str) -> Q:
    """The question in the language of this database."""
    if connection.vendor == "sqlite":
        return Q(terms__fulltext=query.for_sqlite(owner))
    follow = (Q(terms__contains=sequence) for sequence in query.sequences)
    return functools.reduce(operator.and_, follow, Q(terms__fulltext=query.for_mysql(owner)))


def moments_of(video: Video, rows: list[SaidLine], query: Query) -> Iterable[Moment]:
    """One for each place. A row is found by the words of its line and of the next, so that next one is found again."""
    following = {row.place: row for row in rows}
    texts = following_texts(rows)
    for row in rows:
        if (hits := query.hits(row.text)) is not None:
            yield Moment(video, row.start, row.end, row.text, hits)
            continue
        after = following.get(row.place + 1)
        if after is not None and query.hits(after.text) is not None:
            continue
        text, end = texts.get((row.transcript_id, row.place + 1), ("", row.end))
        both = f"{row.text} {text}".strip()
        if (hits := query.hits(both)) is not None:
            yield Moment(video, row.start, end, both, hits)


def following_texts(rows: list[SaidLine]) -> dict[tuple[object, int], tuple[str, float]]:
    """Text and end of the lines behind these, by transcript and place."""
    wanted = {row.place + 1 for row in rows}
    found = SaidLine.objects.filter(transcript__in={row.transcript_id for row in rows}, place__in=wanted)
    return {
        (pk, place): (text, end) for pk, place, text, end in found.values_list("transcript", "place", "text", "end")
    }
