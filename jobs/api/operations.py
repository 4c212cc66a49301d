from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from jobs.api.documented import failures
from jobs.api.operation_schema import schema_of
from jobs.operations import registry
from jobs.operations.base import Operation

router = Router(tags=["Operations"])


class OperationOut(Schema):
    """A kind of work that this install offers."""

    slug: str
    title: str
    summary: str
    accepts: Literal["video", "audio", "any"] = Field(
        description="What the recording has to have: a picture, an audio track, or either."
    )
    parameters: dict[str, Any] = Field(description="JSON schema of `params`, with defaults.")

    @classmethod
    def of(cls, operation: Operation[Any]) -> "OperationOut":
        names = ("slug", "title", "summary", "accepts")
        return cls(parameters=schema_of(operation), **{name: getattr(operation, name) for name in names})


class OperationList(Schema):
    items: list[OperationOut]
    count: int


@router.get("", response={200: OperationList, **failures()}, summary="List the operations")
def list_operations(request: HttpRequest) -> OperationList:
    """What can be done with recordings, each with the JSON schema of its parameters and their defaults."""
    items = [OperationOut.of(operation) for operation in registry.every()]
    return OperationList(items=items, count=len(items))
