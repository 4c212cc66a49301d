"""What is to be sent outside is due by its row. An entry in Redis only wakes a worker of the queue `hooks`, which
sends all that is due (`jobs.delivering`).
"""

import logging
import secrets
from datetime import datetime
from typing import Any

import django_rq
from django.db.models import Min
from redis.exceptions import RedisError

from jobs.models import Delivery, Departure, Notice, PushBrowser, QueueState, Webhook

log = logging.getLogger(__name__)
QUEUE = "hooks"
ENTRY = "jobs.delivering.deliver_due"


def is_held() -> bool:
    """Whether an operator has paused the queue."""
    return QueueState.objects.held().filter(name=QUEUE).exists()


def ring() -> None:
    """Wake a worker, unless one is about to look anyway. If Redis cannot be reached the reconciler rings again."""
    try:
        queue = django_rq.get_queue(QUEUE)
        if not queue.count:
            queue.enqueue_call(ENTRY, **_entry())
    except (RedisError, OSError) as error:
        log.warning("deliveries wait until Redis is back: %s", error)


def ring_later() -> None:
    """Have RQ's scheduler wake a worker when something is due next."""
    due_at = min(filter(None, (*_next_notices(), _next_delivery(), *_next_mails())), default=None)
    try:
        queue = django_rq.get_queue(QUEUE)
        scheduled = queue.scheduled_job_registry
        for name in scheduled.get_job_ids():
            scheduled.remove(name, delete_job=True)
        if due_at is not None:
            entry = _entry()
            entry["job_timeout"] = entry.pop("timeout")
            queue.enqueue_at(due_at, ENTRY, **entry)
    except (RedisError, OSError) as error:
        log.warning("nobody is woken for the next delivery, the reconciler will: %s", error)


def _next_delivery() -> datetime | None:
    found: datetime | None = Delivery.objects.filter(state=Delivery.State.PENDING).aggregate(at=Min("due_at"))["at"]
    return found


def _next_mails() -> tuple[datetime | None, datetime | None]:
    webhook: datetime | None = Webhook.objects.aggregate(at=Min("mail_at"))["at"]
    going: datetime | None = Departure.objects.mailed().aggregate(at=Min("mail_at"))["at"]
    return webhook, going


def _next_notices() -> tuple[datetime | None, datetime | None]:
    mail: datetime | None = Notice.objects.mailed().aggregate(at=Min("mail_at"))["at"]
    push: datetime | None = PushBrowser.objects.waiting().aggregate(at=Min("due_at"))["at"]
    return mail, push


def is_due() -> bool:
    """Whether a worker should be awake."""
    mails = (Notice.objects.mail_due(), Webhook.objects.mail_due(), Departure.objects.mail_due())
    return any(rows.exists() for rows in (Delivery.objects.due(), PushBrowser.objects.due(), *mails))


def _entry() -> dict[str, Any]:
    """Each entry has a name of its own, as those of jobs do (`line.ring`)."""
    name = f"{QUEUE}-{secrets.token_hex(8)}"
    return {"job_id": name, "timeout": -1, "result_ttl": 0, "failure_ttl": 3600, "description": "Whatever is due"}
