"""The transcript beside the player, in a real browser: it plays by word, follows, finds, and is corrected."""

import hashlib
import uuid

import pytest
from playwright.sync_api import expect

from jobs.engine.pipelines import probe
from jobs.models import Account
from tests import clips, factories, transcribed
from tests.browser.axe import faults

SLOW = 60_000
"""Milliseconds for what the server has to answer, on a busy machine."""
LINES = [(1, "we seize the day"), (5, "and <b>that</b> was it"), (9, "the last line of all")]

CUES = """(track) => new Promise((done) => {
  const text = (cue) => cue.getCueAsHTML().textContent;
  const see = () => (track.track.cues?.length ? done([...track.track.cues].map(text)) : setTimeout(see, 50));
  see();
})"""

STILL = """(player) => {
  // What is asked to play is noted, and stays where it is: a busy machine looks at a word when the next is spoken.
  player.plays = 0;
  player.play = () => { player.plays += 1; return Promise.resolve(); };
  return player.readyState || new Promise((done) => player.addEventListener("loadedmetadata", done, { once: true }));
}"""


@pytest.fixture
def talk(site, client, email):
    key = f"videos/{uuid.uuid4()}/source.mp4"
    path = site.media / key
    path.parent.mkdir(parents=True)
    clips.make(path, clips.Picture(seconds=12), clips.Sound(loud=[(0, 12)], seconds=12))
    values = {"key": key, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
    with site.orm():
        video = factories.video(Account.objects.get(email=email), facts=probe.probe(path).info, **values)
        transcribed.keep(video, transcribed.transcript(*LINES, duration=12), site.media)
    return video


@pytest.fixture
def opened(new_page, site, client, talk):
    def opened(**options):
        page = new_page(site, client, **options)
        page.goto(f"/videos/{talk.pk}/")
        page.locator("#player").evaluate(STILL)
        if options.get("java_script_enabled", True):
            page.locator("#transcript").scroll_into_view_if_needed()
            expect(page.locator(".said span[data-start]")).to_have_count(13, timeout=SLOW)
        return page

    return opened


def time_of(page):
    return page.locator("#player").evaluate("player => player.currentTime")


def test_a_click_on_a_word_plays_there_and_marks_it(opened):
    page = opened()
    page.locator(".said span", has_text="was").click()
    expect(page.locator(".said .spoken")).to_have_text("was")
    assert time_of(page) == pytest.approx(5.8, abs=0.01)
    assert page.locator("#player").evaluate("player => player.plays") == 1
    expect(page.locator(".said li[aria-current]")).to_contain_text("and <b>that</b> was it")
    page.locator("#player").evaluate("player => { player.currentTime = 1.5; }")
    expect(page.locator(".said .spoken")).to_have_text("seize")
    page.locator("#player").evaluate("player => { player.currentTime = 4; }")
    expect(page.locator(".said .spoken")).to_have_count(0)


def test_it_is_found_corrected_and_taken_back(opened):
    page = opened()
    page.get_by_label("Find in the transcript").fill("LAST")
    expect(page.locator(".said .here")).to_contain_text("the last line")
    expect(page.locator("#transcript-say")).to_have_text("Found in 1 line.")
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('player').currentTime >= 9")
    row = page.locator(".said li").nth(2)
    row.get_by_role("button", name="Edit").click()
    page.get_by_label("The line at 0:09").fill("the very last <i>line</i>")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(row.locator("p")).to_have_text("the very last <i>line</i>", timeout=SLOW)
    page.reload()
    expect(page.locator(".said li").nth(2).locator("p")).to_have_text("the very last <i>line</i>", timeout=SLOW)
    assert page.locator(".said i").count() == 0
    shown = page.locator("#player track").evaluate(CUES)
    assert shown[2] == "the very last <i>line</i>"
    page.locator("#transcript").get_by_role("button", name="Undo").nth(0).click()
    expect(page.locator(".said li").nth(2).locator("p")).to_have_text("the last line of all", timeout=SLOW)
    expect(page.locator("#transcript-undo")).to_be_disabled()


def test_all_of_it_works_by_keyboard(opened):
    page = opened()
    page.locator(".said .at").first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".said .aim")).to_have_text("was")
    page.keyboard.press("Enter")
    expect(page.locator(".said .spoken")).to_have_text("was")
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("typed by hand")
    page.keyboard.press("Enter")
    expect(page.locator(".said li").nth(1).locator("p")).to_have_text("typed by hand", timeout=SLOW)
    expect(page.locator(".said li").nth(1).locator(".edit")).to_be_focused()
    page.keyboard.press("e")
    page.keyboard.press("Escape")
    expect(page.locator(".said form")).to_have_count(0)
    page.keyboard.press("e")
    page.keyboard.type("in the middle of it")
    page.keyboard.press("Escape")
    question = page.get_by_role("alertdialog", name="Leave this line as it was?")
    question.get_by_role("button", name="Go on editing").click()
    expect(page.locator(".said textarea")).to_be_focused()
    page.keyboard.press("Escape")
    question.get_by_role("button", name="Leave it").click()
    expect(page.locator(".said form")).to_have_count(0)
    expect(page.locator(".said li").nth(1).locator("p")).to_have_text("typed by hand")


def test_a_change_from_elsewhere_is_told(opened):
    first, second = opened(), opened()
    for page, text in ((first, "mine"), (second, "yours")):
        page.locator(".said li").first.get_by_role("button", name="Edit").click()
        page.get_by_label("The line at 0:01").fill(text)
        page.get_by_role("button", name="Save", exact=True).click()
    expect(first.locator(".said li").first.locator("p")).to_have_text("mine", timeout=SLOW)
    expect(second.locator("#transcript-say")).to_contain_text("changed elsewhere", timeout=SLOW)
    expect(second.get_by_label("The line at 0:01")).to_have_value("yours")


def test_it_can_be_read_without_scripts(new_page, site, client, talk):
    page = new_page(site, client, java_script_enabled=False)
    page.goto(f"/videos/{talk.pk}/")
    expect(page.locator(".said")).to_contain_text("we seize the day")
    expect(page.locator("#results a.tag[download]")).to_have_count(4)


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
def test_it_has_room_and_meets_axe(opened, width, scheme):
    page = opened(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.locator(".said li").first.get_by_role("button", name="Edit").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(page) == []
