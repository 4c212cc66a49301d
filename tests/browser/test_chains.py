"""Chains are made in a real browser: by keyboard, by dragging, on a phone."""

import re

import pytest
from playwright.sync_api import expect

from jobs.models import Account, Pipeline, Run
from jobs.services import pipelines, shipped
from tests import factories, media
from tests.browser.axe import faults
from tests.browser.shown import assert_fits, dressed, keep, lower_than
from tests.browser.uploads.page import opened


@pytest.fixture
def visit(new_page, site, client):
    def visit(address, **options):
        page = new_page(site, client, **options)
        page.goto(address)
        expect(page.locator("#live")).to_have_text("Live")
        return page

    return visit


@pytest.fixture
def podcast(site, client, email):
    """A copy of the shipped one."""
    with site.orm():
        return pipelines.copy(Account.objects.get(email=email), shipped.find("podcast"))


def nodes(page):
    return page.locator(".flow.edited a.node b").all_inner_texts()


def sources(page):
    """What each step works on, by its name."""
    found = {}
    for step in page.locator("details.step").all():
        called = step.locator("[name$='-called']").input_value()
        found[called] = step.locator("[name$='-input'] option:checked").text_content()
    return found


def add(page, where, title):
    """By keyboard alone, from the place that the focus is at."""
    fold = page.locator(where)
    if not fold.evaluate("fold => fold.open"):
        fold.locator("summary").first.press("Enter")
    fold.get_by_role("button", name=title).first.press("Enter")
    expect(page.locator("#chain-say")).to_contain_text(f"“{title}” has been added.")


def test_podcast_is_made_from_nothing_by_keyboard(visit, site, email):
    page = visit("/chains/new")
    page.get_by_label("Name", exact=True).press_sequentially("My podcast")
    add(page, "#add", "Clean the audio")
    expect(page.locator("#node-s1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#step-s1 > summary")).to_be_focused()
    page.locator("#s1-called").fill("Clean")
    add(page, "#add-s1", "Extract the audio")
    page.locator("#step-s2 [name='s2-p-format']").select_option("mp3")
    expect(page.locator("#step-s2 [name='s2-p-bitrate_kbps']")).to_be_visible()
    page.locator("#s2-called").fill("MP3")
    add(page, "#add-s1", "Cut the silence")
    page.locator("#s3-called").fill("Cut")
    # From beside the cut to after it.
    page.locator("#s2-input").select_option(label="Cut")
    expect(page.locator(".flow.edited .branch")).to_have_count(0)
    assert nodes(page) == ["Clean", "Cut", "MP3"]
    page.locator("#node-s3").focus()
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator("#chain-say")).to_have_text("“Cut” works on the recording now, and “Clean” on it.")
    expect(page.locator("#node-s3")).to_be_focused()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator("#chain-say")).to_contain_text("“Cut” works on “Clean” now")
    page.keyboard.press("Delete")
    expect(page.locator("#chain-say")).to_contain_text("“Cut” is gone")
    page.locator("#undo").press("Enter")
    expect(page.locator("#node-s3")).to_be_focused()
    assert nodes(page) == ["Clean", "Cut", "MP3"]
    page.locator("#step-s3").evaluate("step => { step.open = true; }")
    add(page, "#add-s3", "Transcribe")
    page.get_by_role("button", name="Save", exact=True).last.press("Enter")
    page.wait_for_url(re.compile("/chains/#?[a-z]*$"))
    expect(page.get_by_role("heading", name="My podcast")).to_be_visible()
    with site.orm():
        chain = pipelines.chain_of(Pipeline.objects.get(owner__email=email, slug="my-podcast"))
    wanted = shipped.find("podcast").steps
    assert [(step.operation, step.input) for step in chain] == [(step.operation, step.input) for step in wanted]


def drag(page, start, end):
    begin, target = page.locator(start).bounding_box(), page.locator(end).bounding_box()
    page.mouse.move(begin["x"] + 20, begin["y"] + 20)
    page.mouse.down()
    page.mouse.move(begin["x"] + 40, begin["y"] + 30)
    page.mouse.move(target["x"] + target["width"] / 2, target["y"] + target["height"] / 2, steps=4)
    expect(page.locator(end)).to_have_class(re.compile("aim"))
    page.mouse.up()


def test_steps_are_dragged_onto_others_and_between_them(visit, podcast):
    page = visit(f"/chains/{podcast.slug}/", viewport={"width": 1440, "height": 900})
    assert sources(page) == {"Clean": "The recording", "Cut": "Clean", "MP3": "Cut", "Transcript": "Cut"}
    drag(page, "#node-s3", "#node-s1")
    expect(page.locator("#chain-say")).to_have_text("“MP3” works on “Clean” now.")
    drag(page, "#node-s2", "[data-before=s1]")
    expect(page.locator("#chain-say")).to_contain_text("“Cut” works on the recording now, and “Clean” on it.")
    assert sources(page) == {"Cut": "The recording", "Clean": "Cut", "MP3": "Clean", "Transcript": "Clean"}
    drag(page, "#node-s4", "#node-")
    expect(page.locator("#chain-say")).to_have_text("“Transcript” works on the recording now.")
    for left in (2, 1, 0):
        page.locator("#undo").click()
        expect(page.locator("[name=before]")).to_have_count(left)
    expect(page.locator("#undo")).to_be_disabled()
    assert sources(page) == {"Clean": "The recording", "Cut": "Clean", "MP3": "Cut", "Transcript": "Cut"}


@pytest.mark.parametrize("width", [390, 1440])
def test_the_pages_of_chains_fit_and_can_be_used_by_everybody(visit, podcast, width):
    touch = {"has_touch": True, "is_mobile": True} if width < 800 else {}
    page = visit("/chains/", viewport={"width": width, "height": 900}, **touch)
    found = {}
    for name, address in {
        "chains": "/chains/",
        "chain": f"/chains/{podcast.slug}/",
        "chain-new": "/chains/new",
        "chain-run": "/chains/podcast/run/",
        "chain-delete": f"/chains/{podcast.slug}/delete/",
    }.items():
        page.goto(address)
        if name == "chain":
            page.locator("#step-s2").evaluate("step => { step.open = true; }")
            page.locator("#add-s2").evaluate("step => { step.open = true; }")
        for scheme in ("light", "dark"):
            dressed(page, scheme)
            keep(page, f"{name}-{width}-{scheme}")
            assert_fits(page, name)
            found[f"{name} {scheme}"] = faults(page)
        assert (
            lower_than(page, 40 if touch else 32, "button:not(.aside), .button, summary, .field > select, a.node") == []
        )
    assert not any(found.values()), found


@pytest.mark.parametrize("width", [390, 1440])
def test_ticks_show_their_order_which_can_be_changed(visit, width):
    page = visit("/", viewport={"width": width, "height": 900})
    opened(page)
    for title in ("Clean the audio", "Watermark", "Thumbnails"):
        page.get_by_label(title, exact=True).check()
    line = page.locator("#order-words")
    expect(line).to_have_text("Runs as one chain: Clean the audio → Cut the silence → Watermark → Thumbnails")
    page.locator("#later-clean-audio").press("Enter")
    expect(line).to_contain_text("Cut the silence → Clean the audio → Watermark → Thumbnails")
    expect(page.locator("#later-clean-audio")).to_be_focused()
    expect(page.locator("[name=order]")).to_have_value("silence-cut,clean-audio,watermark,thumbnails")
    for scheme in ("light", "dark"):
        dressed(page, scheme)
        keep(page, f"upload-order-{width}-{scheme}")
        assert_fits(page, "library")
        assert faults(page) == []
    page.locator("[name=pipeline][value=lecture]").check()
    expect(page.locator("#then")).to_have_text("Lecture")
    expect(page.get_by_label("Watermark", exact=True)).to_be_hidden()
    expect(line).to_be_hidden()


def test_a_saved_chain_is_run_on_an_upload(visit, site, client, email, tmp_path):
    with site.orm():
        pipelines.save(
            Account.objects.get(email=email),
            "Stills",
            [{"operation": "thumbnails", "params": {"count": 1}}, {"operation": "extract-audio"}],
        )
    page = visit("/?chain=stills")
    page.set_input_files("#id_file", media.video(tmp_path / "garden.mp4", seconds=2))
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url("**/queue/")
    with site.orm():
        run = Run.objects.get(owner__email=email)
        assert (run.slug, run.jobs.count()) == ("stills", 2)


@pytest.mark.parametrize("width", [390, 1440])
def test_a_recording_shows_its_chains(visit, site, email, width):
    with site.orm():
        owner = Account.objects.get(email=email)
        sound = factories.video(owner, title="Podcast 112", facts=factories.info(video=None))
    page = visit(f"/videos/{sound.pk}/", viewport={"width": width, "height": 900})
    page.get_by_text("Begin with a saved one").click()
    expect(page.locator("#chain .off").last).to_contain_text("Social clip")
    expect(page.locator("#chain").get_by_role("button", name="Podcast")).to_be_enabled()
    for scheme in ("light", "dark"):
        dressed(page, scheme)
        keep(page, f"video-chains-{width}-{scheme}")
        assert_fits(page, "video")
        assert faults(page) == []
