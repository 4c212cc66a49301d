"""Notices by email: one for all that ended within a short while."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse

from jobs.models import Account, Notice, NoticeTurn
from jobs.models.notice import NoticeQuerySet
from jobs.services import letters, notices

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
    """Send an account one mail with all that is to be told by mail, also what is not due yet for the first time."""
    if (mine := claim(owner)) is None:
        return
    try:
        if message := composed(Account.objects.get(pk=owner), mine):
            message.send()
    except OSError as error:
        log.warning("the mail to account %s is tried again later: %s", owner, error)
        mine.filter(mail_tries__gte=MOST_TRIES).update(mail_at=None)
        mine.update(mail_at=Now() + PAUSE)
        return
    mine.update(mail_at=None)


def claim(owner: int) -> NoticeQuerySet | None:
    """The notices that this mail will hold, held for a while against others that send; None when none is due.

    What somebody sends right now, or has failed to and will try again later, is left to that.
    """
    with transaction.atomic():
        NoticeTurn.hold(owner)
        mine = Notice.objects.filter(owner=owner)
        if not mine.mail_due().exists():
            return None
        until = _now() + LEASE
        ready = mine.filter(Q(mail_at__isnull=False, mail_tries=0) | Q(mail_at__lte=Now()))
        ready.update(mail_at=until, mail_tries=F("mail_tries") + 1)
    return mine.filter(mail_at=until)  # a time to the microsecond, taken in turn: nobody else has the same


def _now() -> datetime:
    """By the clock of the database."""
    return Account.objects.annotate(now=Now()).values_list("now", flat=True)[0]


def composed(owner: Account, mine: NoticeQuerySet) -> EmailMessage | None:
    """None when nothing of it is there any more."""
    kinds = notices.kinds_of(mine)
    if not kinds:
        return None
    work = mine.exclude(kind=Notice.Kind.ALL_DONE).present()
    found = [words for row in work.with_subjects().order_by("pk")[:MOST_TOLD] if (words := notices.told(row))]
    all_done = Notice.Kind.ALL_DONE in kinds
    others = sum(kind != Notice.Kind.ALL_DONE for kind in kinds) - len(found)
    total = notices.sum_of(kinds)
    subject = found[0].title if len(found) == 1 else total.title
    shown = {
        "found": found,
        "others": max(others, 0),
        "are_more": len(kinds) > notices.COUNTED,
        "all_done": all_done,
        "queue": reverse("queue"),
        "choices": reverse("account-notices"),
    }
    unsubscribe = {"List-Unsubscribe": f"<{settings.SITE_URL}{shown['choices']}>"}
    return letters.written("notices", subject, owner.email, shown, unsubscribe)
