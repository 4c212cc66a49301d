"""The keys of every page: find, walk, choose, open, and the list of them all."""

import pytest
from playwright.sync_api import expect

from jobs.models import Account, Job
from tests import factories


@pytest.fixture
def page(new_page, site, client, email):
    with site.orm():
        owner = Account.objects.get(email=email)
        for title in ("Lecture 1", "Lecture 2", "Lecture 3"):
            video = factories.video(owner, title=title)
            factories.job(owner, video=video, status=Job.Status.SUCCEEDED)
    return new_page(site, client)


@pytest.mark.parametrize(
    ("address", "rows"), [("/", "#grid article"), ("/?view=list", "#grid tr"), ("/queue/", ".job")]
)
def test_rows_are_walked_over_chosen_and_opened(page, address, rows):
    page.goto(address)
    expect(page.locator("#live")).to_have_text("Live")
    for key in ("j", "j", "k", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator(f"{rows} input.check:checked")).to_have_count(2)
    expect(page.locator("[data-chosen]")).to_have_text("2 chosen")
    page.keyboard.press("Escape")
    expect(page.locator("input.check:checked")).to_have_count(0)
    name = page.evaluate("document.activeElement.closest('[data-walk]').innerText")
    page.keyboard.press("Enter")
    page.wait_for_url("**/videos/*/")
    assert page.get_by_role("heading", level=1).inner_text().strip() in name


def test_what_is_written_into_the_search_is_no_key(page):
    page.goto("/queue/")
    page.keyboard.press("/")
    found = page.locator("[data-find]")
    expect(found).to_be_focused()
    found.press_sequentially("jkx?/")
    expect(found).to_have_value("jkx?/")
    expect(page.locator("input.check:checked")).to_have_count(0)
    expect(page.locator("#keys")).to_be_hidden()


def test_the_list_of_keys_opens_and_closes(page):
    page.goto("/")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Find")
    page.keyboard.press("j")
    expect(page.locator("[data-walk]:focus-within")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
