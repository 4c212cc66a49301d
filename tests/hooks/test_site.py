"""The whole way on a real site: a job ends, a worker calls, and what dies or is lost in between is made good."""

import signal
from collections.abc import Callable, Iterator

import pytest

from jobs.models import Webhook
from jobs.services import webhooks
from jobs.services.events import Kind
from tests import factories
from tests.processes import children, wait_for
from tests.receivers import Receiver, receiving
from tests.site import Site

PAUSE_SECONDS = 2


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def webhook(site: Site, receiver: Receiver) -> tuple[Webhook, str]:
    ann = site.account("ann@example.org")
    with site.orm():
        return webhooks.create(ann, receiver.url, Kind.values)


def test_a_receiver_that_fails_hangs_and_comes_back_gets_everything(
    make_site: Callable[..., Site], receiver: Receiver, settings
):
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    # The reconciler looks too seldom to help: what is told again is told because RQ's scheduler woke somebody.
    site = make_site(
        WEBHOOK_PRIVATE_ADDRESSES="1",
        WEBHOOK_PAUSES=",".join([str(PAUSE_SECONDS)] * 9),
        WEBHOOK_TIMEOUT_SECONDS="1",
        RECONCILE_SECONDS="600",
    )
    hook, secret = webhook(site, receiver)
    ann = site.client("ann@example.org")

    receiver.status = 500
    with site.orm():
        job = factories.job(site.account("ann@example.org"), status="waiting")
    ann.post(f"/api/v1/jobs/{job.pk}/cancel").raise_for_status()
    wait_for(lambda: receiver.received, f"the first try\n{site.said()}", 20)
    receiver.seconds = 30
    wait_for(lambda: len(receiver.received) == 2, f"the scheduler to wake the worker\n{site.said()}", 20)
    receiver.seconds, receiver.status = 0, 200

    def delivered() -> bool:
        with site.orm():
            return hook.deliveries.get().state == "delivered"

    wait_for(delivered, f"the delivery\n{site.said()}", 20)
    first, *others = receiver.received
    assert {(one.event, one.body) for one in others} == {(first.event, first.body)}
    assert receiver.received[-1].verified(secret)["data"] == ann.get(f"/api/v1/jobs/{job.pk}").json()
    with site.orm():
        tries = hook.deliveries.get().tries
    assert [one["status"] for one in tries] == [500, None, 200]
    assert site.client().get("/status").json()["queues"]["hooks"]["workers"] == 1


def test_what_a_killed_worker_was_telling_is_told_by_the_next_one(
    make_site: Callable[..., Site], receiver: Receiver, settings
):
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    site = make_site(WEBHOOK_PRIVATE_ADDRESSES="1", WEBHOOK_TIMEOUT_SECONDS="1", RECONCILE_SECONDS="1")
    hook, secret = webhook(site, receiver)
    (fast,) = site.workers("fast")
    before = children(fast.pid)

    receiver.seconds = 30
    with site.orm():
        job = factories.job(site.account("ann@example.org"), status="waiting")
    site.client("ann@example.org").post(f"/api/v1/jobs/{job.pk}/cancel").raise_for_status()
    wait_for(lambda: receiver.received, f"the first try\n{site.said()}", 20)
    site.kill(fast, signal.SIGKILL)
    wait_for(lambda: not any(map(children, before)), "the work-horse and the scheduler to die with it", 10)
    receiver.seconds = 0
    site.mend()
    wait_for(lambda: len(receiver.received) == 2, f"another try\n{site.said()}", 30)
    first, second = receiver.received
    assert (first.event, second.verified(secret)["data"]["status"]) == (second.event, "cancelled")
    wait_for(lambda: not due(site, hook), "the end", 10)


def due(site: Site, hook: Webhook) -> bool:
    with site.orm():
        return hook.deliveries.filter(state="pending").exists()
