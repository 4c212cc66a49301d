"""Deliveries to webhooks: what is to be told, when, and what came of it. The rows are the queue; an entry in Redis only
wakes a worker of the queue `hooks`, which delivers all that is due (`jobs.delivering`).
"""

import dataclasses
import logging
import random
import uuid
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min
from django.db.models.functions import Now

from jobs.errors import InputError
from jobs.models import Delivery, Webhook
from jobs.models.delivery import TEST, arrived
from jobs.services import events, outbox
from jobs.services.events import Event

log = logging.getLogger(__name__)
S = Delivery.State
KEPT = timedelta(days=30)
"""How long deliveries can be looked at."""
FORGOTTEN_AT_ONCE = 500
TRIES_KEPT = 20
LEASE_SECONDS = 5
"""A delivery is left to who tries it for twice as long as that may take, and this."""
LONGEST_PAUSE_SECONDS = 24 * 3600
"""The most that a receiver may ask for by Retry-After."""
JITTER = 0.2
"""Pauses are longer by up to this share, so that what failed together does not come back together."""


@dataclasses.dataclass(frozen=True)
class Try:
    """One try: `status` of the answer, None where there was none, which `error` then tells in a sentence. `answer` is
    how its body begins. `retry_after` are the seconds that the receiver asked for."""

    at: datetime
    status: int | None
    seconds: float
    answer: str = ""
    error: str = ""
    retry_after: float = 0

    @property
    def is_success(self) -> bool:
        return arrived(self.status)

    @property
    def told(self) -> str:
        """Why it failed, in a sentence."""
        return self.error or f"It answered {self.status}."

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "answer": self.answer,
            "error": self.error,
        }


# Making --------------------------------------------------------------------------------------------------------------


@events.listener
def note(event: Event) -> None:
    """A delivery for each webhook of the owner that wants such events, in the transaction of the change."""
    wanting = [
        Delivery(webhook_id=pk, event=event.id, kind=event.kind, subject=event.subject, due_at=Now(), created_at=Now())
        for pk, kinds in Webhook.objects.active()
        .filter(owner=event.owner, owner__is_active=True)
        .values_list("pk", "events")
        if event.kind in kinds
    ]
    if wanting:
        Delivery.objects.bulk_create(wanting)
        transaction.on_commit(outbox.ring)


def test(webhook: Webhook) -> Delivery:
    """Tell it something that has not happened, once, also while it is paused."""
    made = Delivery.objects.create(webhook=webhook, event=uuid.uuid4(), kind=TEST, due_at=Now(), created_at=Now())
    transaction.on_commit(outbox.ring)
    made.refresh_from_db()
    return made


def replay(delivery: Delivery) -> None:
    """Tell the same again, now, by the same id; of one that waits for another try, that one now. Raises InputError
    while the webhook is paused."""
    if not delivery.webhook.is_active and not delivery.is_test:
        raise InputError("This webhook is paused. Let it go on first, then replay.", code="paused")
    Delivery.objects.filter(pk=delivery.pk).update(state=S.PENDING, attempt=0, due_at=Now())
    transaction.on_commit(outbox.ring)
    delivery.refresh_from_db()


def replay_failed(webhook: Webhook) -> int:
    """Tell again, now, all that has failed until now; how many that is. Raises InputError as `replay`."""
    if not webhook.is_active:
        raise InputError("This webhook is paused. Let it go on first, then replay.", code="paused")
    with transaction.atomic():
        lock(webhook.pk)
        failing = Delivery.objects.filter(webhook=webhook).failing().exclude(kind=TEST)
        count = failing.update(state=S.PENDING, attempt=0, due_at=Now())
        transaction.on_commit(outbox.ring)
    return count


def hold(webhook: Webhook) -> None:
    """Its webhook is paused."""
    webhook.deliveries.filter(state=S.PENDING).exclude(kind=TEST).update(state=S.HELD, due_at=None)


def let_go(webhook: Webhook) -> None:
    """Its webhook goes on."""
    webhook.deliveries.filter(state=S.HELD).update(state=S.PENDING, attempt=0, due_at=Now())
    transaction.on_commit(outbox.ring)


# Taking --------------------------------------------------------------------------------------------------------------


def due_webhooks() -> list[UUID]:
    """The webhooks that something is due to, those that have waited longest first."""
    rows = Delivery.objects.due().order_by().values("webhook").annotate(since=Min("due_at")).order_by("since")
    return [row["webhook"] for row in rows]


@transaction.atomic
def claim(webhook: UUID) -> Delivery | None:
    """The delivery to this webhook that has been due longest, for whoever asks alone; None when none is due.

    Should who asked die, it is due again a little after the try would have been over.
    """
    row = lock(webhook)
    due = Delivery.objects.due().filter(webhook=webhook).order_by("due_at")
    if row is not None and not row.is_active:  # some may have been made while somebody paused it
        hold(row)
        due = due.filter(kind=TEST)
    found = due.select_related("webhook__owner").first()
    if found is not None:
        lease = timedelta(seconds=2 * settings.WEBHOOK_TIMEOUT_SECONDS + LEASE_SECONDS)
        Delivery.objects.filter(pk=found.pk).update(due_at=Now() + lease)
    return found


def lock(webhook: UUID) -> Webhook | None:
    """Hold its row until the transaction ends. Whoever changes deliveries of it holds it first: in any other order two
    would wait for each other."""
    return Webhook.objects.select_for_update().filter(pk=webhook).first()


def record(delivery: Delivery, tried: Try) -> None:
    """Write down a try with what was sent, which the next ones send too, and when the next one is due. Call it in a
    transaction."""
    row = Delivery.objects.select_for_update().select_related("webhook").filter(pk=delivery.pk).first()
    if row is None:  # deleted meanwhile
        return
    row.attempt += 1
    row.tries = [*row.tries, tried.to_json()][-TRIES_KEPT:]
    pauses = settings.WEBHOOK_PAUSES
    changes: dict[str, Any] = {"due_at": None, "payload": delivery.payload}
    if tried.is_success:
        changes["state"] = S.DELIVERED
    elif row.is_test or row.attempt > len(pauses):
        changes["state"] = S.FAILED
    elif not row.webhook.is_active:
        changes["state"] = S.HELD
    else:
        changes["due_at"] = Now() + timedelta(seconds=_pause(pauses[row.attempt - 1], tried.retry_after))
    Delivery.objects.filter(pk=row.pk).update(attempt=row.attempt, tries=row.tries, **changes)


def _pause(seconds: float, asked_for: float) -> float:
    longer = max(seconds, min(asked_for, LONGEST_PAUSE_SECONDS))
    return longer * (1 + random.uniform(0, JITTER))


# Waking --------------------------------------------------------------------------------------------------------------


def load() -> tuple[int, int, datetime | None]:
    """How many are due and how many wait for another try, and since when the first is due."""
    due = Delivery.objects.due().aggregate(count=Count("pk"), since=Min("due_at"))
    return due["count"], Delivery.objects.filter(state=S.PENDING).count() - due["count"], due["since"]


def sweep() -> None:
    """One round of the reconciler: wake somebody where a wake-up was lost, and forget what is old."""
    if outbox.is_due() and not outbox.is_held():
        outbox.ring()
    old = Delivery.objects.filter(created_at__lt=Now() - KEPT).order_by("created_at")
    if pks := list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        Delivery.objects.filter(pk__in=pks).delete()
