"""What a change of a job takes to show on an open page, and what it costs: `python benchmarks/live.py [--rounds 30]`.

Starts a site of its own in a temporary folder and opens its queue in Chromium. Each round cancels one job through the
API. The time runs from before the request is sent to the moment the row in the page says so; both ends are read from
the clock of this machine.

Then, in this process: as many pages of one owner as said show 50 rows with pictures, of an owner with `--jobs` of them.
Each round moves one job on; it costs the processor time of this process until every page has heard of it.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EMAIL = "live@example.org"
WATCH = """() => {
  window.seen = {};
  new MutationObserver(() => {
    for (const row of document.querySelectorAll("article.job[data-status=cancelled]")) seen[row.id] ??= Date.now();
  }).observe(document.body, { childList: true, subtree: true, attributes: true });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="at most 50, which is what a live page holds")
    parser.add_argument("--pages", type=int, nargs="*", default=[1, 10, 40], help="pages open at once")
    parser.add_argument("--jobs", type=int, default=2000, help="jobs of their owner")
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright's loop runs in this thread
    import django

    django.setup()
    from tests.site import Sites

    sites = Sites(Path(os.environ["TEST_DATA_DIR"]) / "sites", contextlib.nullcontext, None)
    try:
        if options.rounds:
            print_table(measure(sites.make(), options.rounds))
    finally:
        sites.stop()
    if options.pages:
        print_costs(costs(options.pages, options.jobs))


def measure(site: Any, rounds: int) -> list[float]:
    """Milliseconds from the request to the page, for each round."""
    from playwright.sync_api import sync_playwright

    from tests import factories
    from tests.chromium import launch

    client, owner = site.client(EMAIL), site.account(EMAIL)
    with site.orm():
        video = factories.video(owner)
        jobs = [factories.job(owner, video=video, queue="nobody works on this") for _ in range(rounds)]
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context(base_url=site.url)
        context.add_cookies([{"name": one.name, "value": one.value, "url": site.url} for one in client.cookies])
        page = context.new_page()
        page.goto("/queue/")
        page.locator("#live", has_text="Live").wait_for()
        page.evaluate(WATCH)
        took = []
        for job in jobs:
            started = time.time()
            client.post(f"/api/v1/jobs/{job.pk}/cancel").raise_for_status()
            page.locator(f"#job-{job.pk}[data-status=cancelled]").wait_for()
            took.append(page.evaluate("id => seen[id]", f"job-{job.pk}") - started * 1000)
        browser.close()
    return took


def costs(pages: list[int], jobs: int) -> list[tuple[int, float]]:
    """For each number of pages: processor time of a change in milliseconds."""
    from django.conf import settings
    from django.core.management import call_command

    from tests.servers import Redis

    redis = Redis(Path(os.environ["TEST_DATA_DIR"]), settings.REDIS_SOCKET)
    redis.start()
    try:
        call_command("migrate", verbosity=0)
        running, cookie = rows(jobs)
        return [(count, asyncio.run(cost(running, cookie, count))) for count in pages]
    finally:
        redis.stop()


def rows(count: int) -> tuple[Any, str]:
    """Jobs that are done, those of the first page with pictures; one that runs, and the cookie of their owner."""
    from django.conf import settings
    from django.test import Client

    from jobs.models import Artifact, Job
    from tests import factories

    owner = factories.account(EMAIL)
    video = factories.video(owner)
    fields = {"owner": owner, "video": video, "operation": "thumbnails", "queue": "fast", "status": "succeeded"}
    made = Job.objects.bulk_create(Job(**fields) for _ in range(count))
    Artifact.objects.bulk_create(
        Artifact(job=job, position=n, kind="image", name=f"{n}.jpg", key="none", size=1, media_type="image/jpeg")
        for job in made[-50:]
        for n in range(6)
    )
    client = Client()
    client.force_login(owner)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return factories.job(owner, video=video, status=Job.Status.RUNNING), cookie


async def cost(job: Any, cookie: str, count: int, rounds: int = 10) -> float:
    from asgiref.sync import sync_to_async
    from channels.testing import WebsocketCommunicator

    from jobs import publish
    from videoservice.asgi import application

    headers = [(b"origin", b"http://localhost"), (b"host", b"localhost"), (b"cookie", cookie.encode())]
    pages = [WebsocketCommunicator(application, "/ws/queue/?view=queue", headers=headers) for _ in range(count)]

    async def hear(page: Any) -> None:
        """Until the message with the row as it is now."""
        while f'data-version="{job.version}"' not in await page.receive_from(timeout=60):
            pass

    for page in pages:
        await page.connect(timeout=60)
    await asyncio.gather(*map(hear, pages))
    spent = 0.0
    for step in range(rounds):
        await asyncio.sleep(1)  # between two pushes
        await sync_to_async(job.advance)(1, step / rounds, f"Step {step}", None)
        begun = time.process_time()
        await sync_to_async(publish.job_changed)(job)
        await asyncio.gather(*map(hear, pages))
        spent += time.process_time() - begun
    for page in pages:
        await page.disconnect(timeout=60)
    return spent / rounds * 1000


def print_costs(costs: list[tuple[int, float]]) -> None:
    print("Processor time of one change, in milliseconds")
    print(f"{'pages':>8} {'all':>8} {'a page':>8}")
    for pages, spent in costs:
        print(f"{pages:>8} {spent:>8.1f} {spent / pages:>8.2f}")


def print_table(took: list[float]) -> None:
    print("From a change to the open page, in milliseconds")
    print(f"{'changes':>8} {'median':>8} {'worst':>8} {'over 1 s':>9}")
    late = sum(one > 1000 for one in took)
    print(f"{len(took):>8} {statistics.median(took):>8.0f} {max(took):>8.0f} {late:>9}")


if __name__ == "__main__":
    main()
