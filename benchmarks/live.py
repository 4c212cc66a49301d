"""How long a change of a job takes to show on an open page: `python benchmarks/live.py [--rounds 30]`.

Starts a site of its own in a temporary folder and opens its queue in Chromium. Each round cancels one job through the
API. The time runs from before the request is sent to the moment the row in the page says so; both ends are read from
the clock of this machine.
"""

import argparse
import contextlib
import os
import shutil
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
        print_table(measure(sites.make(), options.rounds))
    finally:
        sites.stop()


def measure(site: Any, rounds: int) -> list[float]:
    """Milliseconds from the request to the page, for each round."""
    from playwright.sync_api import sync_playwright

    from tests import factories

    client, owner = site.client(EMAIL), site.account(EMAIL)
    with site.orm():
        video = factories.video(owner)
        jobs = [factories.job(owner, video=video, queue="nobody works on this") for _ in range(rounds)]
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
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


def print_table(took: list[float]) -> None:
    print("From a change to the open page, in milliseconds")
    print(f"{'changes':>8} {'median':>8} {'worst':>8} {'over 1 s':>9}")
    late = sum(one > 1000 for one in took)
    print(f"{len(took):>8} {statistics.median(took):>8.0f} {max(took):>8.0f} {late:>9}")


if __name__ == "__main__":
    main()
