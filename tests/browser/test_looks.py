"""How every page looks and whether everybody can use it. Set SHOTS to a folder to keep the pictures."""

import gzip
import os
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from jobs.models import Account, Artifact, Delivery, Job, Removal, Sweep, Webhook
from jobs.services.events import Kind
from jobs.services.sweeping import Report
from tests import factories
from tests.pages.test_runs import chain
from tests.site import PASSWORD

S = Job.Status
EMAIL = "looks@example.org"
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
AXE = {"resultTypes": ["violations"], "preload": False}
"""Preloading is for style sheets of other hosts, and copies ours inline, which the policy forbids."""
OTHERS = {
    # Django names its search field by a picture with the text "Search", and describes it by the help below.
    "label-title-only": 'id="searchbar"',
    # Swagger UI puts a link and a button inside of the button that unfolds a call.
    "nested-interactive": 'class="opblock-summary-control"',
}
"""Markup that is not ours to mend: by axe's rule, what the tag in question carries."""
WHOLE = {
    "reset-link": ".card input[type=password]",
    "confirm-link": ".card form button",
    "admin-token": ".select2-selection[aria-labelledby^=id_owner]",
    "api-docs": ".opblock",
}
"""What shows that the page is the one that is meant, and drawn, where that takes a valid link or a script."""


@pytest.fixture(scope="module")
def things(site):
    """An account with something in every state, by name."""
    site.account(EMAIL, is_staff=True)
    with site.orm():
        owner = Account.objects.get(email=EMAIL)
        long = "Weekly review of everything that happened in the garden, 17 November, camera A"
        video = factories.video(owner, title=long, facts=factories.info(seconds=2544), size=1_290_000_000)
        audio = factories.video(owner, title="Podcast 112, raw", facts=factories.info(seconds=3895, video=None))
        jobs = {status: factories.job(owner, video=video, status=status) for status in S.values}
        run = chain(owner, S.SUCCEEDED, S.RUNNING, S.WAITING, S.WAITING, video=video)
        Job.objects.update(queue="nobody works on this")
        running = Job.objects.filter(status=S.RUNNING)
        stage = "Encoding around 1 214 cuts, 87 % untouched"
        running.update(heartbeat_at="2100-01-01T00:00Z", progress=0.62, stage=stage, eta_seconds=18)
        failed = Job.objects.filter(pk=jobs[S.FAILED].pk)
        failed.update(
            error_message="Nothing in this recording reaches the threshold of -12 dBFS. Choose a lower one.",
            command_log="ffmpeg -nostdin -i file:/a/very/long/path/to/some/recording.mp4 -map 0:0 -f f32le pipe:1",
            log_tail="Conversion failed",
        )
        done = jobs[S.SUCCEEDED]
        facts = {
            "source_duration": 2544,
            "output_duration": 1865.5,
            "render_reason": "The whole picture is encoded, because no stretch of what is kept can be copied.",
            "checked": "checked: 55 950 frames, 1 213 joins, drift 0 ms",
        }
        for kind, name in (("video", "cut.mp4"), ("image", "one.jpg"), ("image", "two.jpg"), ("audio", "cut.m4a")):
            values = {"key": "none", "size": 5000, "media_type": "x/y", "sha256": "0" * 64}
            made = Artifact.objects.create(job=done, kind=kind, name=name, metadata={"seconds": 754, **facts}, **values)
            if kind == "video":
                version = factories.video(owner, pk=made.pk, artifact=made, origin=video, title=f"{long}: cut")
        jobs[S.WAITING].after.add(jobs[S.RUNNING])
        confirm = confirm_link(owner)  # first: the key of the other one depends on the addresses
        links = {"account": owner.pk, "confirm_link": confirm, "reset_link": reset_link(owner)}
        links |= {"run": run.pk, "version": version.pk, **told(owner), **gone(owner, long)}
        return {"video": video.pk, "audio": audio.pk, "done": done.pk, "failed": jobs[S.FAILED].pk, **links}


def gone(owner, title):
    """Something in the trash, something whose file is lost, and a sweep that has found both kinds of strays."""
    job = factories.job(owner, status=S.FAILED)
    facts = {"kind": "job", "title": f"Thumbnails of {title}", "size": 12_000_000}
    job.removal = Removal.objects.create(owner=owner, job=job, **facts)
    job.save()
    report = Report(files=100_000, rows=99_000)
    report.strays.add("artifacts/left/1/behind.mp4", 12_000_000)
    report.missing.add("video gone", 0)
    Sweep.record(report.to_json(), is_fix=False)
    lost = factories.video(owner, title="Interview", missing_since=timezone.now())
    return {"removal": job.removal.pk, "lost": lost.pk}


def told(owner):
    """A webhook that is failing, and one that was switched off."""
    now, long = timezone.now(), "https://hooks.example.org/video/of/the/whole/department?token=a-long-one"
    failing = Webhook.objects.create(owner=owner, url=long, events=Kind.values, failing_since=now, failures=1200)
    reason = "It answered 410: it wants no more."
    Webhook.objects.create(owner=owner, url="https://old.example.net/in", paused_at=now, paused_reason=reason)
    tried = {"at": now.isoformat(), "status": 500, "seconds": 0.212, "answer": "Out of order", "error": ""}
    rows = {"created_at": now, "attempt": 1, "tries": [tried], "payload": '{"type": "job.succeeded", "data": {}}'}
    sent = [
        Delivery.objects.create(
            webhook=failing, event=uuid4(), kind=kind, state=state, due_at="2100-01-01T00:00Z", **rows
        )
        for kind in ("job.succeeded", "pipeline.finished")
        for state in Delivery.State.values
    ]
    return {"webhook": failing.pk, "delivery": sent[0].pk}


def reset_link(account):
    """As in the letter for a forgotten password."""
    key = f"{user_pk_to_url_str(account)}-{default_token_generator.make_token(account)}"
    return f"/accounts/password/reset/key/{key}/"


def confirm_link(account):
    """As in the letter that asks whether an address is right."""
    address = EmailAddress.objects.create(user=account, email="another@example.org")
    return f"/accounts/confirm-email/{EmailConfirmationHMAC(address).key}/"


def keep(page, name):
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def open_whole(page, name, address):
    """Load the page until it is drawn and live, and unfold all of it."""
    page.goto(address)
    expect(page.locator(WHOLE.get(name, "main")).first).to_be_visible(timeout=30_000)  # a large script, for the API
    if address in OWNERS.values() or page.locator("#live").count():
        expect(page.locator("#live")).to_have_text("Live")
    for fold in page.locator("details.fold, details.play").all():
        fold.evaluate("fold => { fold.open = true; }")


def dressed(page, scheme):
    """The page as it is, in other colours. Loading it anew would take longer than all that is looked at."""
    page.emulate_media(color_scheme=scheme)
    # Scripts that hear of it change colours too, one frame later, and some of these take their time.
    page.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    changing = "document.getAnimations().filter(one => one instanceof CSSTransition)"
    page.evaluate(f"{changing}.forEach(one => one.finish())")


def assert_fits(page, name):
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width} px"


def faults(page, impacts=("minor", "moderate", "serious", "critical")):
    """What keeps somebody from using the page, as axe finds it."""
    return [
        f"{one['id']}: {node['html']} {node['failureSummary']}"
        for one in Axe().run(page, options=AXE).response["violations"]
        if one["impact"] in impacts
        for node in one["nodes"]
        if OTHERS.get(one["id"], "<") not in node["html"].partition(">")[0][1:]
    ]


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("who", ["nobody", "owner", "operator"])
def test_every_page_fits_and_can_be_used_by_everybody(new_page, site, things, who, width):
    client, pages = {
        "nobody": (None, EVERYBODYS),
        "owner": (site.client(EMAIL), OWNERS),
        "operator": (site.client(OPERATOR, is_staff=True, is_superuser=True), OPERATORS),
    }[who]
    if who == "owner":  # by the password, also for the pages that ask for it once more
        client = site.client()
        client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD}).raise_for_status()
        client.post("/accounts/reauthenticate/", {"password": PASSWORD}).raise_for_status()
    page = new_page(site, client, viewport={"width": width, "height": 900})
    found = {}
    for name, address in pages.items():
        open_whole(page, name, address.format(**things))
        for scheme in ("light", "dark"):
            dressed(page, scheme)
            look = f"{name}-{width}-{scheme}"
            keep(page, look)
            assert_fits(page, look)
            # The admin and the documentation of the API are others' work, with our colours.
            found[look] = faults(page, ("serious", "critical")) if who == "operator" else faults(page)
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


@pytest.mark.parametrize(("width", "in_view", "further", "upload"), [(1440, 3, 3, 2), (390, 1, 1, 1)])
def test_settings_stand_side_by_side_where_there_is_room(new_page, site, things, width, in_view, further, upload):
    page = new_page(site, site.client(EMAIL), viewport={"width": width, "height": 900})
    page.goto(f"/videos/{things['video']}/")
    assert columns(page, "#cut .sliders") == in_view
    page.get_by_text("More settings").click()
    assert columns(page, "#cut .pairs") == further
    page.goto("/")
    page.locator("#settings-silence-cut summary").click()
    assert columns(page, "#settings-silence-cut .fields") == upload


CONTROLS = (
    "button, .button, nav:not(.seg) a, .seg, .pick, summary:not(.proof > summary), input[type=range], .field > select"
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
        expect(page.locator("[data-state=loading]")).to_have_count(0)  # what is shown may still be put away
        assert lower_than(page, control, CONTROLS) == []
        assert lower_than(page, link, ".job a:not([aria-hidden]), .proof > summary") == []


def lower_than(page, pixels, which):
    """Those of the elements that a person sees which are not as high as that, but for what rounding takes away."""
    low = "(all, pixels) => all.filter(one => one.checkVisibility() && one.getBoundingClientRect().height < pixels)"
    return page.locator(which).evaluate_all(f"{low}.map(one => one.outerHTML)", pixels - 0.1)


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
    page.get_by_text("Rename", exact=True).click()
    name = page.get_by_label("Name")
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
        assert 0 < weight < 65_000


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
