"""The account's pages in a real browser."""

import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from jobs.models import Account
from tests import factories
from tests.site import PASSWORD

SLOW = 30_000
PAPER = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(251, 250, 248)", "rgb(19, 20, 22)"


@pytest.fixture
def page(new_page, site, client):
    return new_page(site, client, timezone_id="Europe/Vienna", permissions=["clipboard-read", "clipboard-write"])


def test_dark_is_dark_whatever_the_system_says_and_the_other_way_round(page):
    page.goto("/account/")
    for choice, scheme, seen in (("Dark", "light", DARK), ("Light", "dark", LIGHT), ("As the system", "dark", DARK)):
        page.get_by_role("radio", name=choice).check()
        with page.expect_navigation():
            page.get_by_role("button", name="Save").click()
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(PAPER) == seen, choice


def test_the_time_zone_of_the_browser_is_offered_and_then_used(page, site, email):
    with site.orm():
        video = factories.video(Account.objects.get(email=email))
        type(video).objects.filter(pk=video.pk).update(created_at="2026-07-01T12:00:00Z")
    page.goto("/account/")
    page.get_by_role("button", name="Use Europe/Vienna, as this browser").click()
    expect(page.locator("#browser-zone")).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#messages")).to_contain_text("saved")
    expect(page.locator("#browser-zone")).to_be_hidden()
    page.goto(f"/videos/{video.pk}/")
    expect(page.locator("main")).to_contain_text("1 July 2026, 14:00")


def test_a_token_is_copied_once_and_revoked_after_a_question(new_page, site, email):
    site.account(email)
    late = site.client()
    late.post("/accounts/login/", {"login": email, "password": PASSWORD}).raise_for_status()
    with site.orm():
        for session in Session.objects.all():
            values = session.get_decoded()
            if values.pop("account_authentication_methods", None):
                Session.objects.filter(pk=session.pk).update(session_data=Session.objects.encode(values))
    page = new_page(site, late, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/account/tokens/")
    page.get_by_label("What it is for").fill("laptop")
    page.get_by_role("button", name="Make the token").click()
    page.get_by_label(re.compile("Password")).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.goto("/account/tokens/")
    expect(page.get_by_role("cell", name="laptop", exact=True)).to_be_visible()
    expect(page.locator("#secret")).to_have_count(0)
    page.get_by_role("button", name="Revoke laptop").click()
    dialog = page.get_by_role("alertdialog")
    expect(dialog).to_contain_text("Revoke “laptop”?", timeout=SLOW)
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.locator("#messages")).to_contain_text("“laptop” has been revoked.")


def test_an_account_is_deleted_after_the_question_and_the_password(page, site, client, email):
    site.account("another@example.org", is_staff=True)
    page.goto("/account/")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("alertdialog")
    expect(dialog).to_contain_text(f"Delete the account {email}?", timeout=SLOW)
    dialog.get_by_role("button", name="Delete everything").click()
    page.get_by_label(re.compile("Password")).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#messages")).to_contain_text("has been deleted", timeout=SLOW)
    with site.orm():
        assert not Account.objects.filter(email=email).exists()
