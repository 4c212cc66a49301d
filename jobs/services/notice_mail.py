"""Notices by email: one for all that ended within a short while."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse

from jobs.models import Account, Notice
from jobs.services import notices

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=5)
"""Nobody else sends what one worker has begun to, unless that has died."""
MOST_TRIES = 6
PAUSE = timedelta(minutes=10)
MOST_TOLD = 50
"""Pieces of work that one mail names; of the others it tells the number."""


def due() -> list[int]:
    """The accounts that a mail is due to."""
    return list(Notice.objects.mail_due().order_by().values_list("owner", flat=True).distinct())


def send_due(owner: int) -> None:
    """Send an account one mail with all that is to be told by mail, also what is not due yet."""
    rows = claim(owner)
    if not rows:
        return
    mine = Notice.objects.filter(pk__in=[row.pk for row in rows])
    try:
        if message := composed(rows):
            message.send()
    except OSError as error:
        log.warning("the mail to account %s is tried again later: %s", owner, error)
        mine.filter(mail_tries__gte=MOST_TRIES).update(mail_at=None)
        mine.filter(mail_at__isnull=False).update(mail_at=Now() + PAUSE)
        return
    mine.update(mail_at=None)


def claim(owner: int) -> list[Notice]:
    """The notices that this mail will hold, held for a while against others that send."""
    with transaction.atomic():
        Account.objects.select_for_update().filter(pk=owner).first()
        if not Notice.objects.mail_due().filter(owner=owner).exists():
            return []
        waiting = Notice.objects.filter(owner=owner, mail_at__isnull=False)
        found = list(waiting.select_related("owner", "job__video", "run__video").order_by("pk"))
        waiting.update(mail_at=Now() + LEASE, mail_tries=F("mail_tries") + 1)
    return found


def composed(rows: list[Notice]) -> EmailMessage | None:
    """None when nothing of it is there any more."""
    found = [words for row in rows if row.kind != Notice.Kind.ALL_DONE and (words := notices.told(row))]
    all_done = any(row.kind == Notice.Kind.ALL_DONE for row in rows)
    if not found and not all_done:
        return None
    total = notices.sum_of([row.kind for row in rows])
    subject = found[0].title if len(found) == 1 else total.title
    shown = {
        "found": found[:MOST_TOLD],
        "others": len(found[MOST_TOLD:]),
        "all_done": all_done,
        "site": settings.SITE_URL,
        "queue": reverse("queue"),
        "choices": reverse("account-notices"),
    }
    body = render_to_string("me/notices/mail.txt", shown).strip() + "\n"
    unsubscribe = {"List-Unsubscribe": f"<{settings.SITE_URL}{shown['choices']}>"}
    return EmailMessage(" ".join(subject.split())[:200], body, None, [rows[0].owner.email], headers=unsubscribe)
