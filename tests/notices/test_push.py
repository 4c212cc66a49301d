"""Notices by a browser's own service: encrypted, signed, told once."""

import jwt
import pytest

from jobs.errors import InputError
from jobs.models import Install, Notice, PushBrowser
from jobs.services import notices, push
from tests import factories
from tests.notices.conftest import add, ended, push_again, push_all, signed_in

pytestmark = pytest.mark.django_db


def test_a_browser_is_told_encrypted_and_signed(ann, browser, service):
    job = ended(ann, error="The file is empty.")
    push_all()
    headers, told = service.read()
    assert told["title"] == "Thumbnails: Weekly review failed"
    assert (told["body"], told["path"]) == ("The file is empty.", f"/jobs/{job.pk}/")
    token = headers["authorization"].split("t=")[1].split(",")[0]
    public = push.key().public_key
    claims = jwt.decode(token, public, algorithms=["ES256"], audience=service.endpoint.removesuffix("/push/abc"))
    assert claims["sub"].startswith(("mailto:", "https:"))
    assert headers["ttl"] == "86400"
    push_all()
    assert len(service.heard) == 1, "each is told once"
    browser.refresh_from_db()
    assert browser.used_at


def test_many_at_once_are_told_as_a_number(ann, browser, service):
    for _ in range(4):
        ended(ann)
    push_all()
    assert len(service.heard) == 1
    assert service.read()[1]["title"] == "4 done"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(ann, browser, service, status):
    service.status = status
    ended(ann)
    push_all()
    assert not PushBrowser.objects.exists()


def test_what_the_service_did_not_take_is_tried_again_and_told_once(ann, browser, service):
    service.status = 503
    ended(ann)
    push_all()
    assert push.due() == [], "it waits a while"
    ended(ann)
    assert push.due() == [], "whatever ends meanwhile"
    service.status = 201
    push_again()
    push_again()
    assert len(service.heard) == 3
    assert {service.read(place)[1]["tag"] for place in (1, 2)} == {
        notices.tag_of(pk) for pk in Notice.objects.filter(push_at__isnull=False).values_list("pk", flat=True)
    }
    browser.refresh_from_db()
    assert (browser.failures, browser.tries, browser.due_at) == (0, 0, None)


def test_what_a_killed_worker_had_begun_is_told_when_its_lease_is_over(ann, browser, service):
    ended(ann)
    assert push.claim(browser.pk)
    assert push.claim(browser.pk) is None
    push_all()
    assert service.heard == []
    push_again()
    assert len(service.heard) == 1


def test_what_ends_while_a_browser_is_told_is_told_next(ann, browser, service, monkeypatch):
    ended(ann)
    send = push.send

    def meanwhile(*args):
        monkeypatch.setattr(push, "send", send)
        ended(ann)
        return send(*args)

    monkeypatch.setattr(push, "send", meanwhile)
    push_all()
    assert len(service.heard) == 1
    push_all()
    assert len(service.heard) == 2


def test_a_service_that_refuses_for_long_is_given_up(ann, browser, service):
    service.status = 403
    for number in range(push.MOST_FAILURES - 1):
        ended(ann)
        push_all()
        assert PushBrowser.objects.get().failures == number + 1
    ended(ann)
    push_all()
    assert not PushBrowser.objects.exists()


def test_an_outage_of_our_own_network_is_no_fault_of_a_browser(ann, browser, service):
    service.server.server_close()
    for _ in range(push.MOST_FAILURES + 1):
        ended(ann)
        for _ in range(len(push.PAUSES) + 1):
            push_again()
    browser.refresh_from_db()
    assert (browser.failures, browser.tries, browser.due_at) == (0, 0, None)


@pytest.mark.parametrize(
    ("status", "said"),
    [(201, "taken"), (410, "gone"), (503, "refused"), (None, "unreached")],
)
def test_a_test_is_sent_by_the_worker_and_the_page_says_what_came_of_it(ann, browser, service, status, said):
    client = signed_in(ann)
    if status is None:
        service.server.server_close()
    service.status = status
    client.post("/account/notices/try/", {"browser": browser.pk})
    assert service.heard == []
    assert "A test is on its way" in client.get("/account/notices/").content.decode()
    push_all()
    browser.refresh_from_db()
    assert (browser.test, browser.due_at) == (said, None)
    assert browser.get_test_display() in client.get("/account/notices/").content.decode()


def test_private_addresses_are_not_asked(ann, browser, service, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    ended(ann)
    push_all()
    assert service.heard == []


def test_the_key_stays_and_is_sealed_and_another_secret_key_starts_anew(browser, settings):
    before = push.public_key()
    assert push.public_key() == before
    assert "PRIVATE" not in Install.get().push_key
    settings.SECRET_KEY = "another one"
    assert push.public_key() != before
    assert not PushBrowser.objects.exists(), "they wait for words signed with the old key"


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "ftp://example.org/"},
        {"endpoint": "https://example.org/" + "x" * 2000},
        {"keys": {"p256dh": "short", "auth": "0123456789abcdef0"}},
        {"keys": None},
        {"endpoint": None},
    ],
)
def test_what_is_no_subscription_is_refused(ann, service, change):
    with pytest.raises(InputError):
        push.add(ann, {**service.subscription, **change}, "x", "session")


def test_the_same_browser_is_one_row_and_goes_over_to_who_signs_in_there(ann, browser, service):
    eve = factories.account("eve@example.org")
    again = add(eve, service)
    assert (again.pk, PushBrowser.objects.get().owner) == (browser.pk, eve)
