from typing import Self
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from jobs.api.auth import owner
from jobs.api.documented import failures
from jobs.api.schemas import Page
from jobs.services import search

router = Router(tags=["Search"])


class SearchQuery(Page):
    q: str = Field(
        min_length=1,
        max_length=200,
        description="Words, all of which have to be said close to each other; each may be the beginning of a longer "
        "one. What stands between quotation marks has to be said just so.",
    )


class MomentOut(Schema):
    """Where it was said."""

    video: UUID
    title: str
    start: float = Field(description="Seconds.")
    end: float
    text: str

    @classmethod
    def of(cls, moment: search.Moment) -> Self:
        return cls(
            video=moment.video.pk, title=moment.video.title, start=moment.start, end=moment.end, text=moment.text
        )


class MomentList(Schema):
    items: list[MomentOut]
    count: int
    more: bool = Field(description=f"Whether there are more, of which none is shown: at most {search.MOST} are.")


@router.get("", response={200: MomentList, **failures(422)}, summary="Find what was said")
def find(request: HttpRequest, query: Query[SearchQuery]) -> MomentList:
    """Where words are said in your recordings that have been transcribed, those of the newest recording first."""
    found = search.find(owner(request), query.q)
    items = [MomentOut.of(moment) for moment in found.moments[query.part]]
    return MomentList(items=items, count=len(found.moments), more=not found.is_all)
