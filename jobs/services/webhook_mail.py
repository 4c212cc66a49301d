"""The mail that the site has switched a webhook off: due by its row, sent by a worker of the queue `hooks`."""

import logging
from datetime import timedelta
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from jobs.models import Delivery, Webhook
from jobs.services import letters

log = logging.getLogger(__name__)
MOST_TRIES = 6
PAUSE = timedelta(minutes=10)
"""Between two tries; nobody else sends meanwhile what one worker has begun to, unless that has died."""


def due() -> list[UUID]:
    """The webhooks that a mail is due of."""
    return list(Webhook.objects.mail_due().order_by("mail_at").values_list("pk", flat=True))


def send_due(pk: UUID) -> None:
    """Tell the owner, unless somebody else does, or the webhook goes on by now."""
    webhook = claim(pk)
    if webhook is None:
        return
    try:
        composed(webhook).send()
    except OSError as error:
        log.warning("the owner of webhook %s is told later that it is switched off: %s", pk, error)
        return
    # Only after this try: it may have gone on meanwhile, and been switched off anew.
    Webhook.objects.filter(pk=pk, mail_tries=webhook.mail_tries).update(mail_at=None)


def claim(pk: UUID) -> Webhook | None:
    """The webhook, whose mail is put off before it is tried: who dies in the middle, or fails, is followed by another
    try until there were enough."""
    with transaction.atomic():
        webhook = Webhook.objects.mail_due().select_for_update().filter(pk=pk).first()
        if webhook is None:
            return None
        webhook.mail_tries += 1
        put_off = Now() + PAUSE if webhook.mail_tries < MOST_TRIES else None
        Webhook.objects.filter(pk=pk).update(mail_at=put_off, mail_tries=webhook.mail_tries)
    return webhook


def composed(webhook: Webhook) -> EmailMessage:
    waiting = webhook.deliveries.filter(state=Delivery.State.HELD).count()
    facts = {"webhook": webhook, "waiting": waiting, "webhooks": reverse("account-webhooks")}
    return letters.written("webhook_paused", "A webhook has been switched off", webhook.owner.email, facts)
