"""The trash as it goes over the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from jobs.models import Removal


class RemovalOut(Schema):
    """One thing in the trash, with all that went along."""

    id: UUID = Field(description="That of the recording, chain, job or result.")
    kind: Literal["recording", "chain", "job", "result"]
    title: str
    bytes: int
    removed_at: datetime
    trashed_until: datetime = Field(description="When it goes for good.")

    @classmethod
    def of(cls, removal: Removal) -> "RemovalOut":
        assert removal.subject_id is not None
        return cls(
            id=removal.subject_id,
            kind=removal.kind,  # type: ignore[arg-type] # one of these
            title=removal.title,
            bytes=removal.size,
            removed_at=removal.at,
            trashed_until=removal.until,
        )


class RemovalList(Schema):
    items: list[RemovalOut]
    count: int = Field(description="How many there are in all.")
    bytes: int = Field(description="What they take together; it counts as used space.")


class Emptied(Schema):
    """What went for good."""

    count: int
    bytes: int
