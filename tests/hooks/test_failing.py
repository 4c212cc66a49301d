"""What becomes of deliveries when those that are called fail, hang and come back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs import delivering
from jobs.models import Delivery
from jobs.services import deliveries
from tests import factories
from tests.hooks.conftest import deliver, delivery_of, hooked
from tests.hooks.events import due_now, ended
from tests.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
S = Delivery.State
PATIENT_SECONDS = 60


def test_what_failed_is_told_again_by_the_same_id_with_the_same_body_signed_anew(hook, receiver, settings, ann):
    settings.WEBHOOK_PAUSES = (1, 60)
    receiver.status, receiver.body = 500, b"x" * 5000
    ended(ann)
    deliver()
    delivery = delivery_of(hook)
    assert (delivery.state, len(delivery.last["answer"])) == (S.PENDING, 1024)
    receiver.status = 204
    receiver.body = b""
    time.sleep(max(0.0, (delivery.due_at - timezone.now()).total_seconds()) + 0.01)
    deliver()
    first, second = receiver.received
    assert (first.event, first.body) == (second.event, second.body)
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    second.verified(hook.told_secret)
    assert [one["status"] for one in delivery_of(hook).tries] == [500, 204]
    hook.refresh_from_db()
    assert (hook.failing_since, hook.failures) == (None, 0)


def test_pauses_grow_with_jitter_over_three_days_and_then_it_is_given_up(hook, receiver, ann, settings):
    receiver.status = 503
    ended(ann)
    waits = []
    while (delivery := delivery_of(hook)).state == S.PENDING:
        due_now(delivery)
        deliver()
        delivery.refresh_from_db()
        if delivery.due_at:
            waits.append((delivery.due_at - timezone.now()).total_seconds())
    for wait, pause in zip(waits, settings.WEBHOOK_PAUSES, strict=True):
        assert pause - 2 < wait <= pause * (1 + deliveries.JITTER)
    assert 3 * 86_400 < sum(waits) < 4 * 86_400
    assert (delivery.state, len(delivery.tries), len(receiver.received)) == (S.FAILED, 10, 10)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [("120", 119, 145), ("999999999", 86_399, 86_400 * 1.2 + 1), ("soon", 0, 7), ("-5", 0, 7), ("1", 0, 7)],
)
def test_retry_after_is_honoured_within_bounds(hook, receiver, ann, asked, least, most):
    receiver.status, receiver.headers = 429, {"Retry-After": asked}
    ended(ann)
    deliver()
    assert least <= (delivery_of(hook).due_at - timezone.now()).total_seconds() <= most


def test_retry_after_may_be_a_date():
    later = (datetime.now(UTC) + timedelta(seconds=100)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert 97 < delivering.retry_after(later) <= 100
    assert delivering.retry_after("Mon, 01 Jan 2001 00:00:00 GMT") == 0


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Jan 2001 00:00:00 +99999999999999999",
        "Mon, 01 Jan 2001 00:00:00 -2400",
        "Fri, 31 Dec 9999 23:59:59 -9999",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
    ],
)
def test_a_date_that_nobody_can_read_asks_for_nothing(value):
    assert delivering.retry_after(value) == 0


def test_no_answer_keeps_a_delivery_from_being_written_down(hook, receiver, ann):
    receiver.status, receiver.headers = 503, {"Retry-After": "Mon, 01 Jan 2001 00:00:00 +99999999999999999"}
    ended(ann)
    deliver()
    delivery = delivery_of(hook)
    assert (delivery.attempt, delivery.last["status"]) == (1, 503)


def test_a_fault_of_the_site_is_a_try_that_failed_and_is_logged(hook, receiver, ann, monkeypatch, caplog, settings):
    settings.WEBHOOK_PAUSES = (60,)
    ended(ann)
    with monkeypatch.context() as broken:
        broken.setattr(delivering.event_data, "of", lambda kind, subject: 1 // 0)
        deliver()
    delivery = delivery_of(hook)
    assert (delivery.state, delivery.attempt, delivery.last["status"]) == (S.PENDING, 1, None)
    assert "This site made a mistake" in delivery.last["error"] and "ZeroDivisionError" in caplog.text
    hook.refresh_from_db()
    assert hook.failures == 1
    due_now(delivery)
    deliver()
    assert delivery_of(hook).state == S.DELIVERED and receiver.kinds() == ["job.succeeded"]


def test_redirects_are_not_followed(hook, receive, receiver, ann):
    other = receive()
    receiver.status, receiver.headers = 307, {"Location": other.url}
    ended(ann)
    deliver()
    assert other.received == []
    assert "leads on to another address" in delivery_of(hook).last["error"]


def test_a_try_takes_no_longer_than_it_may_however_the_answer_drips(hook, receiver, ann):
    receiver.seconds = 30
    ended(ann)
    begun = time.monotonic()
    deliver()
    assert time.monotonic() - begun < 5
    last = delivery_of(hook).last
    assert (last["status"] is None and "longer than 1 s" in last["error"]) or "does not answer" in last["error"]


def deliver_while_one_hangs(slow, told) -> None:
    """It answers once the others were told: in its first try only if none of them has waited for the end of that."""

    def let_go() -> None:
        wait_for(told, "the others to be told", PATIENT_SECONDS - 10)
        slow.stopped.set()

    with ThreadPoolExecutor(1) as pool:
        released = pool.submit(let_go)
        deliver()
        released.result()


def test_one_that_hangs_holds_up_nobody_else(receive, ann, settings):
    settings.WEBHOOK_TIMEOUT_SECONDS = PATIENT_SECONDS
    slow, quick = receive(seconds=PATIENT_SECONDS), receive()
    hanging = hooked(ann, slow)
    hooked(ann, quick)
    for _ in range(3):
        ended(ann)
    deliver_while_one_hangs(slow, lambda: len(quick.received) == 3)
    assert [one["status"] for delivery in hanging.deliveries.all() for one in delivery.tries] == [200] * 3


def test_what_comes_while_one_hangs_is_not_kept_waiting(receive, ann, settings):
    settings.WEBHOOK_TIMEOUT_SECONDS = PATIENT_SECONDS
    slow, quick = receive(seconds=PATIENT_SECONDS), receive()
    hanging = hooked(ann, slow, "job.succeeded")
    hooked(ann, quick, "job.cancelled")
    ended(ann)

    def later() -> None:
        wait_for(lambda: slow.received, "the one that hangs to be asked")
        factories.job(ann).cancel()
        connection.close()

    thread = threading.Thread(target=later)
    thread.start()
    deliver_while_one_hangs(slow, lambda: quick.received)
    thread.join()
    assert [one["status"] for one in delivery_of(hanging).tries] == [200]
