"""Webhooks: the addresses, their secrets, and how they are doing. What they are told is in `deliveries`."""

import base64
import contextlib
import dataclasses
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce, Now
from standardwebhooks import Webhook as Signer

from jobs.errors import InputError
from jobs.models import Account, Delivery, Webhook
from jobs.models.delivery import TEST
from jobs.services import deliveries, destination, outbox, sealing
from jobs.services.destination import Unreachable
from jobs.services.events import Kind

MOST = 20
"""How many an account may have."""
LOOKING_SECONDS = 3.0
"""How long it may take to find out where an address leads when it is typed."""
SIGNS_ALONG = timedelta(hours=24)
"""How long an old secret is still used beside a new one."""
MOST_ALONG = 5
"""So many old ones at most."""
PATIENCE = timedelta(days=7)
"""How long one may fail before it is switched off."""


# The owner's ---------------------------------------------------------------------------------------------------------


def create(owner: Account, url: str, kinds: Iterable[str]) -> tuple[Webhook, str]:
    """A new one and its secret, which is told only now. Raises InputError when the address or a kind cannot be used,
    and when there are too many."""
    if Webhook.objects.of(owner).count() >= MOST:
        raise InputError(f"There are {MOST} webhooks already. Delete one first.", code="too_many")
    secret = new_secret()
    fields = {"url": checked(url), "events": known(kinds), "secret": sealing.seal(secret)}
    return Webhook.objects.create(owner=owner, **fields), secret


def change(webhook: Webhook, url: str | None = None, kinds: Iterable[str] | None = None) -> None:
    """What is not given stays. What waits goes to the new address. Raises InputError as `create`."""
    if url is not None and url != webhook.url:
        webhook.url = checked(url)
    if kinds is not None:
        webhook.events = known(kinds)
    webhook.save(update_fields=["url", "events"])


def pause(webhook: Webhook, reason: str = "") -> bool:
    """Tell it nothing from now on; what waits is held back. False: it was paused already.

    With a `reason` it is the site that switches it off, and its owner is due a mail. Where no mail is set up, the page
    alone says it.
    """
    changes = {"paused_at": Now(), "paused_reason": reason[:500], "mail_tries": 0}
    changes["mail_at"] = Now() if reason and settings.EMAIL_URL else None
    with transaction.atomic():
        won = bool(Webhook.objects.active().filter(pk=webhook.pk).update(**changes))
        if won:
            deliveries.hold(webhook)
            transaction.on_commit(outbox.ring)
    webhook.refresh_from_db()
    return won


def resume(webhook: Webhook) -> bool:
    """Tell it again, first what was held back. False: it was not paused."""
    with transaction.atomic():
        rows = Webhook.objects.filter(pk=webhook.pk, paused_at__isnull=False)
        won = bool(rows.update(paused_at=None, paused_reason="", mail_at=None, failing_since=None, failures=0))
        if won:
            deliveries.let_go(webhook)
    webhook.refresh_from_db()
    return won


def delete(webhook: Webhook) -> None:
    """With all its deliveries."""
    with transaction.atomic():
        deliveries.lock(webhook.pk)
        webhook.delete()


def rotate(webhook: Webhook) -> str:
    """A new secret, which is told only now. The one before signs along for a day, so that receivers can change over; so
    do those that sign along already: nobody knows which of them the receiver has."""
    secret = new_secret()
    with transaction.atomic():
        row = Webhook.objects.select_for_update().annotate(now=Now()).get(pk=webhook.pk)
        along = signing(row, row.now)[:MOST_ALONG]
        row.old_secret = sealing.seal(" ".join(along)) if along else ""
        row.old_secret_until = row.now + SIGNS_ALONG if along else None
        row.secret = sealing.seal(secret)
        row.save(update_fields=["old_secret", "old_secret_until", "secret"])
    webhook.refresh_from_db()
    return secret


def checked(url: str) -> str:
    """The address as it will be called. Raises AddressRefused for one that this site does not call."""
    found = destination.parse(url.strip())
    with contextlib.suppress(Unreachable):  # what cannot be reached now may be set up in a minute
        destination.addresses(found, private=settings.WEBHOOK_PRIVATE_ADDRESSES, seconds=LOOKING_SECONDS)
    return found.url


def known(kinds: Iterable[str]) -> list[str]:
    """Kinds of events in their own order, each once. Raises InputError for none and for one that is not there."""
    asked = list(kinds)
    if unknown := [kind for kind in asked if kind not in Kind.values]:
        raise InputError(
            f"There is no event “{unknown[0]}”. Choose from {', '.join(Kind.values)}.", code="unknown_event"
        )
    if not asked:
        raise InputError("Choose at least one event.", code="no_event")
    return [kind for kind in Kind.values if kind in asked]


# Secrets -------------------------------------------------------------------------------------------------------------


def new_secret() -> str:
    """As Standard Webhooks writes them."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def signatures(webhook: Webhook, event: str, at: datetime, body: str) -> str:
    """What goes into `webhook-signature`. Raises sealing.Unreadable."""
    sealing.unseal(webhook.secret)
    return " ".join(Signer(secret).sign(event, at, body) for secret in signing(webhook, at))


def signing(webhook: Webhook, at: datetime) -> list[str]:
    """The secrets that sign then, the present one first, without those that cannot be read any more."""
    kept = [webhook.secret]
    if webhook.old_secret_until and webhook.old_secret_until > at:
        kept.append(webhook.old_secret)
    found: list[str] = []
    for sealed in kept:
        with contextlib.suppress(sealing.Unreadable):
            found += sealing.unseal(sealed).split()
    return found


# How it is doing -----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Figures:
    """Of its deliveries of the last 30 days, how many arrived, at the first try, failed until now, wait for their first
    try, and are held back."""

    delivered: int = 0
    first: int = 0
    failing: int = 0
    waiting: int = 0
    held: int = 0

    @property
    def first_share(self) -> float:
        return self.first / self.delivered if self.delivered else 0.0


def figures(webhooks: Iterable[Webhook]) -> dict[UUID, Figures]:
    """By webhook; those that were told nothing are left out. Tests do not count."""
    state = Delivery.State
    counted = {
        "delivered": Q(state=state.DELIVERED),
        "first": Q(state=state.DELIVERED, attempt=1),
        "failing": Q(state=state.FAILED) | Q(state=state.PENDING, attempt__gt=0),
        "waiting": Q(state=state.PENDING, attempt=0),
        "held": Q(state=state.HELD),
    }
    rows = Delivery.objects.filter(webhook__in=list(webhooks)).exclude(kind=TEST).order_by().values("webhook")
    rows = rows.annotate(**{name: Count("pk", filter=which) for name, which in counted.items()})
    return {pk: Figures(*numbers) for pk, *numbers in rows.values_list("webhook", *counted)}


def succeeded(webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk, failing_since__isnull=False).update(failing_since=None, failures=0)


def failed(webhook: Webhook, why: str) -> bool:
    """A try failed. Returns whether that switched it off, as it has failed for a week."""
    rows = Webhook.objects.filter(pk=webhook.pk)
    rows.update(failing_since=Coalesce(F("failing_since"), Now()), failures=F("failures") + 1)
    if not rows.active().filter(failing_since__lt=Now() - PATIENCE).exists():
        return False
    return pause(webhook, f"It has failed for a week, the last time because: {why}")
