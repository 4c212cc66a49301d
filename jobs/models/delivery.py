import uuid
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from videoservice import tracing

if TYPE_CHECKING:
    from jobs.models.account import Account

TEST = "webhook.test"
"""The kind of a delivery that its owner asked for, to see whether it arrives."""


def arrived(status: int | None) -> bool:
    """Whether an answer says so; None is no answer."""
    return status is not None and 200 <= status < 300


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def of(self, owner: "Account") -> "DeliveryQuerySet":
        return self.filter(webhook__owner=owner)

    def failing(self) -> "DeliveryQuerySet":
        """Given up, or failed until now."""
        return self.filter(Q(state=Delivery.State.FAILED) | Q(state=Delivery.State.PENDING, attempt__gt=0))

    def due(self) -> "DeliveryQuerySet":
        return self.filter(state=Delivery.State.PENDING, due_at__lte=Now())


class Delivery(models.Model):
    """An event that is to be told to a webhook, and what came of it.

        PENDING <--> HELD (while the webhook is paused)
           |  ^
           |  `---- replayed: FAILED or DELIVERED
           +------> DELIVERED
           `------> FAILED (given up)

    It is made in the transaction of what it tells. Whoever delivers it moves `due_at` on first, so that nobody else
    does meanwhile, and somebody does when that one dies.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        HELD = "held", "Held back"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey("jobs.Webhook", on_delete=models.CASCADE, related_name="deliveries")
    event = models.UUIDField()
    """The id of what happened, the same for all webhooks and tries: receivers know by it what they have already."""
    kind = models.CharField(max_length=40)
    subject = models.UUIDField(null=True)
    """The recording, job or run; None for a test."""
    payload = models.TextField(blank=True)
    """The body as it is sent, the same in all tries; "" until the first one."""
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempt = models.PositiveIntegerField(default=0)
    """How many tries were made since it was made or replayed."""
    tries = models.JSONField(default=list)
    """The last ones, oldest first: `at`, `status` or None, `seconds`, `answer`, `error`."""
    due_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    traceparent = models.CharField(
        max_length=tracing.LONGEST, default=tracing.present, db_default="", blank=True, editable=False
    )
    """The trace that it is a part of: of the request, or the work, that made it."""

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["webhook", "state", "due_at"]),
            models.Index(fields=["webhook", "created_at"]),
            models.Index(fields=["webhook", "state", "created_at"]),
            models.Index(fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.webhook_id}"

    @property
    def is_test(self) -> bool:
        return self.kind == TEST

    @property
    def last(self) -> dict[str, Any] | None:
        """Its last try."""
        return self.tries[-1] if self.tries else None
