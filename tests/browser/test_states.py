"""States of pages that an address alone does not show: empty, opened, chosen, refused, away. Each is looked at."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from jobs.models import Account, Job
from tests import factories
from tests.browser.axe import faults
from tests.browser.shown import assert_fits, dressed, keep, wanted
from tests.browser.test_looks import KEPT

NEWCOMER = "states-newcomer@example.org"
OWNER = "states-owner@example.org"
TITLES = (
    "Lecture 4: Fourier series",
    "محاضرة في تحليل فورييه والإشارات الرقمية",
    "傅里叶级数讲座：第四课，信号与系统的基本概念以及它们在实际工程中的应用",
    "A_title_without_any_blank_that_is_longer_than_any_card_or_row_can_be_on_any_screen_2026-11-17",
)
"""Names as people give them: short, from right to left, without blanks in Chinese and in Latin letters."""


@pytest.fixture(scope="module")
def shelf(site):
    """An account with recordings of all kinds of names, and work on each. Returns the newest recording."""
    site.account(OWNER)
    with site.orm():
        owner = Account.objects.get(email=OWNER)
        for title in reversed(TITLES):
            video = factories.video(owner, title=title, size=1_200_000_000)
            factories.job(owner, video=video, status=Job.Status.FAILED, error_message="There is no sound in it.")
            factories.job(owner, video=video, queue="nobody works on this")
    return video


def nothing(page):
    """As it is."""


def choose(page):
    page.locator("input.check").first.check(force=True)
    page.locator("input.check").nth(1).check(force=True)
    expect(page.locator("[data-chosen]")).to_have_text("2 chosen")


def open_menu(page):
    page.locator("main details.menu > summary:visible").first.click()
    box = page.locator("main details.menu[open] > div").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]


def open_keys(page):
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def open_drop_bar(page):
    page.locator(".dropbar summary").first.click()


def drag_over(page):
    page.evaluate("""() => {
      const carried = new DataTransfer();
      carried.items.add(new File(["x"], "talk.mp4", { type: "video/mp4" }));
      document.body.dispatchEvent(new DragEvent("dragenter", { bubbles: true, dataTransfer: carried }));
      document.body.dispatchEvent(new DragEvent("dragover", { bubbles: true, dataTransfer: carried }));
    }""")


def choose_a_file_that_is_refused(page):
    page.set_input_files("#id_file", {"name": "notes.mp4", "mimeType": "video/mp4", "buffer": b""})
    expect(page.get_by_role("button", name="Choose another")).to_be_visible()


def do_something_with_two(page):
    choose(page)
    page.locator("#chosen").get_by_role("button", name="Do something").click()
    page.get_by_role("radio", name="Trim").check()
    page.locator(".what-settings:visible > summary").click()
    page.get_by_role("textbox", name="From", exact=True).fill("0:02")
    expect(page.locator("#chosen-quote")).not_to_be_empty()
    page.locator(".what-presets:visible summary").click()


def lose_the_server(page):
    page.context.set_offline(True)
    if page.viewport_size["width"] < 820:
        page.locator(".job details.menu > summary").first.click()  # where rows keep it on a phone
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.locator("#messages")).to_contain_text("The server does not answer")


def sign_in_wrongly(page):
    page.get_by_label("Email").fill("nobody@example.org")
    page.get_by_label("Password").fill("not the right one")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".errorlist").first).to_be_visible()


STATES = {
    "library-empty": (NEWCOMER, "/", nothing),
    "queue-empty": (NEWCOMER, "/queue/", nothing),
    "chains-empty": (NEWCOMER, "/chains/", nothing),
    "trash-empty": (NEWCOMER, "/trash/", nothing),
    "library-titles": (OWNER, "/?view=cards", nothing),
    "library-list": (OWNER, "/?view=list", nothing),
    "library-chosen": (OWNER, "/?view=cards", choose),
    "library-menu": (OWNER, "/?view=cards", open_menu),
    "library-drop-bar": (OWNER, "/", open_drop_bar),
    "library-refused": (OWNER, "/", choose_a_file_that_is_refused),
    "library-do-something": (OWNER, "/?view=cards", do_something_with_two),
    "library-dragged-over": (OWNER, "/", drag_over),
    "library-nothing-fits": (OWNER, f"/?q={quote('no such thing')}", nothing),
    "queue-titles": (OWNER, "/queue/", nothing),
    "queue-chosen": (OWNER, "/queue/", choose),
    "queue-menu": (OWNER, "/queue/", open_menu),
    "queue-keys": (OWNER, "/queue/", open_keys),
    "queue-away": (OWNER, "/queue/", lose_the_server),
    "login-wrong": (None, "/accounts/login/", sign_in_wrongly),
}


@pytest.mark.parametrize("who", [NEWCOMER, OWNER, None], ids=["newcomer", "owner", "nobody"])
def test_every_state_fits_and_can_be_used_by_everybody(new_page, site, shelf, who):
    client = site.client(who) if who else None
    found = {}
    for name, (whose, address, act) in STATES.items():
        if whose != who or not wanted(name):
            continue
        for width in KEPT:
            page = new_page(site, client, viewport={"width": width, "height": 900})
            page.goto(address)
            if who:
                expect(page.locator("#live")).to_have_text("Live")
            act(page)
            for scheme in ("light", "dark"):
                dressed(page, scheme)
                look = f"{name}-{width}-{scheme}"
                keep(page, look)
                assert_fits(page, look)
                found[look] = faults(page)
            page.context.close()
    assert not any(found.values()), {look: problems for look, problems in found.items() if problems}
