"""What destroys something asks first, and what cannot be done is said, in a real browser."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone
from playwright.sync_api import expect

from jobs.models import Account, Artifact, Job, Video
from tests import pictures
from tests.browser.axe import faults
from tests.browser.queue.rows import Desk, more, row
from tests.site import PASSWORD

S = Job.Status
SLOW = 30_000
"""Milliseconds, on a busy machine."""


@pytest.fixture
def desk(site, client, email):
    return Desk(site, client, email)


@pytest.fixture
def done(desk):
    """A job with a result."""
    job = desk.job(status=S.SUCCEEDED)
    with desk.site.orm():
        Artifact.objects.create(
            job=job, kind="video", name="cut.mp4", key="none", size=2000, media_type="video/mp4", sha256="0" * 64
        )
    return job


@pytest.fixture
def visit(new_page, site, client, desk):
    def visit(address, **options):
        page = new_page(site, client, **options)
        page.goto(address)
        expect(page.locator("#live")).to_have_text("Live", timeout=SLOW)
        return page

    return visit


def exists(site, model, pk):
    with site.orm():
        return model.objects.filter(pk=pk).exists()


def test_a_result_that_is_removed_comes_back_by_the_next_key(visit, site, done):
    page = visit("/queue/")
    row(page, done).locator(".menu > summary").press("Enter")
    row(page, done).get_by_role("button", name="Remove").press("Enter")
    expect(row(page, done)).to_have_count(0)
    expect(page.locator("#messages")).to_contain_text("Removed “Thumbnails of Lecture 4”.")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    expect(page.get_by_role("button", name="Undo")).to_be_in_viewport()
    assert faults(page) == []
    assert not exists(site, Job, done.pk)
    page.keyboard.press("Enter")
    expect(row(page, done)).to_be_visible()
    expect(page.locator("#messages")).to_contain_text("“Thumbnails of Lecture 4” is back.")
    assert exists(site, Job, done.pk)


def needed(desk, done):
    """Work under way that needs the result of that job. Had it not begun, the site would begin it for us."""
    return desk.job(on_result=True, source_job=done)


def test_a_result_that_work_needs_is_removed_only_by_who_says_so_twice(visit, site, desk, done):
    needing = needed(desk, done)
    page = visit("/queue/")
    menu, question = row(page, done).locator(".menu > summary"), page.get_by_role("alertdialog")
    more(page, done, "Remove")
    expect(question).to_contain_text("“Thumbnails” of “Lecture 4” and its file (2 KB) will go to the trash for 7 days.")
    expect(question).to_contain_text("1 job under way needs it and will be stopped.")
    expect(question.get_by_role("link", name="Keep it")).to_be_focused()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(menu).to_be_focused()
    assert exists(site, Job, done.pk)
    more(page, done, "Remove")
    question.get_by_role("button", name="Remove it").click()
    expect(row(page, done)).to_have_count(0)
    expect(question).to_be_hidden()
    assert desk.stored(needing).status == S.CANCELLED
    assert not exists(site, Job, done.pk)


def test_the_focus_returns_to_a_button_that_was_drawn_anew_meanwhile(visit, desk):
    job = desk.job(started_at=timezone.now() - timedelta(minutes=10))
    page = visit("/queue/")
    row(page, job).get_by_role("button", name="Cancel").click()
    question = page.get_by_role("alertdialog", name="Cancel this job?")
    expect(question).to_contain_text("It has run for 10 min")
    desk.advance(job, 0.5, "Further on")
    expect(row(page, job)).to_contain_text("Further on")
    question.get_by_role("link", name="Let it run").click()
    expect(row(page, job).get_by_role("button", name="Cancel")).to_be_focused()
    assert desk.stored(job).status == S.RUNNING
    row(page, job).get_by_role("button", name="Cancel").click()
    question.get_by_role("button", name="Cancel it").click()
    expect(row(page, job).locator(".chip")).to_have_text("Cancelled")


def test_a_recording_with_work_under_way_is_deleted_only_by_who_says_so_twice(visit, site, desk):
    desk.job()
    page = visit(f"/videos/{desk.video.pk}/")
    menu, delete = page.get_by_label("More for Lecture 4"), page.get_by_role("button", name="Delete the recording")
    menu.click()
    delete.click()
    question = page.get_by_role("alertdialog", name="Delete “Lecture 4”?")
    question.get_by_role("link", name="Keep it").click()
    expect(question).to_be_hidden()
    assert exists(site, Video, desk.video.pk)
    if not delete.is_visible():
        menu.click()
    delete.click()
    question.get_by_role("button", name="Delete it").click()
    page.wait_for_url(site.url + "/")
    assert not exists(site, Video, desk.video.pk)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#messages")).to_contain_text("“Lecture 4” is back.")
    expect(page.locator(f"a[href='/videos/{desk.video.pk}/']").first).to_be_visible()


def test_without_javascript_a_page_asks_and_undoes(new_page, site, client, desk, done):
    needed(desk, done)
    page = new_page(site, client, java_script_enabled=False)
    page.goto("/queue/?status=done")
    more(page, done, "Remove")
    page.get_by_role("link", name="Keep it").click()
    more(page, done, "Remove")
    page.get_by_role("button", name="Remove it").click()
    assert page.url.endswith("/queue/?status=done")
    assert not exists(site, Job, done.pk)
    page.get_by_role("button", name="Undo").click()
    assert page.url.endswith("/queue/?status=done")
    assert exists(site, Job, done.pk)
    more(page, done, "Remove")
    assert "Removed “Thumbnails of Lecture 4”." in page.locator("#messages").inner_text()


# When it cannot be done -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda route: route.abort("connectionrefused"), "The server does not answer"),
        (lambda route: route.fulfill(status=503, json={"error": {"message": "Away for a moment."}}), "Away for"),
        (lambda route: route.fulfill(status=507, body="The disk is full.", content_type="text/plain"), "disk is full"),
        (lambda route: route.fulfill(status=500, body="<p>", content_type="text/html"), "could not do that just now"),
        (lambda route: route.fulfill(status=404, body="gone"), "not there any more"),
    ],
    ids=["down", "away", "full", "broken", "gone"],
)
def test_a_button_that_could_not_do_its_work_says_so_in_sight(visit, desk, answer, words):
    job = desk.job()
    for _ in range(12):
        desk.job(status=S.SUCCEEDED)
    page = visit("/queue/", viewport={"width": 390, "height": 700})
    page.route("**/jobs/**", answer)
    last = page.locator("article.job").last
    last.scroll_into_view_if_needed()
    last.locator(".menu > summary").click()
    last.get_by_role("button", name="Remove").click()
    said = page.locator("#messages[role=status]")
    expect(said).to_contain_text(words)
    expect(said).to_be_in_viewport()
    assert desk.stored(job).status == S.RUNNING


def test_what_could_not_be_done_is_done_by_another_press(visit, desk, done):
    page = visit("/queue/")
    page.route("**/jobs/*/remove/", lambda route: route.abort("connectionrefused"))
    more(page, done, "Remove")
    expect(page.locator("#messages")).to_contain_text("The server does not answer")
    page.unroute("**/jobs/*/remove/")
    page.locator("#messages").get_by_role("button", name="Try again").click()
    expect(row(page, done)).to_have_count(0)


def test_a_form_stays_as_it_is_while_the_server_is_down(visit, site, desk):
    page = visit(f"/videos/{desk.video.pk}/")
    page.get_by_role("link", name="Thumbnails").click()
    page.locator("[name='thumbnails-count']").fill("17")
    page.route("**/healthz", lambda route: route.abort("connectionrefused"))
    page.get_by_role("button", name=re.compile("Start.*Thumbnails")).click()
    expect(page.locator("#messages")).to_contain_text("The server does not answer")
    expect(page.locator("[name='thumbnails-count']")).to_have_value("17")
    page.unroute("**/healthz")
    page.locator("#messages").get_by_role("button", name="Try again").click()
    page.wait_for_url("**/#jobs")
    expect(page.locator("#history li")).to_have_count(2)


def test_who_was_signed_out_finds_the_form_as_it_was_left(visit, desk, email):
    page = visit(f"/videos/{desk.video.pk}/")
    page.get_by_role("link", name="Thumbnails").click()
    page.locator("[name='thumbnails-count']").fill("17")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name=re.compile("Start.*Thumbnails")).click()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"**/videos/{desk.video.pk}/")
    expect(page.locator("#messages")).to_contain_text("What you had entered is still here")
    expect(page.locator("[name='thumbnails-count']")).to_have_value("17")
    expect(page.locator("[name='thumbnails-count']")).to_be_visible()


def test_a_button_says_that_its_owner_is_signed_out(visit, desk, done):
    page = visit("/queue/")
    page.context.clear_cookies(name="sessionid")
    more(page, done, "Remove")
    expect(page.locator("#messages")).to_contain_text("You are signed out, so nothing was done.")
    expect(page.get_by_role("link", name="Sign in again")).to_have_attribute(
        "href", re.compile(r"/accounts/login/\?next=%2Fqueue%2F$")
    )
    expect(row(page, done)).to_be_visible()


# What is wrong with a form --------------------------------------------------------------------------------------------

PHONE = {"viewport": {"width": 390, "height": 700}}


@pytest.mark.parametrize(
    ("work", "field", "value"),
    [
        ("trim", "trim-end", "soon"),
        ("silence-cut", "silence-cut-audio_track", "first"),
        ("thumbnails", "thumbnails-count", "0"),
    ],
)
def test_the_first_field_in_error_has_the_focus_and_is_in_sight(new_page, site, client, desk, work, field, value):
    page = new_page(site, client, **PHONE)
    page.goto(f"/videos/{desk.video.pk}/?do={work}")
    page.locator(f"[name='{field}']").evaluate(
        "(field, value) => { field.value = value; field.form.noValidate = true; field.form.requestSubmit(); }", value
    )
    wrong = page.locator(f"[name='{field}'][aria-invalid=true]")
    expect(wrong).to_be_focused(timeout=SLOW)
    expect(wrong).to_be_in_viewport()
    expect(page.locator(".errorlist", has_text=re.compile(r"\.$")).first).to_be_in_viewport()


def test_an_error_of_no_field_has_the_focus_itself(new_page, site, client, desk):
    page = new_page(site, client, **PHONE)
    page.goto(f"/videos/{desk.video.pk}/")
    page.locator("[name='trim-end']").fill("5000")
    page.get_by_role("button", name=re.compile("Start.*Trim")).click()
    said = page.get_by_text("The recording ends after 10 s.")
    expect(said).to_be_focused(timeout=SLOW)
    expect(said).to_be_in_viewport()


def test_a_page_without_errors_keeps_its_focus(visit, desk):
    page = visit(f"/videos/{desk.video.pk}/")
    assert page.evaluate("document.activeElement === document.body")


def test_an_image_that_was_chosen_is_what_is_told(visit, desk):
    page = visit(f"/videos/{desk.video.pk}/?do=watermark")
    place = page.locator(".image-input")
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": pictures.logo()}
    with page.expect_file_chooser() as chooser:
        place.get_by_role("button", name="Choose an image").click()
    chooser.value.set_files(logo)
    expect(place.get_by_role("status")).to_contain_text("logo.png", timeout=SLOW)
    assert place.locator("[type=file]").bounding_box()["width"] <= 1, "the browser's own words are not to be seen"
    expect(place.get_by_role("button", name="Choose another one")).to_be_visible(timeout=SLOW)
    place.get_by_role("button", name="Do without it").click()
    expect(place.get_by_role("button", name="Choose an image")).to_be_focused()
    expect(place.get_by_role("status")).to_be_empty()


@pytest.fixture
def addresses(new_page, site, client, email):
    """The page of somebody's two addresses."""
    with site.orm():
        owner = Account.objects.get(email=email)
        for number in (1, 2):
            EmailAddress.objects.create(user=owner, email=f"{number}-{email}", primary=number == 1, verified=True)
    page = new_page(site)
    page.goto("/accounts/login/?next=/accounts/email/")
    page.get_by_label("Email").fill(f"1-{email}")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    return page


def test_who_asks_again_before_the_page_has_heard_the_answer_is_asked_again(addresses, email):
    page = addresses
    page.get_by_label(f"2-{email}").check()
    page.get_by_role("button", name="Remove").click()
    question = page.get_by_role("alertdialog", name="Remove this address?")
    expect(question).to_be_visible()
    again = "(button) => { document.querySelector('#ask-body button[value=no]').click(); button.click(); }"
    page.evaluate(again, page.query_selector("[data-ask]"))
    page.evaluate("new Promise(requestAnimationFrame)")  # the browser has told of the close by now
    question.get_by_role("button", name="Keep it").click()
    expect(question).to_be_hidden()
    expect(page.get_by_label(f"2-{email}")).to_be_visible()


def test_an_address_is_removed_only_by_who_says_so_twice(addresses, site, email):
    page = addresses
    page.get_by_label(f"2-{email}").check()
    page.get_by_role("button", name="Remove").click()
    question = page.get_by_role("alertdialog", name="Remove this address?")
    question.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("button", name="Remove")).to_be_focused()
    page.get_by_role("button", name="Remove").click()
    question.get_by_role("button", name="Remove it").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#messages")).to_contain_text(f"2-{email} has been removed.", timeout=SLOW)
    with site.orm():
        assert not EmailAddress.objects.filter(email=f"2-{email}").exists()
        assert EmailAddress.objects.filter(email=f"1-{email}").exists()
