"""Webhooks by the API."""

import pytest

from jobs import delivering
from jobs.models import Delivery, Webhook
from jobs.services import webhooks
from jobs.services.events import Kind
from tests import factories
from tests.api import Api, error
from tests.receivers import receiving

pytestmark = pytest.mark.django_db(transaction=True)
MISSING = "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"


@pytest.fixture(autouse=True)
def private(settings) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True


@pytest.fixture
def ann() -> Api:
    return Api(factories.account())


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def made(ann, receiver) -> dict:
    return ann.post("/webhooks", {"url": receiver.url, "events": ["job.cancelled"]}).json()


def test_a_webhook_is_made_with_a_secret_that_is_told_once(ann, receiver):
    answer = ann.post("/webhooks", {"url": receiver.url})
    body = answer.json()
    assert answer.status_code == 201 and answer.headers["Cache-Control"] == "no-store"
    assert body["secret"].startswith("whsec_") and body["active"]
    assert body["events"] == Kind.values, "all when none is named"
    shown = ann.get(f"/webhooks/{body['id']}").json()
    assert shown == {name: value for name, value in body.items() if name != "secret"}
    assert ann.get("/webhooks").json() == {"items": [shown], "count": 1}
    assert ann.client.get(answer.headers["Location"]).json() == shown


def test_the_whole_way(ann, made, receiver):
    job = factories.job(factories.account())
    ann.post(f"/jobs/{job.pk}/cancel")
    delivering.deliver_due()
    assert receiver.received[0].verified(made["secret"])["data"] == ann.get(f"/jobs/{job.pk}").json()
    (delivery,) = ann.get(f"/webhooks/{made['id']}/deliveries").json()["items"]
    assert (delivery["type"], delivery["state"], delivery["event"]) == (
        "job.cancelled",
        "delivered",
        receiver.received[0].event,
    )
    assert delivery["body"] == receiver.received[0].json
    assert (delivery["tries"][0]["status"], delivery["tries"][0]["answer"]) == (200, "ok")
    assert ann.post(f"/deliveries/{delivery['id']}/replay").json()["state"] == "pending"
    delivering.deliver_due()
    assert receiver.received[1].event == receiver.received[0].event
    assert len(ann.get(f"/deliveries/{delivery['id']}").json()["tries"]) == 2


def test_what_failed_is_listed_by_its_state_and_replayed_together(ann, made, receiver, settings):
    settings.WEBHOOK_PAUSES = ()
    receiver.status = 500
    for _ in range(2):
        factories.job(factories.account()).cancel()
    delivering.deliver_due()
    listed = f"/webhooks/{made['id']}/deliveries"
    assert ann.get(listed, state="failed").json()["count"] == 2
    assert ann.get(listed, state="delivered", limit=1).json() == {"items": [], "count": 0}
    receiver.status = 200
    assert ann.post(f"/webhooks/{made['id']}/replay").json() == {"deliveries": 2}
    delivering.deliver_due()
    assert ann.get(listed, state="delivered", limit=1).json()["count"] == 2


def test_a_test_says_what_came_of_it(ann, made, receiver):
    answer = ann.post(f"/webhooks/{made['id']}/test")
    assert (answer.status_code, answer.json()["type"], answer.json()["body"]) == (201, "webhook.test", None)
    delivering.deliver_due()
    assert ann.client.get(answer.headers["Location"]).json()["state"] == "delivered"
    assert receiver.received[0].verified(made["secret"])["type"] == "webhook.test"


def test_it_is_changed_paused_and_let_go_on(ann, made, receiver):
    path = f"/webhooks/{made['id']}"
    assert ann.patch(path, {"events": ["job.failed", "job.failed"]}).json()["events"] == ["job.failed"]
    paused = ann.patch(path, {"active": False}).json()
    assert not paused["active"] and paused["paused_at"] and paused["paused_reason"] == ""
    assert error(ann.post(f"{path}/replay")) == (409, "paused")
    assert ann.patch(path, {"active": True, "url": f"{receiver.url}2"}).json()["url"] == f"{receiver.url}2"
    assert ann.get(path).json()["active"]


def test_a_new_secret_is_told_once_and_the_old_one_signs_along(ann, made, receiver):
    answer = ann.post(f"/webhooks/{made['id']}/secret", None, **{"Idempotency-Key": "rotate"})
    again = ann.post(f"/webhooks/{made['id']}/secret", None, **{"Idempotency-Key": "rotate"})
    assert answer.json()["secret"] == again.json()["secret"] != made["secret"]
    assert answer.json()["old_secret_until"]
    ann.post(f"/webhooks/{made['id']}/test")
    delivering.deliver_due()
    for secret in (made["secret"], answer.json()["secret"]):
        assert receiver.received[0].verified(secret)


def test_a_deleted_one_is_told_nothing_more(ann, made, receiver):
    factories.job(factories.account()).cancel()
    assert ann.delete(f"/webhooks/{made['id']}").json()["id"] == made["id"]
    delivering.deliver_due()
    assert receiver.received == [] and not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"url": "nonsense"}, "address"),
        ({"url": "ftp://example.org/"}, "address"),
        ({"url": f"https://93.184.216.34/{'é' * 1900}"}, "address"),
        ({"url": "https://user:secret@example.org/"}, "address"),
        ({"url": "https://example.org/", "events": []}, "invalid"),
        ({"url": "https://example.org/", "events": ["job.exploded"]}, "invalid"),
        ({"url": "https://example.org/", "secret": "mine"}, "invalid"),
        ({"url": "http://169.254.169.254/latest"}, "address"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(ann, body, code):
    assert error(ann.post("/webhooks", body)) == (422, code)
    assert not Webhook.objects.exists()


def test_addresses_of_the_inside_are_refused_unless_they_are_allowed(ann, receiver, made, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    assert error(ann.post("/webhooks", {"url": receiver.url})) == (422, "address")
    assert error(ann.patch(f"/webhooks/{made['id']}", {"url": f"{receiver.url}2"})) == (422, "address")


def test_there_is_a_limit(ann, receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 1)
    assert ann.post("/webhooks", {"url": receiver.url}).status_code == 201
    assert error(ann.post("/webhooks", {"url": receiver.url})) == (422, "too_many")


def test_others_find_nothing(made, ann):
    factories.job(factories.account()).cancel()
    delivery = Delivery.objects.get()
    bob = Api(factories.account("bob@example.org"))
    for pk in (made["id"], MISSING):
        answers = [
            bob.get(f"/webhooks/{pk}"),
            bob.patch(f"/webhooks/{pk}", {"active": False}),
            bob.delete(f"/webhooks/{pk}"),
            *(bob.post(f"/webhooks/{pk}/{verb}") for verb in ("secret", "test", "replay")),
            bob.get(f"/webhooks/{pk}/deliveries"),
        ]
        assert {error(answer) for answer in answers} == {(404, "not_found")}
    for pk in (delivery.pk, MISSING):
        assert {error(bob.get(f"/deliveries/{pk}")), error(bob.post(f"/deliveries/{pk}/replay"))} == {
            (404, "not_found")
        }
    assert bob.get("/webhooks").json() == {"items": [], "count": 0}
    assert Webhook.objects.get().is_active


def test_a_token_that_only_works_may_look_and_change_nothing(made):
    narrow = Api(factories.account(), scope="work")
    assert narrow.get("/webhooks").status_code == 200
    assert error(narrow.post("/webhooks", {"url": "https://example.org/"})) == (403, "scope")
    assert error(narrow.post(f"/webhooks/{made['id']}/secret")) == (403, "scope")
