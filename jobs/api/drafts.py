"""Cuts made by hand, as the page of a recording keeps them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field, StringConstraints

from jobs.api.auth import owner, work
from jobs.api.conditional import named_version
from jobs.api.documented import failures
from jobs.api.errors import ApiError
from jobs.errors import NotNow
from jobs.models import Draft
from jobs.services import drafts, versions

router = Router(tags=["Videos"])
Seconds = Annotated[float, Field(ge=0, le=10_000_000, allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(max_length=200)]
Setting = bool | int | float | Text | None


class Part(Schema):
    model_config = ConfigDict(extra="forbid")

    start: Seconds
    end: Seconds
    kept: bool = Field(description="Whether it stays; what does not is cut, or made faster.")


class DraftIn(Schema):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "parts": [{"start": 0, "end": 4.2, "kept": True}, {"start": 4.2, "end": 5, "kept": False}],
                "settings": {"pauses": "remove"},
            }
        },
    )

    parts: list[Part] = Field(min_length=1, max_length=20_000, description="All of the recording, in order.")
    settings: dict[Text, Setting] = Field({}, max_length=100, description="Fields of the form of `silence-cut`.")


class DraftOut(Schema):
    video: UUID
    version: str = Field(description="Another one after each change; it is the `ETag`, too.")
    parts: list[Part]
    settings: dict[str, Setting]
    saved_at: datetime

    @classmethod
    def of(cls, response: HttpResponse, draft: Draft) -> "DraftOut":
        response["ETag"] = f'"{draft.version}"'
        return cls(
            video=draft.video_id,
            version=draft.version,
            parts=draft.parts,
            settings=draft.settings,
            saved_at=draft.saved_at,
        )


@router.get("/{uuid:video_id}/draft", response={200: DraftOut, **failures(404)}, summary="Get cuts made by hand")
def get_draft(request: HttpRequest, response: HttpResponse, video_id: UUID) -> DraftOut:
    """What was cut by hand on the page of the recording, or put here, and not given up since. 404 where nothing was."""
    draft = drafts.of(versions.owned(owner(request), video_id))
    if draft is None:
        raise Http404("nothing has been cut by hand")
    return DraftOut.of(response, draft)


@router.put(
    "/{uuid:video_id}/draft",
    response={200: DraftOut, 201: DraftOut, **failures(404, 412, 422)},
    summary="Keep cuts made by hand",
)
@work
def save_draft(request: HttpRequest, response: HttpResponse, video_id: UUID, body: DraftIn) -> Status[DraftOut]:
    """In place of those that are there: send their `ETag` as `If-Match`, or `If-None-Match: *` where there were none,
    and nothing is overwritten that somebody else changed meanwhile (412). The page of the recording shows them when it
    is loaded; `silence-cut` with the ranges that stay as `keep` renders them."""
    video = versions.owned(owner(request), video_id)
    version, is_new = named_version(request)
    was_there = drafts.of(video) is not None
    content = body.model_dump(mode="json")
    try:
        draft = drafts.save(video, content["parts"], content["settings"], version=version, is_new=is_new)
    except NotNow as error:
        raise ApiError(412) from error
    return Status(200 if was_there else 201, DraftOut.of(response, draft))


@router.delete(
    "/{uuid:video_id}/draft", response={200: DraftOut, **failures(404, 412)}, summary="Give cuts made by hand up"
)
def delete_draft(request: HttpRequest, response: HttpResponse, video_id: UUID) -> DraftOut:
    """The page of the recording then shows its own plan again."""
    video = versions.owned(owner(request), video_id)
    try:
        gone = drafts.delete(video, named_version(request)[0])
    except NotNow as error:
        raise ApiError(412) from error
    if gone is None:
        raise Http404("nothing has been cut by hand")
    found = DraftOut.of(response, gone)
    del response["ETag"]
    return found
