"""What all of the API shares of what goes over the wire: failures, parts of lists, paths.

Times are ISO 8601 in UTC, lengths are seconds, sizes are bytes.
"""

from typing import Any, Literal
from uuid import UUID

from django.urls import reverse
from ninja import Schema
from pydantic import Field

Status = Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled"]
COUNT = "How many there are in all; null with `after`, where nobody counts."
NEXT = "What to send as `after` for the next part; null at the end."


class Problem(Schema):
    code: str = Field(description="A stable word for programs.", examples=["not_found"])
    message: str = Field(description="A sentence for people: what happened, then what to do.")
    detail: Any = Field(None, description="More, when there is more: for 422 a list of field and message.")


class Failure(Schema):
    """What every answer other than success looks like."""

    error: Problem


class Page(Schema):
    """Which part of a list."""

    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=10_000_000)

    @property
    def part(self) -> slice:
        return slice(self.offset, self.offset + self.limit)


class Following(Page):
    after: str = Field(
        "",
        max_length=1000,
        description="The `next` of an earlier answer, in place of `offset`: nothing comes twice or is left out, "
        "whatever comes meanwhile, and it is quick however long the list is.",
    )


def path_of(name: str, pk: UUID) -> str:
    """The path of something else of this API."""
    return reverse(f"api-v1:{name}", args=[pk])
