"""What webhooks cost: `python benchmarks/webhooks.py [--events 500]`.

Starts a site of its own in a temporary folder and receivers on this machine that answer at once. From when the rows of
the events are there until every one has arrived: deliveries a second, and processor time of the work-horses for each,
with all to one webhook and spread over ten. Then from the end of one job until its event has arrived, medians in
milliseconds, and the processor time of the worker with its work-horse for that one.
"""

import argparse
import contextlib
import os
import statistics
import time
from pathlib import Path
from typing import Any

from real_site import real_site

EMAIL = "hooks@example.org"
ALONE = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500)
    events = parser.parse_args().events
    with real_site(WEBHOOK_PRIVATE_ADDRESSES="1") as (site, _):
        for receivers in (1, 10):
            rate, cost = burst(site, receivers, events)
            print(f"{events} deliveries to {receivers:2}: {rate:6.1f} a second, {cost:5.1f} ms of processor each")
        latency, cost = alone(site)
        print(f"one alone: {latency:.0f} ms until it arrives, {cost:.0f} ms of processor")


@contextlib.contextmanager
def hooked(site: Any, count: int) -> Any:
    """So many receivers, called at every end of a job of ours."""
    from django.conf import settings

    from jobs.services import webhooks
    from tests.receivers import receiving

    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    with contextlib.ExitStack() as stack:
        receivers = [stack.enter_context(receiving()) for _ in range(count)]
        owner = site.account(f"{count}-{EMAIL}")
        with site.orm():
            for receiver in receivers:
                webhooks.create(owner, receiver.url, ["job.cancelled"])
        yield owner, receivers


def burst(site: Any, count: int, events: int) -> tuple[float, float]:
    """Deliveries a second and milliseconds of processor for each, when all are due at once."""
    from django.db import transaction

    from jobs.services import events as told
    from jobs.services.events import Kind
    from tests import factories
    from tests.processes import wait_for

    with hooked(site, count) as (owner, receivers):
        with site.orm():
            job = factories.job(owner, status="cancelled")
        used = processor_seconds(site)
        with site.orm(), transaction.atomic():
            for _ in range(events // count):
                told.tell(Kind.JOB_CANCELLED, owner.pk, job.pk)
        began = time.monotonic()
        expected = events // count * count
        wait_for(lambda: sum(len(one.received) for one in receivers) >= expected, "all to arrive", 300)
        took = max(one.received[-1].at for one in receivers) - began
        time.sleep(1)  # the last of them are written down
        return expected / took, 1000 * (processor_seconds(site) - used) / expected


def alone(site: Any) -> tuple[float, float]:
    """Milliseconds from the end of a job until its event arrives, and of processor."""
    from tests import factories
    from tests.processes import wait_for

    with hooked(site, 1) as (owner, (receiver,)):
        taken, used = [], processor_seconds(site)
        client = site.client(owner.email)
        for number in range(ALONE):
            with site.orm():
                job = factories.job(owner, status="waiting")
            client.post(f"/api/v1/jobs/{job.pk}/cancel").raise_for_status()
            began = time.monotonic()
            wait_for(lambda: len(receiver.received) > number, "it to arrive", 30)  # noqa: B023 called at once
            taken.append(receiver.received[number].at - began)
            time.sleep(0.3)
        return 1000 * statistics.median(taken), 1000 * (processor_seconds(site) - used) / ALONE


def processor_seconds(site: Any) -> float:
    """Of the worker of `hooks` and its work-horses that have ended. Of idle workers it alone has a child, RQ's
    scheduler."""
    from tests.processes import children

    (pool,) = site.workers("fast")
    (worker,) = (pid for pid in children(pool.pid) if children(pid))
    fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
