"""Finding recordings in the library, and doing something with several at once."""

import re

import pytest
from playwright.sync_api import expect

from jobs.models import Account, Job
from tests import factories
from tests.browser.axe import faults


@pytest.fixture
def made(site, client, email):
    """Five recordings without bytes, two of them tagged."""
    with site.orm():
        owner = Account.objects.get(email=email)
        videos = [factories.video(owner, title=f"Talk {number}") for number in range(5)]
    tag(client, videos[:2], "Lectures")
    return videos


def tag(client, videos, name):
    body = {"ids": [str(video.pk) for video in videos], "add": [name]}
    assert client.post("/api/v1/videos/bulk/tags", json=body).json()["done"] == len(videos)


def shown(page):
    return page.locator(".vid [data-open]")


def test_filters_stay_in_the_address_and_hold_for_what_comes_live(new_page, site, client, email, made):
    page = new_page(site, client)
    page.goto("/")
    expect(page.locator("#live")).to_have_text("Live")
    page.locator(".filters").get_by_role("link", name="Lectures").click()
    expect(shown(page)).to_have_count(2)
    assert page.url.endswith("/?tag=Lectures")
    expect(page.locator("#live")).to_have_text("Live")
    with site.orm():
        owner = Account.objects.get(email=email)
        another = factories.video(owner, title="Talk 5")
        factories.video(owner, title="No lecture")
    tag(client, [made[4], another], "Lectures")
    expect(shown(page)).to_have_count(4)
    page.get_by_label("Sort").select_option("Name")
    page.wait_for_url("**/?tag=Lectures&sort=name")
    expect(shown(page)).to_have_text(["Talk 0", "Talk 1", "Talk 4", "Talk 5"])
    page.keyboard.press("/")
    page.keyboard.type("talk 1")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=talk+1**")
    expect(shown(page)).to_have_text(["Talk 1"])
    page.get_by_label("More tags and filters").click()
    assert faults(page) == []


def test_a_stretch_is_chosen_worked_on_in_an_order_and_deleted_with_a_way_back(new_page, site, client, email, made):
    page = new_page(site, client)
    page.goto("/?sort=name")
    boxes = page.get_by_label("Choose Talk")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    bar = page.locator("#chosen")
    expect(bar.locator("[data-chosen]")).to_have_text("3 chosen")
    bar.locator("summary").click()
    page.keyboard.press("Escape")  # closes the menu, and leaves what is chosen
    expect(bar.locator("b")).to_have_text(re.compile(r"^3 chosen"))
    bar.get_by_role("button", name="Do something").click()
    page.get_by_label("Earlier: Talk 2").click()
    page.get_by_label("Leave out: Talk 1").click()
    expect(page.locator(".chosen-list .medium")).to_have_text(["Talk 0", "Talk 2"])
    page.get_by_role("radio", name="Cut the silence").check()
    expect(page.locator(".what-settings:visible")).to_have_count(1)
    assert faults(page) == []
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/queue/")
    with site.orm():
        assert set(Job.objects.filter(owner__email=email).values_list("video__title", flat=True)) == {
            "Talk 0",
            "Talk 2",
        }
    page.goto("/?sort=name")
    page.get_by_label("Choose Talk 3").click()
    page.get_by_label("Choose Talk 4").click()
    bar.get_by_role("button", name="Delete").click()
    expect(shown(page)).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(shown(page)).to_have_count(5)


def test_a_recording_is_tagged_in_its_place(new_page, site, client, made):
    page = new_page(site, client)
    page.goto("/?sort=name")
    page.get_by_label("More for Talk 4").click()
    page.get_by_role("link", name="Tags").click()
    dialog = page.locator("#ask")
    dialog.get_by_label("Lectures").check()
    dialog.get_by_label("New tags").fill("Winter")
    assert faults(page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(f"#video-{made[4].pk}")).to_contain_text("Lectures, Winter")


def test_what_is_found_takes_the_place_of_the_list_and_back_leads_through_it(new_page, site, client, email, made):
    page = new_page(site, client)
    page.goto("/")
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.loadedOnce = true")
    filters = page.locator(".filters")
    filters.get_by_role("link", name="Lectures").press("Enter")
    expect(shown(page)).to_have_count(2)
    expect(filters.get_by_role("link", name="Lectures")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("talk 1")  # and no Enter
    expect(shown(page)).to_have_text(["Talk 1"])
    assert page.url.endswith("/?q=talk+1&tag=Lectures")
    find = page.get_by_role("searchbox", name="Find recordings")
    expect(find).to_be_focused()
    expect(find).to_have_value("talk 1")
    expect(page.locator("#find-say")).to_contain_text("1 of 5 recordings")
    page.get_by_label("Sort").select_option("Oldest first")
    page.wait_for_url("**&sort=oldest")
    page.go_back()
    page.wait_for_url("**/?q=talk+1&tag=Lectures")
    page.go_back()
    expect(shown(page)).to_have_count(2)  # the words went in one step
    expect(find).to_have_value("")
    page.go_back()
    expect(shown(page)).to_have_count(5)
    page.go_forward()
    expect(shown(page)).to_have_count(2)
    with site.orm():
        another = factories.video(Account.objects.get(email=email), title="Talk 9")
    tag(client, [another], "Lectures")
    expect(shown(page)).to_have_count(3, timeout=30_000)  # the page is told of what it shows now
    page.get_by_label("More tags and filters").click()
    page.get_by_label("Length").select_option("Over 1 h")
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("heading", name="No recording is like that")).to_be_visible()
    expect(page.get_by_label("More tags and filters")).to_be_focused()
    assert faults(page) == []
    page.get_by_role("link", name="Show all").click()
    expect(shown(page)).to_have_count(6)
    assert page.evaluate("window.loadedOnce"), "the page was loaded anew"


def test_several_take_a_preset_and_are_quoted_before_they_start(new_page, site, client, email, made):
    page = new_page(site, client)
    page.goto("/?sort=name")
    page.get_by_label("Choose Talk").nth(0).click()
    page.get_by_label("Choose Talk").nth(1).click()
    page.locator("#chosen").get_by_role("button", name="Do something").click()
    page.get_by_role("radio", name="Trim").check()
    page.locator(".what-settings:visible > summary").click()
    page.get_by_role("textbox", name="From", exact=True).fill("0:02")
    expect(page.locator("#chosen-quote")).to_contain_text("copies the picture but at both ends", timeout=30_000)
    presets = page.locator(".what-presets:visible")
    presets.locator("summary").click()
    presets.get_by_label("Name of a preset").fill("Without the countdown")
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("Saved as “Without the countdown”.")
    page.get_by_role("textbox", name="From", exact=True).fill("0:05")
    presets.locator("summary").click()
    assert faults(page) == []
    presets.get_by_role("button", name="Without the countdown").click()
    expect(page.get_by_role("textbox", name="From", exact=True)).to_have_value("2.0")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/queue/")
    with site.orm():
        started = Job.objects.filter(owner__email=email)
        assert [job.params["start"] for job in started] == [2.0, 2.0]
