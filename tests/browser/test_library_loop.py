"""The small loop of a recording, on its card in the library."""

import pytest
from playwright.sync_api import expect

from jobs.models import Job
from tests import media
from tests.processes import wait_for

EMAIL = "loop@example.org"


@pytest.fixture(scope="module")
def looped(site, tmp_path_factory):
    """An account whose one recording has a loop."""
    path = media.video(tmp_path_factory.mktemp("loop") / "garden.mp4", seconds=4)
    client = site.client(EMAIL)
    with path.open("rb") as file:
        video = client.post("/api/v1/videos", files={"file": file}).json()["id"]
    body = {"video": video, "operation": "preview", "params": {"kind": "loop", "seconds": 2, "count": 2}}
    job = client.post("/api/v1/jobs", json=body).json()["id"]
    wait_for(lambda: client.get(f"/api/v1/jobs/{job}").json()["status"] == Job.Status.SUCCEEDED, "the loop", 120)
    return client


def test_it_plays_while_somebody_points_at_it(new_page, site, looped):
    page = new_page(site, looped)
    page.goto("/")
    loop = page.locator(".vid video.loop")
    expect(loop).to_have_css("opacity", "0")
    page.locator(".vid").hover()
    expect(loop).to_have_class("loop playing", timeout=30_000)
    page.wait_for_function("() => document.querySelector('video.loop').currentTime > 0")
    page.locator("h1").first.hover()
    expect(loop).to_have_class("loop")
    assert loop.evaluate("loop => [loop.paused, loop.currentTime]") == [True, 0]


def test_it_plays_for_the_keyboard_too(new_page, site, looped):
    page = new_page(site, looped)
    page.goto("/")
    page.locator(".vid [data-open]").focus()
    expect(page.locator("video.loop")).to_have_class("loop playing", timeout=30_000)


def test_it_stays_still_for_those_who_want_less_motion(new_page, site, looped):
    page = new_page(site, looped, reduced_motion="reduce")
    page.goto("/")
    page.locator(".vid").hover()
    page.wait_for_timeout(1000)
    expect(page.locator("video.loop")).to_have_class("loop")
