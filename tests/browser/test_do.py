"""“Do something” with scripts: nothing typed is lost, work is found by its words, and each change is quoted."""

import pytest
from playwright.sync_api import expect

from jobs.models import Account
from tests import factories

SLOW = 30_000


@pytest.fixture
def page(new_page, site, client, email):
    with site.orm():
        owner = Account.objects.get(email=email)
        video = factories.video(owner)
    page = new_page(site, client)
    page.goto(f"/videos/{video.pk}/")
    return page


def test_forms_change_places_and_keep_what_was_typed(page):
    form, work = page.locator("#do-form"), page.locator("#do-list")
    form.get_by_label("To", exact=True).fill("0:04")
    quote = page.locator("#do-quote")
    expect(quote).to_contain_text("copies the picture but at both ends", timeout=SLOW)
    page.get_by_role("searchbox", name="Find a piece of work").fill("mp3")
    expect(work.get_by_role("link")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(form).to_have_attribute("data-operation", "extract-audio")
    expect(work.get_by_role("link", name="Extract the audio")).to_have_attribute("aria-current", "true")
    form.get_by_label("Format").select_option("flac")
    page.get_by_role("searchbox", name="Find a piece of work").fill("")
    work.get_by_role("link", name="Trim").click()
    expect(form.get_by_label("To", exact=True)).to_have_value("0:04")
    work.get_by_role("link", name="Extract the audio").click()
    expect(form.get_by_label("Format")).to_have_value("flac")
    expect(quote).not_to_contain_text("copies the picture")  # it is of this work again
    work.get_by_role("link", name="Trim").click()
    form.get_by_label("To", exact=True).fill("")
    form.get_by_role("button", name="Start").click()  # which it cannot, and says so on a page of its own
    expect(form).to_contain_text("Write from when, until when, or both.", timeout=SLOW)
    work.get_by_role("link", name="Extract the audio").click()
    expect(form.get_by_label("Format")).to_have_value("flac")
    page.reload()
    expect(form).to_have_attribute("data-operation", "extract-audio")


def test_steps_and_presets_come_without_leaving_the_page(page):
    form, chain = page.locator("#do-form"), page.locator("#chain")
    form.get_by_role("button", name="Add to the chain").click()
    wrong = form.get_by_label("From", exact=True)
    expect(wrong).to_be_focused(timeout=SLOW)
    expect(form).to_contain_text("Write from when, until when, or both.")
    form.get_by_label("To", exact=True).fill("4")
    form.get_by_role("button", name="Add to the chain").click()
    expect(chain.locator(".node")).to_have_count(2, timeout=SLOW)
    form.get_by_text("Presets").click()
    form.get_by_label("Name of a preset").fill("The beginning")
    page.keyboard.press("Enter")  # saves the preset, and starts nothing
    expect(form.locator(".presets > summary")).to_contain_text("The beginning", timeout=SLOW)
    expect(form.get_by_label("To", exact=True)).to_have_value("4.0")
    page.locator("#do-list").get_by_role("link", name="Convert").click()
    expect(form).to_have_attribute("data-operation", "convert")
    form.get_by_role("button", name="Add to the chain").click()
    expect(chain.locator(".node")).to_have_count(3, timeout=SLOW)
    chain.get_by_role("link", name="Trim").click()
    expect(form.get_by_role("button", name="Change this step")).to_be_visible(timeout=SLOW)
    chain.get_by_role("button", name="Remove Trim").click()
    expect(chain.locator(".node")).to_have_count(2, timeout=SLOW)
    chain.get_by_role("button", name="Run the chain").click()
    expect(chain).to_contain_text("Started.", timeout=SLOW)
