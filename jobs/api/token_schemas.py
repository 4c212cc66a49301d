"""Tokens, as they go over the wire."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from jobs.models import Token

ScopeName = Literal["read", "work", "all"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


def zoned(time: datetime) -> datetime:
    """UTC where nothing else is said, as all times here. Raises ValueError where a database may know no such year."""
    if not 2000 <= time.year < 9999:
        raise ValueError("Name a time between the years 2000 and 9998, or null for no end.")
    return time if time.tzinfo else time.replace(tzinfo=UTC)


class TokenIn(Schema):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name": "Nightly export", "scopes": ["read"], "expires_at": "2100-01-01T00:00:00Z"}
        },
    )

    name: Name = Field(description="What it is for.")
    scopes: list[ScopeName] = Field(
        ["all"],
        min_length=1,
        max_length=3,
        description="`read` what changes nothing, `work` also to bring recordings and put work on them, `all` also to "
        "delete, and for tokens, webhooks and the account. The widest of them counts.",
    )
    expires_at: Annotated[datetime, AfterValidator(zoned)] | None = Field(None, description="Null for no end.")


class TokenOut(Schema):
    id: int
    name: str
    begins: str = Field(description="The beginning of the secret; empty for old tokens.")
    scopes: list[ScopeName]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute; null for never.")

    @classmethod
    def of(cls, token: Token) -> "TokenOut":
        names = ("id", "name", "begins", "created_at", "expires_at", "last_used_at")
        scopes: list[ScopeName] = [token.scope]  # type: ignore[list-item]
        return cls(scopes=scopes, **{name: getattr(token, name) for name in names})


class TokenMade(TokenOut):
    token: str = Field(description="The secret. It is told this once, and cannot be found out later.")


class TokenList(Schema):
    items: list[TokenOut]
    count: int = Field(description="How many there are in all.")
