"""The boundary between RQ and webhooks: one entry delivers all that is due, with a thread for each webhook, so that one
which hangs holds up nobody else. What dies in the middle is due again by its row.
"""

import dataclasses
import email.utils
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone

from jobs import build
from jobs.api import event_data
from jobs.errors import JobError
from jobs.models import Delivery
from jobs.services import deliveries, going_mail, notice_mail, outbound, outbox, push, sealing, webhook_mail, webhooks
from jobs.services.deliveries import Try
from jobs.services.outbound import Limits
from videoservice import tracing

log = logging.getLogger(__name__)
AT_ONCE = 32
"""How many receivers are served at the same time."""
TURN_SECONDS = 10.0
"""After so long a thread leaves its place to another receiver that waits."""
LOOK_SECONDS = 0.1
"""How often it is looked for what has become due while others are being called."""
AGENT = f"videoservice/{build.ours()}"
ANSWER_BYTES = 1024
CONNECT_SECONDS = 5.0
HEAD_BYTES = 32 * 1024
BODY_BYTES = 1024 * 1024
"""No more of an answer is taken; its beginning is read, and nothing else."""


@dataclasses.dataclass(frozen=True)
class Errand:
    """What is due to one receiver, which `work` sends: `of` is the id of a webhook, a browser or an account."""

    work: Callable[[Any], None]
    of: UUID | int

    def __str__(self) -> str:
        return f"{self.work.__module__}.{self.work.__name__} of {self.of}"


def deliver_due() -> None:
    """Deliver until nothing is due any more, and have somebody woken for what is due next.

    When the database is away the reconciler rings again.
    """
    try:
        Desk(due).work()
        outbox.ring_later()
    except Error as error:
        log.warning("the database went away under deliveries: %s", error)
        connection.close()


def due() -> list[Errand]:
    """In the order of waiting."""
    return [
        *(Errand(deliver_in_turn, pk) for pk in deliveries.due_webhooks()),
        *(Errand(push.send_due, pk) for pk in push.due()),
        *(Errand(notice_mail.send_due, pk) for pk in notice_mail.due()),
        *(Errand(webhook_mail.send_due, pk) for pk in webhook_mail.due()),
        *(Errand(going_mail.send_due, pk) for pk in going_mail.due()),
    ]


class Desk:
    """Runs each errand in a thread of its own, those served longest ago first."""

    def __init__(self, due: Callable[[], list[Errand]]) -> None:
        self._due = due
        self._threads: dict[Errand, threading.Thread] = {}
        self._served: dict[Errand, float] = {}

    def work(self) -> None:
        """Returns when nothing is due, or an operator holds the queue, and every thread has ended."""
        while True:
            waiting = [] if outbox.is_held() else [one for one in self._due() if one not in self._threads]
            for errand in sorted(waiting, key=lambda one: self._served.get(one, 0.0))[: AT_ONCE - len(self._threads)]:
                self._start(errand)
            if not self._threads:
                return
            next(iter(self._threads.values())).join(LOOK_SECONDS)
            self._threads = {one: thread for one, thread in self._threads.items() if thread.is_alive()}

    def _start(self, errand: Errand) -> None:
        self._served[errand] = time.monotonic()
        self._threads[errand] = threading.Thread(target=run, args=(errand,), name=f"errand-{errand.of}", daemon=True)
        self._threads[errand].start()


def run(errand: Errand) -> None:
    """In a thread of its own: whatever goes wrong with one receiver, the others are served."""
    try:
        errand.work(errand.of)
    except Error as error:
        log.warning("the database went away under %s: %s", errand, error)
    except Exception:  # the boundary: a thread has nobody above it
        log.exception("%s could not be done", errand)
    finally:
        connection.close()


def deliver_in_turn(webhook: UUID) -> None:
    """Deliver what is due to one webhook, one after the other, for as long as its turn lasts."""
    ends = time.monotonic() + TURN_SECONDS
    while time.monotonic() < ends and (delivery := deliveries.claim(webhook)) is not None:
        deliver(delivery)


def deliver(delivery: Delivery) -> Try:
    """Make one try, and write down what came of it. A fault of ours is a try that failed, too: what was not written
    down would be tried again and again, and seen by nobody."""
    facts: tracing.Facts = {"videoservice.event": delivery.kind, "videoservice.attempt": delivery.attempt + 1}
    with tracing.span("call a webhook", delivery.traceparent, kind="client", facts=facts) as span:
        tried = _deliver(delivery)
        span.note({"http.response.status_code": tried.status or 0})
        if not tried.is_success:
            span.fail(str(tried.status or "unreachable"))
    return tried


def _deliver(delivery: Delivery) -> Try:
    switch_off = ""
    try:
        tried = _tried(delivery)
        if tried.status == HTTPStatus.GONE:
            switch_off = "It answered 410: it wants no more."
    except sealing.Unreadable:
        tried = _untold("Its secret cannot be read any more. Make a new one.")
        switch_off = "The site's SECRET_KEY has changed, so its secret cannot be read. Make a new one."
    except Error:  # the database is away, and nothing can be written down
        raise
    except Exception:  # the boundary: it always ends in a state
        log.exception("%s could not be told to webhook %s", delivery.kind, delivery.webhook_id)
        tried = _untold("This site made a mistake in telling it. Its operator finds more in the log.")
    return _recorded(delivery, tried, switch_off)


def _untold(why: str) -> Try:
    return Try(timezone.now(), None, 0, error=why)


def _tried(delivery: Delivery) -> Try:
    """Raises sealing.Unreadable."""
    if not delivery.payload:
        data = event_data.of(delivery.kind, delivery.subject) if delivery.subject else _test_data(delivery)
        delivery.payload = event_data.body(delivery.kind, delivery.created_at, data)
    return send(delivery.webhook.url, delivery.payload.encode(), signed(delivery))


def _test_data(delivery: Delivery) -> dict[str, object]:
    return {"webhook": delivery.webhook_id, "message": "This is a test. Nothing has happened."}


def signed(delivery: Delivery) -> dict[str, str]:
    """The headers of a try that is made now. Raises sealing.Unreadable."""
    event, at = str(delivery.event), datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": webhooks.signatures(delivery.webhook, event, at, delivery.payload),
        **({"traceparent": trace} if (trace := tracing.present()) else {}),
    }


def send(url: str, body: bytes, headers: dict[str, str]) -> Try:
    """Ask once, following no redirect, and tell what came of it."""
    seconds = settings.WEBHOOK_TIMEOUT_SECONDS
    limits = Limits(min(CONNECT_SECONDS, seconds), seconds, seconds, HEAD_BYTES, BODY_BYTES)
    private = settings.WEBHOOK_PRIVATE_ADDRESSES
    at, begun = timezone.now(), time.monotonic()
    try:
        with outbound.request("POST", url, private=private, headers=headers, body=body, limits=limits) as answer:
            text = answer.beginning(ANSWER_BYTES).decode(errors="replace").replace("\0", "")
            asked = retry_after(answer.headers.get("Retry-After", ""))
            return Try(at, answer.status, time.monotonic() - begun, text, _redirect(answer), asked)
    except JobError as error:
        return Try(at, None, time.monotonic() - begun, error=error.message)


def _redirect(answer: outbound.Answer) -> str:
    if not answer.leads_on:
        return ""
    return f"It answered {answer.status} and leads on to another address, which is not followed. Write that one here."


def retry_after(value: str) -> float:
    """Seconds, from seconds or a date; 0 for anything else."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        then = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for a zone that is years away
        return 0.0
    return max(0.0, ((then if then.tzinfo else then.replace(tzinfo=UTC)) - timezone.now()).total_seconds())


def _recorded(delivery: Delivery, tried: Try, switch_off: str) -> Try:
    """Write down a try and what it says of its webhook, which a reason switches off."""
    webhook = delivery.webhook
    paused = False
    with transaction.atomic():
        deliveries.lock(webhook.pk)
        deliveries.record(delivery, tried)
        if tried.is_success:
            webhooks.succeeded(webhook)
        elif not delivery.is_test:
            paused = webhooks.failed(webhook, tried.told)
        if switch_off:
            paused = webhooks.pause(webhook, switch_off) or paused
    if paused:
        log.warning("webhook %s is switched off: %s", webhook.pk, webhook.paused_reason)
    return tried
