"""Webhooks that are switched off, by themselves or by somebody, and the mail that says so."""

from datetime import timedelta
from smtplib import SMTPServerDisconnected

import django_rq
import pytest
from django.utils import timezone
from rq.registry import ScheduledJobRegistry

from jobs.models import Delivery, Webhook
from jobs.services import outbox, reconcile, webhook_mail, webhooks
from tests.hooks.conftest import deliver, delivery_of
from tests.hooks.events import due_now, ended, rung

pytestmark = pytest.mark.django_db(transaction=True)
S = Delivery.State


def test_an_answer_410_switches_it_off(hook, receiver, ann):
    receiver.status = 410
    ended(ann)
    deliver()
    hook.refresh_from_db()
    assert not hook.is_active and "410" in hook.paused_reason
    assert delivery_of(hook).state == S.HELD
    ended(ann)
    assert hook.deliveries.count() == 1, "a paused webhook is told nothing new"


def test_a_week_of_failures_switches_it_off_with_a_mail(hook, receiver, ann, settings, mailoutbox):
    settings.EMAIL_URL = "smtp://mail.example.org"
    receiver.status = 500
    ended(ann)
    Webhook.objects.filter(pk=hook.pk).update(failing_since=timezone.now() - timedelta(days=6, hours=23))
    deliver()
    hook.refresh_from_db()
    assert hook.is_active and mailoutbox == []
    Webhook.objects.filter(pk=hook.pk).update(failing_since=timezone.now() - timedelta(days=7, minutes=1))
    due_now(delivery_of(hook))
    deliver()
    hook.refresh_from_db()
    assert not hook.is_active
    assert "failed for a week" in hook.paused_reason and "It answered 500." in hook.paused_reason
    (mail,) = mailoutbox
    assert mail.to == [ann.email] and hook.url in mail.body and "It answered 500." in mail.body
    assert "\n" not in mail.subject


@pytest.fixture
def switched_off(hook, settings) -> Webhook:
    settings.EMAIL_URL = "smtp://mail.example.org"
    webhooks.pause(hook, "It answered 410.")
    return hook


def mail_again(hook: Webhook) -> None:
    """Time for another try has come."""
    assert Webhook.objects.filter(pk=hook.pk, mail_at__gt=timezone.now()).update(mail_at=timezone.now())
    deliver()


@pytest.fixture
def mail_server(monkeypatch) -> list[str]:
    """Whom mails went to; while "away" is in it none goes."""
    sent: list[str] = []

    def send(self, message) -> None:
        if "away" in sent:
            raise SMTPServerDisconnected("Connection unexpectedly closed")
        sent.extend(message.to)

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", lambda s, all: send(s, *all))
    return sent


def test_the_mail_that_one_is_switched_off_waits_until_the_mail_server_is_back(switched_off, mail_server, ann):
    assert rung() == 1
    mail_server.append("away")
    deliver()
    django_rq.get_queue(outbox.QUEUE).empty()
    due_at = Webhook.objects.get().mail_at
    assert timedelta(minutes=9) < due_at - timezone.now() <= webhook_mail.PAUSE
    assert ScheduledJobRegistry(queue=django_rq.get_queue(outbox.QUEUE)).count == 1, "somebody is woken then"
    mail_server.clear()
    deliver()
    assert mail_server == [], "it is not tried before its time"
    mail_again(switched_off)
    assert mail_server == [ann.email] and Webhook.objects.get().mail_at is None


def test_the_mail_that_one_is_switched_off_is_given_up_after_some_tries(switched_off, mail_server):
    mail_server.append("away")
    deliver()
    for _ in range(webhook_mail.MOST_TRIES - 1):
        mail_again(switched_off)
    assert Webhook.objects.get().mail_at is None and Webhook.objects.get().mail_tries == webhook_mail.MOST_TRIES


def test_the_mail_of_a_worker_that_died_is_sent_by_the_next_one(switched_off, mail_server, ann):
    assert webhook_mail.claim(switched_off.pk) and webhook_mail.claim(switched_off.pk) is None
    mail_again(switched_off)
    assert mail_server == [ann.email]


def test_a_lost_wake_up_for_that_mail_is_repaired(switched_off):
    django_rq.get_queue(outbox.QUEUE).empty()
    reconcile.sweep()
    assert rung() == 1


def test_who_has_let_it_go_on_or_paused_it_is_told_nothing_by_mail(switched_off, mail_server):
    webhooks.resume(switched_off)
    webhooks.pause(switched_off)
    deliver()
    assert mail_server == []


def test_one_that_goes_on_is_told_what_was_held_back(hook, receiver, ann):
    ended(ann)
    webhooks.pause(hook)
    deliver()
    assert receiver.received == [] and delivery_of(hook).state == S.HELD
    assert webhooks.resume(hook) and not webhooks.resume(hook)
    deliver()
    assert receiver.kinds() == ["job.succeeded"]


def test_a_delivery_that_was_made_while_somebody_paused_is_held_back(hook, receiver, ann):
    ended(ann)
    Webhook.objects.filter(pk=hook.pk).update(paused_at=timezone.now())
    deliver()
    assert receiver.received == [] and delivery_of(hook).state == S.HELD


def test_a_secret_that_cannot_be_read_any_more_switches_it_off_and_says_why(hook, receiver, ann, settings):
    ended(ann)
    settings.SECRET_KEY = "another"
    deliver()
    hook.refresh_from_db()
    assert "SECRET_KEY has changed" in hook.paused_reason and receiver.received == []
    secret = webhooks.rotate(hook)
    webhooks.resume(hook)
    deliver()
    assert receiver.received[0].verified(secret)
