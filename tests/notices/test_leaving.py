"""Who has signed out or is switched off is told nothing."""

import pytest
from django.core import mail

from jobs.auth import sessions
from jobs.models import Delivery, Job, Notice, PushBrowser, Webhook
from jobs.services import notice_mail, outbox, push
from tests.notices.conftest import add, choose, ended, make_due, push_all, signed_in

pytestmark = pytest.mark.django_db
K, C, S = Notice.Kind, Notice.Channel, Job.Status


def sign_out(client, owner):
    client.post("/accounts/logout/")


def sign_out_everywhere(client, owner):
    sessions.end(sessions.of(owner))


def switch_off(client, owner):
    owner.is_active = False
    owner.save()


@pytest.mark.parametrize("leave", [sign_out, sign_out_everywhere, switch_off])
def test_a_browser_goes_with_the_session_it_belongs_to(ann, service, leave):
    client = signed_in(ann)
    add(ann, service, client)
    leave(client, ann)
    assert not PushBrowser.objects.exists()


def test_a_browser_whose_session_is_over_is_not_told(ann, service):
    client = signed_in(ann)
    choose(ann, (K.DONE, C.PUSH))
    add(ann, service, client)
    client.session.delete()
    ended(ann)
    push_all()
    assert service.heard == []
    assert not PushBrowser.objects.exists()


def test_another_session_that_ends_does_not_matter(ann, browser, service):
    sign_out(signed_in(ann), ann)
    assert PushBrowser.objects.get() == browser


def test_an_account_that_is_switched_off_is_told_nothing(ann, browser, service):
    choose(ann, (K.DONE, C.PUSH), (K.DONE, C.EMAIL))
    Webhook.objects.create(owner=ann, url="https://hooks.example.org/", events=["job.succeeded"])
    ended(ann)
    make_due()
    type(ann).objects.filter(pk=ann.pk).update(is_active=False)
    Delivery.objects.all().delete()
    assert not outbox.is_due()
    assert outbox._next_notices() == (None, None), "nobody is woken for it again and again"
    ended(ann)
    notice_mail.send_due(ann.pk)
    push.send_due(browser.pk)
    assert (mail.outbox, service.heard) == ([], [])
    assert not Delivery.objects.exists()
