"""Uploads that are interrupted, held, left and taken up again."""

import re
import wave

import numpy as np
import pytest
from playwright.sync_api import expect

from jobs.models import Job, Upload, Video
from tests.browser.uploads.page import SLOW, mine, offsets, tick, untick_all

CHUNK = 8 * 1024**2


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """Sound of two and a half chunks."""
    path = tmp_path_factory.mktemp("large") / "long-talk.wav"
    noise = np.random.default_rng(1).integers(-9000, 9000, int(2.5 * CHUNK / 2), dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(noise.tobytes())
    return path


def test_a_lost_connection_is_made_up_for(library, site, email, large):
    untick_all(library)
    sent, failures = offsets(library), iter([True, True])

    def unreliable(route):
        if route.request.headers.get("upload-offset") == str(CHUNK) and next(failures, False):
            route.abort("connectionreset")
        else:
            route.continue_()

    library.route("**/uploads/*", unreliable)
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    assert sent == [0, CHUNK, CHUNK, CHUNK, 2 * CHUNK]  # nothing that had arrived was sent again
    (video,) = mine(site, email, Video)
    assert video.size == large.stat().st_size


def test_an_upload_goes_on_after_a_reload(library, site, email, large):
    untick_all(library)
    library.route("**/uploads/*", lambda route: hold_back(route, CHUNK))
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    expect(library.locator("#files")).to_contain_text("connection lost, trying again", timeout=SLOW)
    leave_and_return(library)
    left = library.locator("#unfinished")
    expect(left).to_contain_text("long-talk.wav")
    expect(left).to_contain_text("8 MB of 20 MB are there. Choose the same file to go on.")
    sent = offsets(library)
    untick_all(library)
    library.set_input_files("#id_file", large)
    expect(library.locator("#files")).to_contain_text("goes on where it stopped")
    expect(left).to_be_hidden()
    library.locator("#send").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    assert sent == [CHUNK, 2 * CHUNK]
    assert len(mine(site, email, Video)) == 1


def test_who_goes_on_with_other_ticks_gets_what_is_ticked_now(library, site, email, large):
    library.get_by_label("Thumbnails", exact=True).uncheck()  # and the silence cut stays ticked
    library.route("**/uploads/*", lambda route: hold_back(route, CHUNK))
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    expect(library.locator("#files")).to_contain_text("connection lost, trying again", timeout=SLOW)
    leave_and_return(library)
    sent = offsets(library)
    untick_all(library)
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    assert sent == [CHUNK, 2 * CHUNK], "what had arrived was not sent again"
    assert mine(site, email, Job) == []


def test_wrong_settings_cost_nothing_of_what_arrived(library, site, email, large):
    untick_all(library)
    library.route("**/uploads/*", lambda route: hold_back(route, CHUNK))
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    expect(library.locator("#files")).to_contain_text("connection lost, trying again", timeout=SLOW)
    leave_and_return(library)
    library.get_by_label("Thumbnails", exact=True).uncheck()
    library.locator("#settings-silence-cut summary").click()
    library.locator("[name='silence-cut-threshold_db']").fill("loud")
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    expect(library.get_by_role("alert").first).to_contain_text("Cut the silence, silence is below", timeout=SLOW)
    untick_all(library)
    sent = offsets(library)
    library.set_input_files("#id_file", large)
    library.get_by_role("button", name="Remove: long-talk.wav").first.click()
    library.locator("#send").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    assert sent == [CHUNK, 2 * CHUNK]


def test_speed_and_time_left_are_told_and_a_piece_under_way_can_be_held(library, site, email, large):
    untick_all(library)
    sent = offsets(library)
    throttle = library.context.new_cdp_session(library)
    throttle.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1024**2}
    throttle.send("Network.emulateNetworkConditions", slow)
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    file = library.locator("#files li")
    expect(file).to_contain_text(re.compile(r"[\d.]+ [KM]B of 20 MB, [\d.]+ [KM]B/s, \d+ (s|min) left"), timeout=SLOW)
    library.get_by_role("button", name="Pause: long-talk.wav").click()
    expect(file).to_contain_text(re.compile(r"^long-talk\.wav\d+ (bytes|MB) of 20 MB, paused"))
    begun = len(sent)
    throttle.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    library.wait_for_timeout(1000)
    assert len(sent) == begun, "nothing is sent while it is held"
    library.get_by_role("button", name="Go on: long-talk.wav").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    assert sent[begun:][0] == sent[begun - 1], "the piece under way is sent again"
    (video,) = mine(site, email, Video)
    assert video.size == large.stat().st_size


def leave_and_return(page):
    """Load the page again with the connection lost, and have it back only then: nothing is sent in between."""
    page.on("dialog", lambda dialog: dialog.accept())  # it warns that something is under way
    page.reload()
    page.unroute("**/uploads/*")
    tick(page)


def hold_back(route, offset):
    """The connection is lost from this offset on."""
    if int(route.request.headers.get("upload-offset", -1)) >= offset:
        route.abort("connectionreset")
    else:
        route.continue_()


def test_what_was_left_unfinished_can_be_discarded(library, site, email, large):
    untick_all(library)
    library.route("**/uploads/*", lambda route: hold_back(route, CHUNK))
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    expect(library.locator("#files")).to_contain_text("connection lost", timeout=SLOW)
    library.on("dialog", lambda dialog: dialog.accept())
    library.reload()
    with library.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        library.get_by_role("button", name="Discard: long-talk.wav").click()
        library.get_by_role("alertdialog").get_by_role("button", name="Discard it").click()
    assert deleted.value.status == 204
    expect(library.locator("#unfinished")).to_be_hidden()
    assert mine(site, email, Upload) == []
    assert library.evaluate("localStorage.length") == 0


def test_an_upload_can_be_paused_and_cancelled(library, site, email, large):
    untick_all(library)
    library.route("**/uploads/*", lambda route: hold_back(route, CHUNK))
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    expect(library.locator("#files")).to_contain_text("connection lost", timeout=SLOW)
    library.get_by_role("button", name="Pause: long-talk.wav").click()
    expect(library.locator("#files")).to_contain_text("8 MB of 20 MB, paused")
    library.unroute("**/uploads/*")
    library.get_by_role("button", name="Go on: long-talk.wav").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    library.goto("/")
    untick_all(library)
    library.route("**/uploads/*", lambda route: hold_back(route, CHUNK))
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    library.get_by_role("button", name="Upload it again").click()
    expect(library.locator("#files")).to_contain_text("connection lost", timeout=SLOW)
    with library.expect_response(lambda response: response.request.method == "DELETE"):
        library.get_by_role("button", name="Cancel: long-talk.wav").click()
        question = library.get_by_role("alertdialog", name="Cancel this upload?")
        expect(question).to_contain_text("8 MB of “long-talk.wav” have arrived and will be thrown away.")
        question.get_by_role("button", name="Cancel it").click()
    expect(library.locator("#files li")).to_have_count(0)
    assert mine(site, email, Upload) == []
    assert len(mine(site, email, Video)) == 1


def test_a_full_disk_holds_an_upload_and_keeps_what_arrived(library, site, email, large):
    untick_all(library)
    sent, refusals = offsets(library), iter([True])
    words = "The server's disk is full. What arrived so far is kept: make room, or ask the operator to, then go on."

    def full_once(route):
        if route.request.headers.get("upload-offset") == str(CHUNK) and next(refusals, False):
            route.fulfill(status=507, json={"error": {"code": "disk_full", "message": words}})
        else:
            route.continue_()

    library.route("**/uploads/*", full_once)
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    file = library.locator("#files li")
    expect(file.get_by_role("alert")).to_have_text(words, timeout=SLOW)
    expect(file).to_contain_text("8 MB of 20 MB, paused")
    assert library.evaluate("localStorage.length") == 1
    library.get_by_role("button", name="Go on: long-talk.wav").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    assert sent == [0, CHUNK, CHUNK, 2 * CHUNK]


def test_who_is_signed_out_in_the_middle_goes_on_after_signing_in(library, site, email, large):
    untick_all(library)
    library.route("**/uploads/*", lambda route: hold_back(route, CHUNK))
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    file = library.locator("#files li")
    expect(file).to_contain_text("connection lost", timeout=SLOW)
    session = next(cookie for cookie in library.context.cookies() if cookie["name"] == "sessionid")
    library.context.clear_cookies(name="sessionid")
    library.unroute("**/uploads/*")
    expect(file.get_by_role("alert")).to_contain_text("Sign in again, then choose the same file", timeout=SLOW)
    library.context.add_cookies([session])
    library.reload()
    expect(library.locator("#unfinished")).to_contain_text("8 MB of 20 MB are there.")
    sent = offsets(library)
    untick_all(library)
    library.set_input_files("#id_file", large)
    library.locator("#send").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    assert sent == [CHUNK, 2 * CHUNK]
