"""The whole way on a real site: a recording comes, a job ends, a worker calls; what dies in between is made good."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import media
from tests.processes import alive, children, wait_for
from tests.receivers import Receiver, receiving
from tests.site import Client, Site

PAUSE_SECONDS = 2
API = "/api/v1"
ANN = "ann@example.org"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def made(client: Client, receiver: Receiver, *kinds: str) -> dict[str, Any]:
    answer = client.post(f"{API}/webhooks", json={"url": receiver.url, "events": list(kinds)})
    answer.raise_for_status()
    return answer.json()


def uploaded(client: Client, folder: Path) -> str:
    with media.video(folder / "talk.mp4", seconds=2).open("rb") as file:
        answer = client.post(f"{API}/videos", files={"file": file}, params={"duplicate": "allow"})
    answer.raise_for_status()
    return answer.json()["id"]


def deliveries(client: Client, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    return client.get(f"{API}/webhooks/{webhook['id']}/deliveries").json()["items"]


def test_a_receiver_that_fails_hangs_and_comes_back_gets_everything(
    make_site: Callable[..., Site], receiver: Receiver, tmp_path: Path
) -> None:
    # The reconciler looks too seldom to help: what is told again is told because RQ's scheduler woke somebody.
    pauses = ",".join([str(PAUSE_SECONDS)] * 9)
    quick = {"WEBHOOK_PAUSES": pauses, "WEBHOOK_TIMEOUT_SECONDS": "1", "RECONCILE_SECONDS": "600"}
    site = make_site(WEBHOOK_PRIVATE_ADDRESSES="1", **quick)
    ann = site.client(ANN)
    hook = made(ann, receiver, "job.succeeded")

    receiver.status = 500
    body = {"video": uploaded(ann, tmp_path), "operation": "thumbnails", "params": {"count": 1}}
    job = ann.post(f"{API}/jobs", json=body).json()["id"]
    wait_for(lambda: receiver.received, f"the first try\n{site.said()}")
    receiver.seconds = 30
    wait_for(lambda: len(receiver.received) == 2, f"the scheduler to wake the worker\n{site.said()}")
    receiver.seconds, receiver.status = 0, 200
    wait_for(lambda: deliveries(ann, hook)[0]["state"] == "delivered", f"the delivery\n{site.said()}")

    first, *others = receiver.received
    assert {(one.event, one.body) for one in others} == {(first.event, first.body)}
    told = receiver.received[-1].verified(hook["secret"])["data"]
    assert told == ann.get(f"{API}/jobs/{job}").json() and len(told["artifacts"]) == 1
    (delivery,) = deliveries(ann, hook)
    assert [one["status"] for one in delivery["tries"]] == [500, None, 200]
    assert site.client().get("/status").json()["queues"]["hooks"]["workers"] == 1


def test_what_a_killed_worker_was_telling_is_told_by_the_next_one(
    make_site: Callable[..., Site], receiver: Receiver, tmp_path: Path
) -> None:
    site = make_site(WEBHOOK_PRIVATE_ADDRESSES="1", WEBHOOK_TIMEOUT_SECONDS="1", RECONCILE_SECONDS="1")
    ann = site.client(ANN)
    hook = made(ann, receiver, "video.created")
    (pool,) = site.workers("fast")
    workers = children(pool.pid)

    receiver.seconds = 30
    video = uploaded(ann, tmp_path)
    wait_for(lambda: receiver.received, f"the first try\n{site.said()}")
    below = [pid for worker in workers for pid in children(worker)]
    assert len(below) == 2, "RQ's scheduler, and the work-horse that is telling"
    site.kill(pool, signal.SIGKILL)
    wait_for(lambda: not any(map(alive, below)), "these to die with their worker")
    receiver.seconds = 0
    site.mend()
    wait_for(lambda: deliveries(ann, hook)[0]["state"] == "delivered", f"another try\n{site.said()}")
    first, second = receiver.received
    assert first.event == second.event
    assert second.verified(hook["secret"])["data"] == ann.get(f"{API}/videos/{video}").json()
