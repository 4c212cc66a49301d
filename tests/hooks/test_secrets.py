"""What webhooks are signed with, and the addresses that they may lead to."""

from datetime import timedelta

import pytest
from django.utils import timezone
from standardwebhooks import WebhookVerificationError

from jobs.errors import InputError
from jobs.models import Webhook
from jobs.services import webhooks
from tests.hooks.conftest import deliver, delivery_of
from tests.hooks.events import ended

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/", "http://10.0.0.1/", "http://169.254.169.254/", "http://localhost/", "ftp://a.example/"],
)
def test_addresses_of_the_inside_are_refused_when_they_are_typed(ann, settings, url):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    with pytest.raises(InputError):
        webhooks.create(ann, url, ["job.failed"])


def test_an_address_that_leads_inside_by_now_is_not_asked(hook, receiver, ann, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    ended(ann)
    deliver()
    assert receiver.received == []
    assert "not on the public internet" in delivery_of(hook).last["error"]


def test_the_secret_is_not_in_the_database(hook):
    row = Webhook.objects.get(pk=hook.pk)
    assert hook.told_secret.startswith("whsec_")
    assert hook.told_secret not in row.secret and hook.told_secret.removeprefix("whsec_") not in row.secret


def test_an_old_secret_signs_along_for_a_day(hook, receiver, ann):
    new = webhooks.rotate(hook)
    ended(ann)
    deliver()
    for secret in (hook.told_secret, new):
        assert receiver.received[0].verified(secret)
    Webhook.objects.filter(pk=hook.pk).update(old_secret_until=timezone.now() - timedelta(seconds=1))
    ended(ann)
    deliver()
    assert receiver.received[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verified(hook.told_secret)


def test_all_secrets_of_a_day_sign_along_as_nobody_knows_which_is_in_use(hook, receiver, ann):
    secrets = [hook.told_secret, webhooks.rotate(hook), webhooks.rotate(hook)]
    ended(ann)
    deliver()
    for secret in secrets:
        assert receiver.received[0].verified(secret)
    for _ in range(10):
        newest = webhooks.rotate(hook)
    ended(ann)
    deliver()
    assert receiver.received[1].verified(newest)
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1 + webhooks.MOST_ALONG


def test_a_secret_that_signs_no_more_does_not_come_back_with_the_next_change(hook, receiver, ann):
    second = webhooks.rotate(hook)
    Webhook.objects.filter(pk=hook.pk).update(old_secret_until=timezone.now() - timedelta(seconds=1))
    third = webhooks.rotate(hook)
    ended(ann)
    deliver()
    for secret in (second, third):
        assert receiver.received[0].verified(secret)
    with pytest.raises(WebhookVerificationError):
        receiver.received[0].verified(hook.told_secret)
