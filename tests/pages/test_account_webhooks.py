"""The page of webhooks, without scripts."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs import delivering
from jobs.models import Delivery, Webhook
from jobs.services import webhooks
from jobs.services.events import Kind
from tests import factories
from tests.accounts.entrance import PASSWORD, sign_in
from tests.api import ROOT, error
from tests.receivers import receiving

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/account/webhooks/"


@pytest.fixture
def ann(client):
    """Has signed in just now."""
    account = factories.account("ann@example.org")
    sign_in(client)
    return account


@pytest.fixture(autouse=True)
def private(settings) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    settings.WEBHOOK_PAUSES = (60,)


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def hook(ann, receiver) -> Webhook:
    return webhooks.create(ann, receiver.url, Kind.values)[0]


def text(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def press(client, name: str, pk: object) -> str:
    """The page that a button leads to, as it reads."""
    return text(client.post(reverse(name, args=[pk]), follow=True))


def new(client, url: str, key: str = "form", **fields):
    return client.post(f"{PAGE}new", {"url": url, "events": ["job.failed"], "key": key, **fields})


def test_without_any_it_says_what_they_are_for(client, ann):
    assert "None yet. A webhook is an address of yours" in text(client.get(PAGE))


def test_one_is_made_and_its_secret_shown_in_that_answer_alone(client, ann, receiver):
    made = new(client, receiver.url)
    secret = re.search(r'id="secret">([^<]+)<', made.content.decode())[1]
    assert secret.startswith("whsec_") and "no-store" in made.headers["Cache-Control"]
    webhook = Webhook.objects.get()
    assert (webhook.owner, webhook.url, webhook.events) == (ann, receiver.url, ["job.failed"])
    page = client.get(PAGE)
    assert secret not in page.content.decode() and "Not called yet" in text(page)
    again = new(client, receiver.url)
    assert again.status_code == 302 and Webhook.objects.count() == 1, "loading the answer again makes no second one"
    ann_tests = press(client, "webhook-test", webhook.pk)
    assert "A test is on its way" in ann_tests
    delivering.deliver_due()
    assert receiver.received[0].verified(secret)


def test_what_cannot_be_used_is_said_beside_the_field_and_stays_typed(client, ann):
    answer = new(client, "ftp://hooks.example.org/in")
    assert answer.status_code == 422
    assert "Only addresses that begin with https:// or http:// can be used." in text(answer)
    assert 'value="ftp://hooks.example.org/in"' in answer.content.decode()
    none = client.post(f"{PAGE}new", {"url": "https://hooks.example.org/", "key": "other"})
    assert none.status_code == 422 and not Webhook.objects.exists()


def test_it_is_changed(client, ann, hook, receiver):
    page = client.get(reverse("webhook", args=[hook.pk]))
    assert page.content.decode().count("checked") == len(Kind)
    answer = client.post(reverse("webhook", args=[hook.pk]), {"url": f"{receiver.url}2", "events": ["video.created"]})
    assert answer.headers["Location"] == f"{PAGE}?of={hook.pk}"
    hook.refresh_from_db()
    assert (hook.url, hook.events) == (f"{receiver.url}2", ["video.created"])


def test_deliveries_are_listed_shown_and_replayed(client, ann, hook, receiver):
    job = factories.job(ann)
    job.cancel()
    receiver.status, receiver.body = 500, b"<b>Out of order</b>"
    delivering.deliver_due()
    page = text(client.get(PAGE))
    assert "Failing" in page and "1 failure in a row since" in page
    assert "500 job.cancelled" in page and "1, next" in page
    delivery = Delivery.objects.get()
    opened = client.get(PAGE, {"show": delivery.pk}).content.decode()
    assert "&lt;b&gt;Out of order&lt;/b&gt;" in opened and str(delivery.event) in opened and str(job.pk) in opened
    receiver.status = 200
    assert "It is told again" in press(client, "delivery-replay", delivery.pk)
    delivering.deliver_due()
    page = text(client.get(PAGE))
    assert (
        "Healthy" in page and "200 job.cancelled" in page and "1 delivered in 30 days, 100 % at the first try" in page
    )


def test_what_arrived_and_is_told_again_is_not_shown_as_failed(client, ann, hook):
    factories.job(ann).cancel()
    assert "On its way" in text(client.get(PAGE))
    delivering.deliver_due()
    press(client, "delivery-replay", Delivery.objects.get().pk)
    page = client.get(PAGE).content.decode()
    assert re.search(r'class="chip succeeded"\s*>200<', page) and 'class="chip failed"' not in page
    assert "On its way" in page and "1, next" in text(client.get(PAGE))


def test_one_whose_failures_were_given_up_is_not_called_new_when_it_goes_on(client, ann, hook, receiver, settings):
    settings.WEBHOOK_PAUSES = ()
    receiver.status = 500
    factories.job(ann).cancel()
    delivering.deliver_due()
    press(client, "webhook-pause", hook.pk)
    press(client, "webhook-resume", hook.pk)
    page = text(client.get(PAGE))
    assert "Failing" in page and "Not called" not in page


def test_one_whose_deliveries_are_forgotten_is_not_called_new(client, ann, hook):
    assert "Not called yet" in text(client.get(PAGE))
    Webhook.objects.update(created_at=timezone.now() - timedelta(days=31))
    page = text(client.get(PAGE))
    assert "Not called in 30 days" in page and "Nothing has been told in the last 30 days." in page
    assert "yet" not in page


def test_the_failed_are_shown_alone_and_replayed_together(client, ann, hook, receiver):
    factories.job(ann).cancel()
    delivering.deliver_due()
    receiver.status = 500
    for _ in range(2):
        job = factories.job(ann)
        job.start("here")
        job.succeed(1)
    delivering.deliver_due()
    failed = text(client.get(PAGE, {"of": hook.pk, "state": "failed"}))
    assert failed.count("500 job.succeeded") == 2 and "200 job.cancelled" not in failed
    receiver.status = 200
    assert "2 deliveries are told again." in press(client, "webhook-replay", hook.pk)
    delivering.deliver_due()
    assert "Nothing has failed" in text(client.get(PAGE, {"of": hook.pk, "state": "failed"}))


def test_one_that_was_switched_off_says_why_and_goes_on(client, ann, hook, receiver):
    receiver.status = 410
    factories.job(ann).cancel()
    delivering.deliver_due()
    page = text(client.get(PAGE))
    assert "Paused" in page and "It answered 410: it wants no more." in page and "1 held back." in page
    assert "This webhook is paused." in press(client, "webhook-replay", hook.pk)
    assert "This webhook is paused." in press(client, "delivery-replay", Delivery.objects.get().pk)
    receiver.status = 200
    assert "It goes on" in press(client, "webhook-resume", hook.pk)
    delivering.deliver_due()
    assert "Healthy" in text(client.get(PAGE))
    assert "You paused it." in press(client, "webhook-pause", hook.pk)


def test_a_new_secret_is_asked_about_and_shown_once(client, ann, hook):
    address = reverse("webhook-secret", args=[hook.pk])
    question = client.get(address)
    assert "The present one signs along for 24 hours" in text(question)
    form = {"key": re.search(r'name="key" value="([^"]+)"', question.content.decode())[1]}
    answer = client.post(address, form)
    assert "whsec_" in text(answer) and "Until" in text(answer)
    made = Webhook.objects.get().secret
    again = client.post(address, form, follow=True)
    assert "The new secret is there already." in text(again) and "whsec_" not in text(again)
    assert Webhook.objects.get().secret == made != hook.secret, "loading the answer again makes no second one"
    assert "whsec_" in text(client.post(address, {"key": "another"}))
    assert Webhook.objects.get().secret != made


def test_it_is_deleted_after_a_question(client, ann, hook):
    address = reverse("webhook-delete", args=[hook.pk])
    assert hook.url in text(client.get(address)) and Webhook.objects.exists()
    assert "The webhook has been deleted." in text(client.post(address, follow=True))
    assert not Webhook.objects.exists()


def test_others_see_nothing_of_it(client, hook, eve):
    client.force_login(eve)
    assert hook.url not in client.get(PAGE, {"of": hook.pk}).content.decode()


def test_many_deliveries_are_read_in_pages_by_few_queries(client, ann, hook, django_assert_max_num_queries):
    Delivery.objects.bulk_create(
        Delivery(webhook=hook, event=hook.pk, kind="job.failed", created_at=hook.created_at, state="failed")
        for _ in range(60)
    )
    with django_assert_max_num_queries(16):
        page = client.get(PAGE, {"state": "failed", "page": 2})
    assert 1 < page.content.decode().count('aria-label="Replay job.failed"') <= 25
    assert "2 of 3" in text(page)


def test_an_old_session_makes_and_changes_none_and_sees_no_secret_before_the_password(ann, hook, receiver):
    late = Client()
    late.force_login(ann)
    api = f"{ROOT}/webhooks"
    secret, url = Webhook.objects.get().secret, {"url": f"{receiver.url}2"}
    for answer in (
        late.post(api, url, "application/json"),
        late.patch(f"{api}/{hook.pk}", url, "application/json"),
        late.post(f"{api}/{hook.pk}/secret"),
    ):
        assert error(answer) == (403, "reauthenticate")
    for answer in (
        new(late, url["url"]),
        late.post(f"{PAGE}{hook.pk}/", {**url, "events": ["job.failed"]}),
        late.post(f"{PAGE}{hook.pk}/secret/"),
    ):
        assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    left = Webhook.objects.get()
    assert (left.url, left.secret) == (receiver.url, secret)
    assert "whsec_" in late.post(answer.headers["Location"], {"password": PASSWORD}).content.decode()
