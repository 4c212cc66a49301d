"""What a person waits for on a page: `python benchmarks/painting.py [--videos 3 300] [--jobs 2000] [--rounds 5]`.

Starts a site of its own and opens its pages in Chromium on loopback, once for nothing and then `--rounds` times, as one
who has been there before. `paint` is the first one and `largest` that of the largest part, in milliseconds from the
click, medians. `CLS` is the worst cumulative layout shift of all rounds (W3C Layout Instability), of the loading and of
the two seconds after it. `HTML` and `files` (our styles and scripts, and htmx) are kilobytes as they are sent, gzipped.

Then what is done on a page, each the worst of the rounds by the browser's own Event Timing: from the press to the frame
that shows what it did, in milliseconds. The browser tells them in steps of 8 ms and none below 16.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from real_site import real_site

EMAIL = "painting@example.org"
WATCH = """
window.shift = 0; window.slowest = 0; window.largest = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.largest = one.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (one.interactionId) window.slowest = Math.max(window.slowest, one.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SENT = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const files = performance.getEntriesByType("resource").filter((one) => /\\.(js|css)$/.test(one.name));
  return [page.encodedBodySize / 1000, files.reduce((sum, one) => sum + one.encodedBodySize, 0) / 1000];
}"""


@dataclass(frozen=True)
class Painted:
    name: str
    paint: float
    largest: float
    shift: float
    html: float
    files: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="*", default=[3, 300])
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright's loop runs in this thread
    with real_site() as (site, _):
        from playwright.sync_api import sync_playwright

        from tests.chromium import launch

        with sync_playwright() as playwright:
            browser = launch(playwright)
            for count in options.videos:
                video = fill(site, count, options.jobs if count == max(options.videos) else 3)
                page = open_page(browser, site)
                print(f"\n{count} recordings")
                print(f"{'page':<12}{'paint':>8}{'largest':>9}{'CLS':>8}{'HTML':>8}{'files':>8}")
                for name, address in addresses(video).items():
                    told = painted(page, name, address, options.rounds)
                    print(
                        f"{name:<12}{told.paint:8.0f}{told.largest:9.0f}{told.shift:8.3f}{told.html:8.1f}{told.files:8.1f}"
                    )
            print(f"\n{'done on a page':<40}{'worst':>8}")
            for name, (address, act) in ACTS.items():
                print(f"{name:<40}{slowest(page, address, act, options.rounds):8.0f}")
            browser.close()


def fill(site: Any, videos: int, jobs: int) -> Any:
    """So many recordings, and jobs of the newest one. Returns that."""
    from jobs.models import Account, Job, Video
    from tests import factories

    site.account(EMAIL)
    with site.orm():
        owner = Account.objects.get(email=EMAIL)
        for number in range(Video.objects.filter(owner=owner).count(), videos):
            video = factories.video(owner, title=f"Lecture {number}: a title of usual length", size=1_200_000_000)
        done = Job.Status.SUCCEEDED
        for _ in range(Job.objects.filter(owner=owner).count(), jobs):
            factories.job(owner, video=video, status=done)
    return video


def addresses(video: Any) -> dict[str, str]:
    return {
        "library": "/",
        "list": "/?view=list",
        "queue": "/queue/",
        "recording": f"/videos/{video.pk}/",
        "account": "/account/",
        "figures": "/stats/",
    }


def open_page(browser: Any, site: Any) -> Any:
    context = browser.new_context(base_url=site.url, viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": one.name, "value": one.value, "url": site.url} for one in site.client(EMAIL).cookies])
    page = context.new_page()
    page.add_init_script(WATCH)
    return page


def painted(page: Any, name: str, address: str, rounds: int) -> Painted:
    paints, largest, shifts, sent = [], [], [], (0.0, 0.0)
    for count in range(rounds + 1):
        page.goto(address)
        page.locator("#live", has_text="Live").wait_for()
        page.wait_for_timeout(2000)
        shifts.append(page.evaluate("window.shift"))
        sent = page.evaluate(SENT)
        if count:
            paints.append(page.evaluate(PAINTED))
            largest.append(page.evaluate("window.largest"))
    return Painted(name, statistics.median(paints), statistics.median(largest), max(shifts), *sent)


def slowest(page: Any, address: str, act: Callable[[Any], None], rounds: int) -> float:
    page.goto(address)
    page.locator("#live", has_text="Live").wait_for()
    for _ in range(rounds):
        act(page)
        page.wait_for_timeout(400)
    return float(page.evaluate("window.slowest"))


def tick(page: Any) -> None:
    page.locator("input.check:visible").first.click(force=True)


def menu(page: Any) -> None:
    page.locator("main details.menu summary:visible").first.click()


def walk(page: Any) -> None:
    page.keyboard.press("j")


def write(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.press("a")


ACTS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "library: choose one": ("/", tick),
    "library: open a menu": ("/", menu),
    "library: walk on with j": ("/", walk),
    "library: write into the search": ("/", write),
    "queue: choose one": ("/queue/", tick),
    "queue: open a menu": ("/queue/", menu),
    "queue: walk on with j": ("/queue/", walk),
}


if __name__ == "__main__":
    main()
