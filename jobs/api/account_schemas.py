"""Accounts, as they go over the wire."""

from datetime import datetime
from typing import Annotated, Literal

from allauth.account.utils import has_verified_email
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from jobs.api.schemas import Page
from jobs.models import Account
from jobs.services import own_line, usage

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]


def mail_address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise ValueError("Write an e-mail address such as ann@example.org.") from error
    return text


Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(mail_address)]
ThemeName = Literal["", "light", "dark"]


class UserOut(Schema):
    """An account, as operators see it."""

    id: int
    email: str
    name: str
    is_operator: bool
    is_active: bool = Field(description="False: switched off by an operator.")
    created_at: datetime
    last_sign_in_at: datetime | None

    @classmethod
    def of(cls, account: Account) -> "UserOut":
        return cls(
            id=account.pk,
            email=account.email,
            name=account.name,
            is_operator=account.is_staff,
            is_active=account.is_active,
            created_at=account.date_joined,
            last_sign_in_at=account.last_login,
        )


class UserList(Schema):
    items: list[UserOut]
    count: int = Field(description="How many there are in all.")


class UserQuery(Page):
    search: str = Field("", max_length=200, description="Part of the e-mail address or the name.")


class UserIn(Schema):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"email": "ann@example.org", "password": "correct horse battery"}}
    )

    email: Email
    password: str | None = Field(
        None, max_length=4096, description="Operators may leave it out; whoever signs up needs one."
    )
    name: Name = ""


class SignedUpOut(Schema):
    """What is told of an account whose address has to be confirmed first."""

    email: str
    id: None = Field(None, description="Told when the address is confirmed, by `GET /me`.")


class MeOut(Schema):
    """Your account."""

    id: int
    email: str
    email_verified: bool
    name: str
    is_operator: bool
    time_zone: str = Field(description="Its name in the tz database; empty for that of the site. For pages alone.")
    dates: str = Field(description="The language that pages write dates in; empty for that of the site.")
    theme: ThemeName = Field(description="Of pages; empty for that of the system.")
    default_pipeline: str = Field(description="The slug of the chain that is run on every upload; empty for none.")
    line_paused: bool = Field(description="Whether your line is on hold: nothing of it is begun. What runs goes on.")
    used_bytes: int = Field(description="With what uploads and work under way were promised.")
    quota_bytes: int | None = Field(description="How much there may be; null for any amount.")
    used_minutes: float = Field(description="Of recordings, worked on in this calendar month of the time zone.")
    quota_minutes: int | None = Field(description="How many a month there may be; null for any number.")
    active_jobs: int = Field(description="Those that wait, are in line or run.")
    quota_jobs: int | None = Field(description="How many there may be at the same time; null for any number.")
    created_at: datetime

    @classmethod
    def of(cls, account: Account) -> "MeOut":
        names = ("id", "email", "name", "time_zone", "dates", "theme", "default_pipeline")
        return cls(
            email_verified=has_verified_email(account, account.email),
            is_operator=account.is_staff,
            **usage.facts(account),
            created_at=account.date_joined,
            line_paused=own_line.is_paused(account),
            **{name: getattr(account, name) for name in names},
        )


class MePatch(Schema):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"time_zone": "Europe/Berlin", "theme": "dark"}}
    )

    name: Name | None = None
    time_zone: str | None = Field(None, max_length=64)
    dates: str | None = Field(None, max_length=12)
    theme: ThemeName | None = None
    line_paused: bool | None = None
