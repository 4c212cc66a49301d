"""What can be done with a recording, and what that would cost."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from jobs.api.auth import owner, work
from jobs.api.documented import failures
from jobs.api.parameters import checked
from jobs.models import Account, Video
from jobs.operations.base import Group
from jobs.services import jobs, possible, presets, quotes, versions
from jobs.services.possible import Possible
from jobs.services.quotes import Quote

router = Router(tags=["Videos"])


class WhyNot(Schema):
    code: str
    message: str = Field(description="In a few words.")


class VideoOperation(Schema):
    """A kind of work, for one recording."""

    slug: str
    title: str
    group: Group
    possible: bool
    why_not: WhyNot | None = Field(description="What the recording lacks for it.")
    caveat: str = Field(description="What this install lacks for doing it well; “” for nothing.")

    @classmethod
    def of(cls, one: Possible) -> "VideoOperation":
        why = WhyNot(code=one.unfit.code, message=one.unfit.words) if one.unfit else None
        names = ("slug", "title", "group")
        told = {name: getattr(one.operation, name) for name in names}
        return cls(possible=one.unfit is None, why_not=why, caveat=one.caveat, **told)


class VideoOperations(Schema):
    items: list[VideoOperation]
    count: int


class QuoteIn(Schema):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"operation": "trim", "params": {"start": 2}}}
    )

    operation: str = Field(description="A slug of `GET /operations`.")
    params: dict[str, Any] = Field({}, description="What is left out has its default.")
    preset: str | None = Field(None, description="The id or the name of a preset that has what `params` leaves out.")


class Span(Schema):
    """Seconds: four of five times no less than `low` and no more than `high`."""

    low: float
    likely: float
    high: float


class QuoteOut(Schema):
    seconds: Span | None = Field(description="Once it begins; null while nothing like it was ever done here.")
    bytes: int | None = Field(description="Of its results together; null while nothing like it was ever done here.")
    copies: str = Field(description="What of the recording stays as it is, in a few words; “” for nothing.")

    @classmethod
    def of(cls, quote: Quote) -> "QuoteOut":
        rounded = {name: round(getattr(quote.seconds, name, 0.0), 1) for name in Span.model_fields}
        return cls(seconds=Span(**rounded) if quote.seconds else None, bytes=quote.bytes, copies=quote.copies)


def found(account: Account, pk: UUID) -> Video:
    """A recording or a result of theirs, also one that lies in the trash, or 404."""
    row = Video.with_trash.of(account).filter(pk=pk).exclude(removal=None).first()
    return row or versions.owned(account, pk)


@router.get(
    "/{uuid:video_id}/operations",
    response={200: VideoOperations, **failures(404)},
    summary="List what can be done with a recording",
)
def list_video_operations(request: HttpRequest, video_id: UUID) -> VideoOperations:
    """All kinds of work, and of those that this recording does not allow why not. Parameters may be refused still."""
    account = owner(request)
    items = [VideoOperation.of(one) for one in possible.of(account, found(account, video_id))]
    return VideoOperations(items=items, count=len(items))


@router.post(
    "/{uuid:video_id}/quote",
    response={200: QuoteOut, **failures(404, 422)},
    summary="Ask what work would take",
)
@work
def quote(request: HttpRequest, video_id: UUID, body: QuoteIn) -> QuoteOut:
    """How long it would take and how large it would be, learnt from what was done here before. Nothing is begun."""
    account = owner(request)
    video = versions.owned(account, video_id)
    params = presets.completed(account, body.operation, body.preset, body.params) if body.preset else body.params
    asked = checked(body.operation, params, video.info, account)
    jobs.check(video, body.operation, asked)
    return QuoteOut.of(quotes.of(video, body.operation, asked))
