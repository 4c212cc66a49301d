"""Passkeys, with the authenticator that Chromium brings for tests: real keys, real signatures."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import faults
from tests.site import PASSWORD

KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def device(new_page, site):
    """A page with a device that makes and uses passkeys, which need a name instead of an address."""
    page = new_page(site)
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    number = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]
    page.at = lambda address: page.goto(site.url.replace("127.0.0.1", "localhost") + address)
    page.verified = lambda yes: devtools.send(
        "WebAuthn.setUserVerified", {"authenticatorId": number, "isUserVerified": yes}
    )
    return page


def sign_in(page, email):
    page.at("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page, email):
    page.get_by_role("button", name=f"Account of {email}").click()
    page.get_by_role("button", name="Sign out", exact=True).last.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def add_passkey(page, name, alone=True):
    page.at("/account/security/")
    page.get_by_role("link", name="Add a passkey").click()
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Sign in with it alone").set_checked(alone)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_text("The passkey is here.")).to_be_visible()


def test_a_passkey_is_added_renamed_used_instead_of_the_password_and_removed(device, site, email):
    page = device
    site.account(email)
    sign_in(page, email)
    add_passkey(page, "My telephone")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    expect(page.locator(".codes li")).to_have_count(10)
    assert faults(page) == []

    page.at("/account/security/")
    page.get_by_role("link", name="Rename My telephone").click()
    page.get_by_label("Name").fill("Her telephone")
    page.get_by_role("button", name="Save the name").click()
    expect(page.get_by_text("Her telephone")).to_be_visible()
    expect(page.get_by_text("10 of 10 left")).to_be_visible()

    sign_out(page, email)
    assert faults(page) == []
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()

    page.at("/account/security/")
    expect(page.get_by_text(re.compile(r"used \d+ \w+ \d{4}"))).to_be_visible()
    page.get_by_role("link", name="Remove Her telephone").click()
    if "reauthenticate" in page.url:  # by the passkey, which is the other way to show who it is
        page.get_by_role("link", name="Use a security key").click()
        page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Remove “Her telephone”?")).to_be_visible()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("The passkey is gone.")).to_be_visible()
    expect(page.get_by_text("None yet.")).to_be_visible()
    sign_out(page, email)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("#messages .note")).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_after_a_password_a_passkey_is_asked_for_and_signs_in_to_the_page_that_was_wanted(device, site, email):
    page = device
    site.account(email)
    sign_in(page, email)
    add_passkey(page, "A key", alone=False)
    sign_out(page, email)
    page.at("/stats/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/stats/")


def test_a_passkey_that_is_refused_is_said_in_a_sentence(device, site, email):
    page = device
    site.account(email)
    sign_in(page, email)
    page.verified(False)
    page.at("/account/security/")
    page.get_by_role("link", name="Add a passkey").click()
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_text("It was cancelled, or took too long. Try once more.")).to_be_visible()
