"""Nothing on a page moves once it has been shown (cumulative layout shift, as W3C's Layout Instability defines it)."""

import pytest
from playwright.sync_api import expect

from jobs.models import Account
from tests import clips, factories
from tests.browser.axe import faults
from tests.browser.everything import EMAIL
from tests.processes import wait_for

WATCH = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries())
    if (!one.hadRecentInput)
      window.shifts.push([one.value, ...one.sources.map((source) => source.node?.outerHTML?.slice(0, 120))]);
}).observe({ type: "layout-shift", buffered: true });
"""
MOST = 0.02
GLIDING = "document.getAnimations().some(one => one.effect.target.closest('[data-shelf]'))"


@pytest.fixture(scope="module")
def recordings(site, things, tmp_path_factory):
    """The pages of a film and of a sound that can be played."""
    folder, found = tmp_path_factory.mktemp("shifts"), []
    sound = clips.Sound(loud=[(1, 3), (5, 8)], seconds=10)
    for name, picture in (("film.mp4", clips.Picture(seconds=10)), ("sound.m4a", None)):
        clips.make(folder / name, picture, sound)
        with (folder / name).open("rb") as file:
            answer = site.client(EMAIL).post("/api/v1/videos", files={"file": file})
        assert answer.status_code == 201, answer.text
        found.append(f"/videos/{answer.json()['id']}/")
    return found


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_moves_after_it_was_shown(new_page, site, recordings, width):
    page = new_page(site, site.client(EMAIL), viewport={"width": width, "height": 900})
    page.add_init_script(WATCH)
    found = {}
    for address in ("/", "/?view=list", "/queue/", *recordings, "/account/"):
        page.goto(address)
        expect(page.locator("#live")).to_have_text("Live")
        page.wait_for_timeout(1500)  # for what comes late
        shifts = page.evaluate("window.shifts")
        if sum(shift[0] for shift in shifts) > MOST:
            found[address] = shifts
    assert found == {}


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("address", ["/", "/?view=list"])
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_recording_that_arrives_moves_nothing_by_a_jump(new_page, site, client, email, address, width, motion):
    with site.orm():
        owner = Account.objects.get(email=email)
        for number in range(6):
            factories.video(owner, title=f"Talk {number}")
    page = new_page(site, client, viewport={"width": width, "height": 900}, reduced_motion=motion)
    page.add_init_script(WATCH)
    page.goto(address)
    expect(page.locator("#live")).to_have_text("Live")
    page.wait_for_timeout(1500)  # for what comes late
    page.evaluate("window.shifts.length = 0")
    with site.orm():
        first = factories.video(owner, title="Talk 9")
    client.post(f"/videos/{first.pk}/title/", data={"title": "Talk nine"})  # so that pages are told
    if motion == "reduce":
        show = page.get_by_role("button", name="Show what is new")
        expect(show).to_be_visible(timeout=60_000)
        assert sum(shift[0] for shift in page.evaluate("window.shifts")) <= MOST
        assert faults(page) == []
        show.click()
        expect(show).to_be_hidden()
    expect(page.locator("[data-walk]").first).to_contain_text("Talk nine", timeout=60_000)
    wait_for(lambda: not page.evaluate(GLIDING), "all to have come to its place")
    shifts = page.evaluate("window.shifts")
    assert sum(shift[0] for shift in shifts) <= MOST, shifts
