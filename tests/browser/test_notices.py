"""Notices that the browser shows, in a real one."""

import pytest
from playwright.sync_api import expect

from jobs.models import Job, NoticeChoice, PushBrowser
from tests.browser.queue.rows import Desk

S = Job.Status
SLOW = 30_000
"""Milliseconds, on a busy machine."""
# A headless browser shows none, and every page of it has the focus.
WATCHED = """
window.Notification = class {
  static permission = "granted";
  constructor(title) { document.documentElement.dataset.told = title; }
};
document.hasFocus = () => false;
"""


@pytest.fixture
def desk(site, client, email):
    return Desk(site, client, email)


def ends(desk, job):
    desk.change(lambda: Job.objects.get(pk=job.pk).succeed(1))


def test_a_page_that_nobody_looks_at_tells_what_ended_once(new_page, site, client, desk):
    job = desk.job()
    page = new_page(site, client)
    page.add_init_script(WATCHED)
    with page.expect_response(lambda response: "/notices/since" in response.url):
        page.goto("/")
    expect(page.locator("#live")).to_have_text("Live", timeout=SLOW)
    ends(desk, job)
    expect(page.locator("html")).to_have_attribute("data-told", "Thumbnails: Lecture 4 is done", timeout=SLOW)
    with page.expect_response(lambda response: "/notices/since" in response.url):
        page.reload()
    page.wait_for_timeout(500)
    expect(page.locator("html")).not_to_have_attribute("data-told", "Thumbnails: Lecture 4 is done")


def test_without_permission_nothing_is_asked_for(new_page, site, client, desk):
    page, asked = new_page(site, client), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    expect(page.locator("#live")).to_have_text("Live", timeout=SLOW)
    assert not any("notices" in url for url in asked)


def test_a_browser_is_turned_on_by_buttons(new_page, site, client, email):
    page = new_page(site, client)
    page.context.grant_permissions(["notifications"], origin=site.url)
    subscription = '{endpoint: "https://push.example.org/9", keys: {p256dh: "B".repeat(87), auth: "A".repeat(22)}}'
    page.add_init_script(
        # Its own service is outside, and headless there is none.
        "PushManager.prototype.subscribe = async ({applicationServerKey: key}) => "
        f"key.length === 65 && ({{ toJSON: () => ({subscription}) }});"
        "PushManager.prototype.getSubscription = async () => null;"
    )
    page.goto("/account/notices/")
    page.get_by_role("button", name="Also while all are closed").click()
    expect(page.get_by_role("button", name="Send a test")).to_be_visible(timeout=SLOW)
    with site.orm():
        assert PushBrowser.objects.get(owner__email=email).endpoint == "https://push.example.org/9"
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No browser is told")).to_be_visible(timeout=SLOW)


def test_a_switch_takes_effect_at_once_and_goes_back_where_that_fails(new_page, site, client, email):
    page = new_page(site, client)
    page.goto("/account/notices/")
    failed = page.get_by_role("switch", name="Something failed: On an open page")
    with page.expect_response(lambda response: response.request.method == "POST"):
        failed.uncheck(force=True)
    with site.orm():
        choice = NoticeChoice.objects.get(owner__email=email, kind="failed", channel="page")
        assert not choice.wanted
    page.route("**/account/notices/", lambda route: route.abort())
    failed.click(force=True)
    expect(page.get_by_text("The server does not answer")).to_be_visible()
    expect(failed).not_to_be_checked()
