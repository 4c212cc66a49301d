"""A recording that goes to the trash while other tabs show it."""

import pytest
from playwright.sync_api import expect

from jobs.models import Account
from tests import factories
from tests.browser.axe import faults
from tests.browser.shown import keep

SLOW = 60_000


@pytest.fixture
def video(site, email, client):
    with site.orm():
        return factories.video(Account.objects.get(email=email), title="Talk")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_its_page_says_so_and_undoes_it(new_page, site, client, video, width, scheme):
    page = new_page(site, client, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto(f"/videos/{video.pk}/")
    expect(page.locator("#live")).to_have_text("Live")
    note = page.locator("#gone")
    expect(note).to_be_hidden()
    assert client.post(f"/videos/{video.pk}/delete/").ok
    expect(note).to_contain_text("This recording is in the trash.", timeout=SLOW)
    keep(page, f"video-gone-{width}-{scheme}")
    assert faults(page) == []
    note.get_by_role("button", name="Undo").click()
    expect(note).to_be_hidden(timeout=SLOW)
    expect(page.locator("#messages")).to_contain_text("“Talk” is back.")


def test_a_form_that_is_sent_there_leads_back(new_page, site, client, video):
    page = new_page(site, client)
    page.goto(f"/videos/{video.pk}/?do=thumbnails")
    expect(page.locator("#live")).to_have_text("Live")
    assert client.post(f"/videos/{video.pk}/delete/").ok
    expect(page.locator("#gone")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Add to the chain").click()
    expect(page.locator("#messages")).to_contain_text("This recording is in the trash. Undo that first.")
    page.get_by_role("spinbutton", name="How many").fill("17")
    page.locator("#do-form").get_by_role("button", name="Start").last.click()
    expect(page.get_by_role("heading", name="This recording is in the trash.")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Talk")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="How many")).to_have_value("17")
