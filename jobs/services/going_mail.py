"""The letter that says what goes soon: due by the rows of what goes, sent by a worker of the queue `hooks`. The
reconciler itself asks no mail server: one that hangs would keep it from finding lost jobs.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from jobs import preferences
from jobs.models import Account, Departure
from jobs.services import letters, outbox

log = logging.getLogger(__name__)
PAUSE = timedelta(hours=1)
"""Between two tries; nobody else sends meanwhile what one worker has begun to, unless that has died. What goes does so
in a week at the soonest, and with it the tries end."""
MOST_TOLD = 100


def ask() -> None:
    """Have all told of that was announced since the last letters, where mail goes out."""
    if settings.EMAIL_URL and Departure.objects.filter(told_at=None, mail_at=None).update(mail_at=Now()):
        outbox.ring()


def due() -> list[int]:
    """The accounts that a letter is due to."""
    return list(Departure.objects.mail_due().order_by().values_list("owner", flat=True).distinct())


def send_due(owner: int) -> None:
    """Send an account one letter about all that is due, unless somebody else does."""
    pks = claim(owner)
    rows = Departure.objects.filter(pk__in=pks)
    news = list(rows.select_related("owner", "video", "run__video", "job__video"))
    if not news:
        return
    try:
        composed(news[0].owner, news).send()
    except OSError as error:
        log.warning("account %s is told later what goes: %s", owner, error)
        return
    rows.update(told_at=Now(), mail_at=None)


def claim(owner: int) -> list[UUID]:
    """The ids of what this letter tells of, which is put off before it is tried: who dies in the middle, or fails, is
    followed by another try."""
    with transaction.atomic():
        mine = Departure.objects.filter(owner=owner, told_at=None, mail_at__lte=Now()).select_for_update()
        pks = list(mine.values_list("pk", flat=True)[:MOST_TOLD])
        Departure.objects.filter(pk__in=pks).update(mail_at=Now() + PAUSE)
    return pks


def composed(owner: Account, news: list[Departure]) -> EmailMessage:
    count = f"{len(news)} things go" if len(news) > 1 else f"“{news[0]}” goes"
    subject = f"{count} soon, unless you use or keep {'them' if len(news) > 1 else 'it'}"
    facts = {"departures": news, "days": settings.TRASH_DAYS, "usage": reverse("account-usage")}
    with preferences.of(owner):
        return letters.written("going", subject, owner.email, facts)
