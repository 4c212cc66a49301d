"""The operators' page and figures in a browser: questions in their dialog, and both stay true while they are open."""

import pytest
from playwright.sync_api import expect

from jobs.models import Account, Job, QueueState
from tests import factories

S = Job.Status


@pytest.fixture
def boss(site, email):
    return site.client(email, is_staff=True, is_superuser=True)


def test_a_queue_is_paused_and_goes_on_through_the_dialog(new_page, site, boss):
    page = new_page(site, boss)
    page.goto("/operators/")
    expect(page.locator("#live")).to_have_text("Live")
    page.get_by_role("button", name="Pause: speech").click()
    dialog = page.get_by_role("alertdialog")
    expect(dialog).to_contain_text("Pause the queue “speech”?")
    dialog.get_by_role("link", name="Leave it").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Pause: speech").click()
    dialog.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#messages")).to_contain_text("The queue “speech” is paused.")
    page.get_by_role("button", name="Go on: speech").click()  # drawn anew by itself
    dialog.get_by_role("button", name="Go on", exact=True).click()
    expect(page.get_by_role("button", name="Pause: speech")).to_be_visible()
    with site.orm():
        assert not QueueState.objects.held().filter(name="speech").exists()


def test_work_of_others_shows_while_the_pages_are_open(new_page, make_web_site):
    site = make_web_site()  # on the shared one many have work under way, and the page names those with the most
    boss = site.client("boss@example.org", is_staff=True, is_superuser=True)
    other = site.client("somebody-else@example.org")
    with site.orm():
        job = factories.job(factories.account("somebody-else@example.org"), queue="nobody works on this")
    front, stats = (new_page(site, boss) for _ in range(2))
    front.goto("/operators/")
    stats.goto("/stats/?whose=everybody")
    for page in (front, stats):
        expect(page.locator("#live")).to_have_text("Live")
    busy = front.get_by_role("region", name="Who has work under way")
    expect(busy).to_contain_text("somebody-else@example.org", timeout=15_000)
    ended = stats.locator(".figures .big").first
    before = int(ended.inner_text())
    other.post(f"/jobs/{job.pk}/cancel/").raise_for_status()
    expect(busy).not_to_contain_text("somebody-else@example.org", timeout=15_000)
    expect(ended).to_have_text(str(before + 1), timeout=15_000)


def test_a_table_that_was_unfolded_stays_so(new_page, site, boss, email):
    with site.orm():
        owner = Account.objects.get(email=email)
        factories.job(owner, status=S.SUCCEEDED)
        job = factories.job(owner, queue="nobody works on this")
    page = new_page(site, boss)
    page.goto("/stats/")
    expect(page.locator("#live")).to_have_text("Live")
    page.locator("#jobs-table summary").click()
    expect(page.locator("#jobs-table table")).to_be_visible()
    boss.post(f"/jobs/{job.pk}/cancel/").raise_for_status()
    expect(page.locator(".figures .big").first).to_have_text("2", timeout=15_000)
    expect(page.locator("#jobs-table table")).to_be_visible()
