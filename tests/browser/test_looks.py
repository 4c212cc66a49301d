"""How every page looks and whether everybody can use it. Set SHOTS to a folder to keep the pictures."""

import gzip

import pytest
import requests
from playwright.sync_api import expect

from jobs.models import Job
from tests.browser.axe import IMPACTS, faults, unnamed
from tests.browser.everything import EMAIL
from tests.browser.shown import assert_fits, dressed, keep, lower_than, wanted
from tests.browser.uploads.page import opened
from tests.site import PASSWORD

S = Job.Status
OPERATOR = "looks-operator@example.org"
EVERYBODYS = {
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "reset": "/accounts/password/reset/",
    "reset-sent": "/accounts/password/reset/done/",
    "reset-old-link": "/accounts/password/reset/key/1-old/",
    "reset-done": "/accounts/password/reset/key/done/",
    "inactive": "/accounts/inactive/",
    "confirm-sent": "/accounts/confirm-email/",
    "confirm-old-link": "/accounts/confirm-email/old/",
    "reset-link": "{reset_link}",
    "confirm-link": "{confirm_link}",
    "not-found": "/nothing/here",
}
OWNERS = {
    "library": "/",
    "library-nothing-found": "/?q=nothing",
    "library-filtered": "/?tag=Garden&kind=video&length=medium&added=year&sort=name",
    "tags": "/tags/",
    "video-tags": "/videos/{video}/tags/",
    "queue": "/queue/",
    "queue-failed": "/queue/?status=failed",
    "video": "/videos/{video}/",
    "audio": "/videos/{audio}/",
    "delete": "/videos/{video}/delete/",
    "job": "/jobs/{done}/",
    "job-failed": "/jobs/{failed}/",
    "chains": "/chains/",
    "run": "/runs/{run}/",
    "version": "/videos/{version}/",
    "stats": "/stats/",
    "trash": "/trash/",
    "trash-delete": "/trash/{removal}/delete/",
    "trash-held": "/jobs/{removed}/",
    "lost": "/videos/{lost}/",
    "webhooks": "/account/webhooks/?show={delivery}",
    "webhook": "/account/webhooks/{webhook}/",
    "webhook-new": "/account/webhooks/new",
    "account": "/account/",
    "account-tokens": "/account/tokens/",
    "account-delete": "/account/delete/",
    "email": "/accounts/email/",
    "notices": "/account/notices/",
    "search": "/search/?q=winter",
    "password": "/accounts/password/change/",
    "logout": "/accounts/logout/",
    "reauthenticate": "/accounts/reauthenticate/",
    "security": "/account/security/",
    "passkey-add": "/accounts/2fa/webauthn/add/",
    "app-set-up": "/accounts/2fa/totp/activate/",
}
OPERATORS = {
    "operators": "/operators/",
    "operators-drain": "/operators/drain/",
    "stats-of-everybody": "/stats/?whose=everybody",
    "admin": "/admin/",
    "admin-jobs": "/admin/jobs/job/",
    "admin-job": "/admin/jobs/job/{failed}/change/",
    "admin-videos": "/admin/jobs/video/",
    "admin-account": "/admin/jobs/account/{account}/change/",
    "admin-token": "/admin/jobs/token/add/",
    "admin-delete": "/admin/jobs/job/{failed}/delete/",
    "admin-queues": "/admin/django_rq/",
    "api-docs": "/api/v1/docs",
}
DRAWN = {"library", "queue", "video", "account", "operators", "login"}
"""Those that others are made after are looked at in all widths."""
WIDTHS = (360, 390, 820, 1440, 1920)
MOST_WIDTHS = (360, 1440)
KEPT = (390, 1440)
"""The widths of which pictures are kept."""
WHOLE = {
    "reset-link": ".card input[type=password]",
    "confirm-link": ".card form button",
    "admin-token": ".select2-selection[aria-labelledby^=id_owner]",
    "api-docs": ".opblock",
}
"""What shows that the page is the one that is meant, and drawn, where that takes a valid link or a script."""


def open_whole(page, name, address):
    """Load the page until it is drawn and live, and unfold all of it."""
    page.goto(address)
    expect(page.locator(WHOLE.get(name, "main")).first).to_be_visible(timeout=30_000)  # a large script, for the API
    if address in OWNERS.values() or page.locator("#live").count():
        expect(page.locator("#live")).to_have_text("Live")
    for fold in page.locator("details.fold, details.play").all():
        fold.evaluate("fold => { fold.open = true; }")


@pytest.mark.parametrize("who", ["nobody", "owner", "operator"])
def test_every_page_fits_and_can_be_used_by_everybody(new_page, site, things, who):
    client, pages = {
        "nobody": (None, EVERYBODYS),
        "owner": (site.client(EMAIL), OWNERS),
        "operator": (site.client(OPERATOR, is_staff=True, is_superuser=True), OPERATORS),
    }[who]
    if who == "owner":  # by the password, also for the pages that ask for it once more
        client = site.client()
        client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD}).raise_for_status()
        client.post("/accounts/reauthenticate/", {"password": PASSWORD}).raise_for_status()
    page = new_page(site, client, viewport={"width": 1440, "height": 900})
    # The admin and the documentation of the API are others' work, with our colours.
    impacts = ("serious", "critical") if who == "operator" else IMPACTS
    found = {}
    for name, address in pages.items():
        if not wanted(name):
            continue
        open_whole(page, name, address.format(**things))
        if who != "operator":
            found[f"{name}, names"] = unnamed(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in ("light", "dark"):
                dressed(page, scheme)
                look = f"{name}-{width}-{scheme}"
                if width in KEPT:
                    keep(page, look)
                assert_fits(page, look)
                if width in MOST_WIDTHS or name in DRAWN:
                    found[look] = faults(page, impacts)
    assert not any(found.values()), {look: problems for look, problems in found.items() if problems}


def test_the_settings_and_the_menu_fit_too(new_page, site, things):
    page = new_page(site, site.client(EMAIL), viewport={"width": 360, "height": 900})
    page.goto("/")
    page.get_by_role("button", name="Account of").click()
    menu = page.locator("#account")
    expect(menu.get_by_role("button", name="Sign out")).to_be_visible()
    for name in ("Chains", "Operators", "Admin"):
        expect(menu.get_by_role("link", name=name)).to_be_visible()
    assert faults(page) == []
    keep(page, "menu-360-light")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    pages = page.get_by_role("navigation", name="Pages")
    assert pages.evaluate("nav => nav.scrollWidth <= nav.clientWidth"), "some links stand outside of the bar"


def columns(page, inside):
    """How many fields stand side by side."""
    seen = "all => all.filter(one => one.checkVisibility()).map(one => Math.round(one.getBoundingClientRect().x))"
    return len(set(page.locator(f"{inside} > *").evaluate_all(seen)))


@pytest.mark.parametrize(("width", "in_view", "further", "upload"), [(1440, 2, 1, 4), (390, 1, 1, 1)])
def test_settings_stand_side_by_side_where_there_is_room(new_page, site, things, width, in_view, further, upload):
    page = new_page(site, site.client(EMAIL), viewport={"width": width, "height": 900})
    page.goto(f"/videos/{things['video']}/")
    assert columns(page, "#cut .cut-body") == in_view  # waveform and settings
    page.locator("#cut summary").click()
    assert columns(page, "#cut .pairs") == further
    page.goto("/")
    opened(page)
    page.locator("#settings-silence-cut summary").click()
    expect(page.locator("[name=silence-cut-threshold_db]")).to_be_visible()
    assert columns(page, "#settings-silence-cut .fields") == upload


SMALL = ".tag, .link, .facts .button"
"""Those that stand within lines of words."""
LINKS = f":is({SMALL}):is(button, summary), .job a:not([aria-hidden]), .proof > summary"
CONTROLS = (
    f"button:not([aria-hidden=true], {SMALL}), .button:not({SMALL}), nav:not(.seg) a, .seg, .pick,"
    f" summary:not(.proof > summary, {SMALL}), input[type=range], .field > select"
)


@pytest.mark.parametrize(
    ("width", "touch", "control", "link"), [(360, True, 40, 40), (1440, False, 32, 24)], ids=["touch", "mouse"]
)
def test_targets_are_large_enough(new_page, site, things, width, touch, control, link):
    size = {"viewport": {"width": width, "height": 900}, "has_touch": touch, "is_mobile": touch}
    page = new_page(site, site.client(EMAIL), **size)
    for address in (
        "/",
        "/queue/",
        f"/videos/{things['video']}/",
        f"/jobs/{things['done']}/",
        "/stats/",
        "/operators/",
    ):
        page.goto(address)
        if page.locator("#cut-wave").count():  # comes once somebody sees it
            page.locator("#cut-wave").scroll_into_view_if_needed()
        expect(page.locator("[data-state=loading]")).to_have_count(0)  # what is shown may still be put away
        assert lower_than(page, control, CONTROLS) == []
        assert lower_than(page, link, LINKS) == []


def test_a_person_signs_up_and_out_and_in_again(new_page, site):
    page = new_page(site)
    page.goto("/queue/")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Email").fill("new@example.org")
    page.get_by_label("Password").fill("12345")
    page.get_by_role("button", name="Make the account").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value("new@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/queue/")
    page.get_by_role("button", name="Account of new@example.org").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Email").fill("new@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()


def test_the_keys_of_the_player(new_page, site, things):
    page = new_page(site, site.client(EMAIL))
    page.goto(f"/videos/{things['video']}/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.get_by_label("More for").first.click()
    page.get_by_role("button", name="Rename").click()
    name = page.get_by_role("textbox", name="Name", exact=True)
    name.fill("")
    name.press_sequentially("a b?")
    expect(name).to_have_value("a b?")  # keys typed into a field are not the player's


def test_nothing_moves_for_those_who_asked_for_that(new_page, site, things):
    page = new_page(site, site.client(EMAIL), reduced_motion="reduce")
    page.goto("/queue/")
    moving = page.evaluate("document.getAnimations().length")
    assert moving == 0


def test_pages_weigh_little_and_come_from_here_only(new_page, site, things):
    page = new_page(site, site.client(EMAIL))
    for address in ("/", "/queue/", f"/videos/{things['video']}/"):
        loaded = []
        page.on("request", lambda request, loaded=loaded: loaded.append(request))
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert all(request.url.startswith((site.url, site.url.replace("http", "ws"))) for request in loaded)
        weight = sum(compressed(request.url) for request in loaded if request.resource_type in ("script", "stylesheet"))
        assert 0 < weight < 60_000


def compressed(url):
    """What is sent for a file, in bytes: packed, unless it is so small that this gains nothing."""
    response = requests.get(url, headers={"Accept-Encoding": "gzip"}, timeout=30, stream=True)
    assert "immutable" in response.headers["Cache-Control"]
    body = response.raw.read()
    if response.headers.get("Content-Encoding") == "gzip":
        assert gzip.decompress(body)
    else:
        assert 0.95 * len(body) < len(gzip.compress(body))
    return len(body)
