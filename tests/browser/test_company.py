"""Where a company's own service is the only way in."""

import pytest
from playwright.sync_api import expect

from jobs.models import Account
from tests.browser.axe import faults
from tests.site import PASSWORD


@pytest.fixture
def studio(sites, provider):
    site = sites.make(only_web=True, **provider.env(OIDC_ONLY="1", SIGNUP="invite"))
    yield site
    site.stop()


def is_in(client):
    return client.get("/api/v1/me", allow_redirects=False).status_code == 200


def test_the_entrance_leads_straight_there_and_there_is_no_other_way(new_page, studio, person):
    page = new_page(studio)
    page.goto("/stats/")
    page.wait_for_url("**/stats/")
    expect(page.get_by_role("heading", name="Figures")).to_be_visible()
    with studio.orm():
        assert Account.objects.get(email=person["email"]).is_staff, "the first account is the operator's"
    page.goto("/account/security/")
    expect(page.get_by_text("Signs you in, since")).to_be_visible()
    expect(page.get_by_text("Password", exact=True)).to_have_count(0)
    assert faults(page) == []

    page.goto("/account/invitations/")
    page.get_by_label("Their email address").fill("bob@example.net")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("Copy it now, it is shown only once")).to_be_visible()
    assert faults(page) == []
    page.goto("/invitations/made-up/")  # of no use to who is signed in
    expect(page.get_by_text("You have an account already.")).to_be_visible()

    page.goto("/")
    with studio.orm():
        studio_sessions_end()
    page.evaluate("document.querySelector('#account form').submit()")  # a form of who is signed out by now
    expect(page.get_by_role("link", name="Sign in by Studio")).to_be_visible()
    assert faults(page) == []
    assert not page.locator("input[type=password]").count()
    page.get_by_role("link", name="Sign in by Studio").click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    passwords_open_nothing(studio)


def studio_sessions_end():
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()


def passwords_open_nothing(site):
    other = site.account("bob@example.org")
    nobody = site.client()
    nobody.get("/accounts/login/?stay")
    nobody.post("/accounts/login/", {"login": other.email, "password": PASSWORD}, allow_redirects=False)
    assert not is_in(nobody)
    for name in ("signup", "password/reset"):
        answer = nobody.get(f"/accounts/{name}/", allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/")
    refused = nobody.post("/api/v1/users", json={"email": "eve@example.org", "password": PASSWORD})
    assert refused.status_code == 403
    assert "passkey" not in nobody.get("/accounts/login/?stay").text
