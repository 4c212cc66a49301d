"""How long a press or key takes in the library with 300 recordings: `python benchmarks/library.py ADDRESS EMAIL WORD`.

Of an account with so many, by its password, on a site that runs. For each of what people do there, as cards and as a
list: what the browser's main thread computes for it, in milliseconds of its own processor time, which others on the
machine do not change; and the longest that it was until the next picture, by the Event Timing API, which they do. Also
how much the page weighs, and how far its layout shifts.
"""

import argparse
import gzip
import shutil
from collections.abc import Callable

from playwright.sync_api import CDPSession, Page, sync_playwright

WATCH = """
window.slowest = 0; window.shifts = 0;
const longest = (list) => { for (const one of list.getEntries()) slowest = Math.max(slowest, one.duration); };
new PerformanceObserver(longest).observe({ type: "event", durationThreshold: 16 });
const shift = (list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) shifts += one.value; };
new PerformanceObserver(shift).observe({ type: "layout-shift", buffered: true });
"""


def boxes(page: Page, number: int, *, shift: bool = False) -> None:
    page.locator("input.check").nth(number).click(modifiers=["Shift"] if shift else [])


ACTS: dict[str, Callable[[Page], None]] = {
    "tick one": lambda page: boxes(page, 1),
    "tick 250 more with Shift": lambda page: boxes(page, 251, shift=True),
    "tick none": lambda page: page.keyboard.press("Escape"),
    "walk to the next": lambda page: page.keyboard.press("j"),
    "open a menu": lambda page: page.locator("[data-walk] .menu summary").nth(3).click(),
    "close it": lambda page: page.keyboard.press("Escape"),
    "point at one": lambda page: page.locator("[data-walk]").nth(2).hover(),
    "open the drop bar": lambda page: page.locator("#drop-more > summary b").first.click(),
    "choose another chain": lambda page: page.locator("[name=pipeline]").nth(1).check(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("address", "email", "password"):
        parser.add_argument(name)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        path = shutil.which("chromium-headless-shell")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_context(base_url=options.address, viewport={"width": 1440, "height": 900}).new_page()
        page.add_init_script(WATCH)
        page.goto("/accounts/login/")
        page.fill("[name=login]", options.email)
        page.fill("[name=password]", options.password)
        page.click("main button[type=submit]")
        for look in ("cards", "list"):
            weigh(page, f"/?view={look}&at_once=0")
            weigh(page, f"/?view={look}&at_once=1")
            measure(page, look)


def weigh(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_timeout(2000)
    whole = page.request.get(page.url).body()
    rows, shifts = page.locator("[data-walk]").count(), page.evaluate("shifts")
    print(f"{address}: {rows} recordings, {len(gzip.compress(whole)) / 1024:.1f} KB compressed, shift {shifts:.4f}")


def measure(page: Page, look: str) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    for name, act in ACTS.items():
        page.evaluate("slowest = 0")
        before = computed(session)
        act(page)
        page.wait_for_timeout(600)
        spent, slowest = computed(session) - before, page.evaluate("slowest")
        print(f"{look}, {name}: computes {spent * 1000:.0f} ms, next picture after {slowest:.0f} ms at most")


def computed(session: CDPSession) -> float:
    """Seconds of processor time that the main thread has taken for tasks."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "TaskDuration")


if __name__ == "__main__":
    main()
