"""What goes over the wire about webhooks."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from jobs.api.schemas import Page
from jobs.models import Delivery, Webhook
from jobs.services.events import Kind

Event = Literal["video.created", "job.succeeded", "job.failed", "job.cancelled", "pipeline.finished"]
State = Literal["pending", "held", "delivered", "failed"]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
EVERY: list[Any] = list(Kind.values)


class WebhookIn(Schema):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"url": "https://hooks.example.org/video", "events": ["job.succeeded"]}},
    )

    url: Address = Field(description="https:// or http://. It has to lead to the public internet.")
    events: list[Event] = Field(EVERY, min_length=1, description="What it is told; all when left out.")


class WebhookPatch(Schema):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"active": False}})

    url: Address | None = None
    events: Annotated[list[Event], Field(min_length=1)] | None = None
    active: bool | None = Field(None, description="False pauses it; true lets it go on, with what was held back.")


class WebhookOut(Schema):
    """An address that is called when something happens to your recordings, jobs and chains."""

    id: UUID
    url: str
    events: list[Event]
    active: bool
    paused_at: datetime | None
    paused_reason: str = Field(description="Why the site switched it off; empty where you did.")
    failing_since: datetime | None = Field(description="The first try that failed since the last that succeeded.")
    failures: int = Field(description="How many tries failed since.")
    old_secret_until: datetime | None = Field(description="Until then the secret before the present one signs along.")
    created_at: datetime

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookOut":
        return cls(**facts(webhook))


class WebhookMade(WebhookOut):
    secret: str = Field(description="What deliveries are signed with. It is shown only now.")

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str) -> "WebhookMade":
        return cls(secret=secret, **facts(webhook))


def facts(webhook: Webhook) -> dict[str, Any]:
    names = ("id", "url", "events", "paused_at", "paused_reason", "failing_since", "failures", "created_at")
    found = {name: getattr(webhook, name) for name in names}
    return {**found, "active": webhook.is_active, "old_secret_until": webhook.changes_secret_until}


class WebhookList(Schema):
    items: list[WebhookOut]
    count: int = Field(description="How many there are in all.")


class TryOut(Schema):
    at: datetime
    status: int | None = Field(description="Of the answer; null where none came.")
    seconds: float
    answer: str = Field(description="How its body began.")
    error: str = Field(description="Why no answer came, or why it does not count.")


class DeliveryOut(Schema):
    """An event that was, or is to be, told to a webhook."""

    id: UUID
    webhook: UUID
    event: UUID = Field(description="What `webhook-id` says: the same for every try, every replay and every webhook.")
    type: str
    state: State = Field(description="`held` while its webhook is paused, `failed` when it was given up.")
    body: dict[str, Any] | None = Field(description="What is sent; null until the first try.")
    tries: list[TryOut] = Field(description="The last 20, oldest first.")
    due_at: datetime | None = Field(description="When the next try is due.")
    created_at: datetime

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryOut":
        pending = delivery.state == Delivery.State.PENDING
        return cls(
            id=delivery.pk,
            webhook=delivery.webhook_id,
            event=delivery.event,
            type=delivery.kind,
            state=delivery.state,  # type: ignore[arg-type]
            body=json.loads(delivery.payload) if delivery.payload else None,
            tries=[TryOut(**tried) for tried in delivery.tries],
            due_at=delivery.due_at if pending else None,
            created_at=delivery.created_at,
        )


class DeliveryList(Schema):
    items: list[DeliveryOut]
    count: int = Field(description="How many there are in all.")


class DeliveryQuery(Page):
    state: State | None = None


class Replayed(Schema):
    deliveries: int = Field(description="How many are told again.")
