"""A recording is named by its address, and watched while it comes."""

import re

from playwright.sync_api import expect

from jobs.models import Import, Job, Video
from tests import media
from tests.browser.axe import faults
from tests.browser.shown import assert_fits, dressed
from tests.browser.uploads.page import SLOW, mine
from tests.elsewhere import Elsewhere, Recording, always


def test_a_pasted_address_becomes_a_recording_under_the_eyes_of_its_owner(library, site, email, tmp_path):
    talk = media.video(tmp_path / "talk.mp4", seconds=2).read_bytes()
    there = Recording(talk, piece=4096, pause=0.4)
    with Elsewhere(there) as server:
        library.get_by_label("Cut the silence", exact=True).uncheck()
        library.get_by_label("Thumbnails", exact=True).check()
        field = library.get_by_label("Or paste the address of one")
        field.fill(f"{server.url}/team%20talk.mp4")
        library.get_by_role("button", name="Fetch it").click()
        row = library.locator("#imports article")
        expect(row).to_contain_text("team talk.mp4", timeout=SLOW)
        expect(row).to_contain_text(re.compile(r"[\d.]+ KB of \d+ KB"), timeout=SLOW)
        expect(field).to_have_value("")
        there.pause = 0
        expect(library.locator(".vid")).to_contain_text("team talk", timeout=SLOW)
        expect(row).to_have_count(0, timeout=SLOW)
    assert [video.title for video in mine(site, email, Video)] == ["team talk"]
    assert [job.operation for job in mine(site, email, Job)] == ["thumbnails"]


def test_what_cannot_be_fetched_says_why_and_can_be_tried_again_or_taken_away(library, site, email, tmp_path):
    with Elsewhere(always("404 Not Found")) as server:
        field = library.get_by_label("Or paste the address of one")
        field.fill("ftp://example.org/a.mp4")
        field.press("Enter")
        expect(library.get_by_role("alert")).to_contain_text("begin with https:// or http://")
        field.fill(f"{server.url}/gone.mp4")
        field.press("Enter")
        row = library.locator("#imports article")
        expect(row.get_by_role("alert")).to_contain_text("There is nothing at this address", timeout=SLOW)
        library.set_viewport_size({"width": 360, "height": 800})
        for scheme in ("light", "dark"):
            dressed(library, scheme)
            assert faults(library) == []
        assert_fits(library, "a failed import")
        talk = media.video(tmp_path / "talk.mp4", seconds=1).read_bytes()
        server.answering = Recording(talk)
        row.get_by_role("button", name="Try again").click()
        expect(library.locator(".vid")).to_contain_text("gone", timeout=SLOW)
        server.answering = always("410 Gone")
        field.fill(f"{server.url}/other.mp4")
        field.press("Enter")
        expect(row.get_by_role("alert")).to_be_visible(timeout=SLOW)
        row.get_by_role("button", name="Remove").click()
        expect(row).to_have_count(0, timeout=SLOW)
    assert [one.status for one in mine(site, email, Import)] == ["succeeded"]


def test_one_that_is_coming_is_cancelled_after_a_question(library, site, email, tmp_path):
    talk = media.video(tmp_path / "talk.mp4", seconds=2).read_bytes()
    with Elsewhere(Recording(talk, piece=2048, pause=0.5)) as server:
        library.get_by_label("Or paste the address of one").fill(f"{server.url}/talk.mp4")
        library.get_by_role("button", name="Fetch it").click()
        row = library.locator("#imports article")
        expect(row).to_contain_text(re.compile(r"KB of"), timeout=SLOW)
        row.get_by_role("button", name="Cancel").click()
        dialog = library.get_by_role("alertdialog")
        expect(dialog).to_contain_text("will be thrown away")
        dialog.get_by_role("button", name="Cancel it").click()
        expect(row).to_have_count(0, timeout=SLOW)
    assert [one.status for one in mine(site, email, Import)] == ["cancelled"]
    assert mine(site, email, Video) == []
