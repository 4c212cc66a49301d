"""Words that recordings are sorted by. Which ones a recording has is told, and changed, with the recording."""

from typing import Annotated, Self
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field, StringConstraints

from jobs.api.auth import owner, work
from jobs.api.documented import failures
from jobs.api.idempotency import idempotent
from jobs.api.schemas import path_of
from jobs.auth.access import owned
from jobs.models import Tag
from jobs.services import tags

router = Router(tags=["Tags"])
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=tags.LONGEST, pattern="^[^,]*$")
]


class TagIn(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Analysis II"}})

    name: Name = Field(description="Without commas. Another spelling by capitals is the same tag.")


class TagOut(Schema):
    id: UUID
    name: str
    recordings: int = Field(description="How many have it.")

    @classmethod
    def of(cls, tag: Tag) -> Self:
        return cls(id=tag.pk, name=tag.name, recordings=tags.count(tag))


class TagList(Schema):
    items: list[TagOut]
    count: int


class TagDeleted(Schema):
    id: UUID
    name: str
    recordings: int = Field(description="How many had it. They stay.")


@router.get("", response={200: TagList, **failures()}, summary="List tags")
def list_tags(request: HttpRequest) -> TagList:
    """All of yours, by name."""
    items = [TagOut(id=tag.pk, name=tag.name, recordings=tag.count) for tag in tags.of(owner(request))]
    return TagList(items=items, count=len(items))


@router.post("", response={201: TagOut, **failures(409, 422)}, summary="Make a tag")
@work
@idempotent(whole=True)
def create_tag(request: HttpRequest, response: HttpResponse, body: TagIn) -> Status[TagOut]:
    """One that no recording has yet; giving a recording a tag makes it as well."""
    tag = tags.make(owner(request), body.name)
    response["Location"] = path_of("tag", tag.pk)
    return Status(201, TagOut.of(tag))


@router.get("/{uuid:tag_id}", response={200: TagOut, **failures(404)}, summary="Get a tag", url_name="tag")
def get_tag(request: HttpRequest, tag_id: UUID) -> TagOut:
    """With how many recordings have it; these are listed by `GET /videos` with `tag`."""
    return TagOut.of(owned(Tag, owner(request), tag_id))


@router.patch("/{uuid:tag_id}", response={200: TagOut, **failures(404, 409, 422)}, summary="Rename a tag")
@work
def rename_tag(request: HttpRequest, tag_id: UUID, body: TagIn) -> TagOut:
    """On all recordings at once."""
    return TagOut.of(tags.rename(owned(Tag, owner(request), tag_id), body.name))


@router.delete("/{uuid:tag_id}", response={200: TagDeleted, **failures(404)}, summary="Delete a tag")
def delete_tag(request: HttpRequest, tag_id: UUID) -> TagDeleted:
    """Recordings that have it stay, without it."""
    tag = owned(Tag, owner(request), tag_id)
    gone = TagDeleted(id=tag.pk, name=tag.name, recordings=tags.count(tag))
    tags.delete(tag)
    return gone
