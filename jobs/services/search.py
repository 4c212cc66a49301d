"""Finding what was said, in the newest transcript of each recording of an owner.

Behind one interface stand FTS5 of SQLite and FULLTEXT of MariaDB (`search_index`).
"""

import dataclasses
import functools
import itertools
import operator
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from jobs.models import Account, Artifact, SaidLine, Video
from jobs.services import search_terms
from jobs.services.search_index import owner_term
from jobs.services.search_terms import Query

MOST = 500
"""Lines that are told. Who finds more needs other words."""
CANDIDATES = 4 * MOST
"""Lines that are looked at, those that were written last: sorting all that hold a frequent word takes a second."""
Place = tuple[UUID, int]
"""A transcript, and which of its lines."""


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

    def some(self, most: int) -> list[Moment]:
        """So many of them, of each recording no more than two, unless there are few recordings."""
        found: list[Moment] = []
        for each in range(2, most + 1):
            groups = itertools.groupby(self.moments, lambda moment: moment.video.pk)
            found = [moment for _, group in groups for moment in itertools.islice(group, each)]
            if len(found) >= most:
                break
        return found[:most]


NOTHING = Found([], is_all=True)


def find(owner: Account, question: str, among: Any = None) -> Found:
    """Where all the words of a question are said close to each other; in these recordings and what was made of them,
    where some are given."""
    query = search_terms.parsed(question)
    if not query:
        return NOTHING
    found = SaidLine.objects.filter(asked(query, owner_term(owner))).order_by("-pk")
    candidates = list(found.values_list("pk", flat=True)[: CANDIDATES + 1])
    lines = SaidLine.objects.filter(
        pk__in=candidates[:CANDIDATES],
        transcript__video__in=Video.objects.of(owner),
        transcript__artifact__in=Artifact.objects.of(owner),
    )
    if among is not None:
        pks = among.values("pk")
        lines = lines.filter(Q(transcript__video__in=pks) | Q(transcript__video__origin__in=pks))
    found_in = lines.select_related("transcript").order_by(
        "-transcript__video__created_at", "transcript__video", "place"
    )
    rows = list(found_in.defer("terms")[: MOST + 1])
    videos = Video.objects.select_related("origin").in_bulk({row.transcript.video_id for row in rows})
    shown = [row for row in rows[:MOST] if row.transcript.video_id in videos]
    moments = [
        Moment(videos[row.transcript.video_id], row.start, end, text, hits)
        for row, end, text, hits in moments_of(shown, query, following_texts(shown, query))
    ]
    return Found(moments, is_all=len(rows) <= MOST and len(candidates) <= CANDIDATES)


def asked(query: Query, owner: str) -> Q:
    """The question in the language of this database."""
    if connection.vendor == "sqlite":
        return Q(terms__fulltext=query.for_sqlite(owner))
    follow = (Q(terms__contains=sequence) for sequence in query.sequences)
    return functools.reduce(operator.and_, follow, Q(terms__fulltext=query.for_mysql(owner)))


def moments_of(
    rows: list[SaidLine], query: Query, texts: dict[Place, tuple[str, float]]
) -> Iterator[tuple[SaidLine, float, str, list[tuple[int, int]]]]:
    """One for each place, with its end, its words and the hits in them. A row is found by the words of its line and of
    the next, so that next one is found again."""
    alone = {place_of(row): query.hits(row.text) for row in rows}
    for row in rows:
        transcript, place = place_of(row)
        if (hits := alone[transcript, place]) is not None:
            yield row, row.end, row.text, hits
        elif alone.get((transcript, place + 1)) is None:
            text, end = texts.get((transcript, place + 1), ("", row.end))
            both = f"{row.text} {text}".strip()
            if (hits := query.hits(both)) is not None:
                yield row, end, both, hits


def following_texts(rows: list[SaidLine], query: Query) -> dict[Place, tuple[str, float]]:
    """Text and end of the lines behind those that do not hold all by themselves."""
    wanted: dict[UUID, list[int]] = {}
    for row in rows:
        if query.hits(row.text) is None:
            wanted.setdefault(row.transcript_id, []).append(row.place + 1)
    if not wanted:
        return {}
    either = [Q(transcript=pk, place__in=places) for pk, places in wanted.items()]
    found = SaidLine.objects.filter(functools.reduce(operator.or_, either))
    return {
        (pk, place): (text, end) for pk, place, text, end in found.values_list("transcript", "place", "text", "end")
    }


def place_of(row: SaidLine) -> Place:
    return row.transcript_id, row.place
