"""The picture in a form that shows where its settings lead."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests import media, pictures

SLOW = 60_000
"""Milliseconds; each picture is drawn by a process of its own."""


@pytest.fixture(scope="module")
def address(site, tmp_path_factory):
    """The page of a grey recording of 160 by 90."""
    path = media.video(tmp_path_factory.mktemp("preview") / "grey.mp4", "-vf", "format=gray,format=yuv420p", seconds=2)
    with path.open("rb") as file:
        answer = site.client("preview@example.org").post("/api/v1/videos", files={"file": file})
    assert answer.status_code == 201, answer.text
    return f"/videos/{answer.json()['id']}/"


@pytest.fixture
def form(new_page, site, address):
    """The form of the watermark, unfolded, with an image of red chosen."""
    page = new_page(site, site.client("preview@example.org"), viewport={"width": 360, "height": 740})
    page.goto(address)
    fold = page.locator("details.fold", has=page.locator("input[value=watermark]"))
    fold.locator("summary").click()
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": pictures.logo()}
    fold.get_by_label("Image").set_input_files(logo)
    expect(fold.locator(".preview img")).to_be_visible(timeout=SLOW)
    return fold


def shown(form):
    source = form.locator(".preview img").get_attribute("src")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB"), np.int16)


def red(picture):
    """The first and last row and column, from 0 to 1, that the mark covers."""
    found = picture[..., 0] - picture[..., 1] > 90
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    ends = (rows[0] / len(found), (rows[-1] + 1) / len(found))
    return *ends, columns[0] / found.shape[1], (columns[-1] + 1) / found.shape[1]


def redrawn(form, change):
    """The picture after a change, and the mark's place in it."""
    source = form.locator(".preview img").get_attribute("src")
    change()
    expect(form.locator(".preview img")).not_to_have_attribute("src", source, timeout=SLOW)
    return red(shown(form))


def test_it_follows_every_change_of_the_form(form):
    assert red(shown(form)) == pytest.approx((10 / 90, 26 / 90, 10 / 160, 42 / 160), abs=0.02)
    corner = form.get_by_label("Where")
    moved = redrawn(form, lambda: corner.select_option("bottom-right"))
    assert moved == pytest.approx((64 / 90, 80 / 90, 118 / 160, 150 / 160), abs=0.02)
    wider = redrawn(form, lambda: form.locator("[name=watermark-scale]").fill("0.5"))
    assert wider == pytest.approx((40 / 90, 80 / 90, 70 / 160, 150 / 160), abs=0.02)


def test_it_says_what_is_wrong_and_comes_back_when_it_is_mended(form):
    distance, picture = form.locator("[name=watermark-x_offset]"), form.locator(".preview img")
    distance.fill("500")
    expect(form.locator(".preview")).to_contain_text("would lie outside of the picture", timeout=SLOW)
    expect(picture).to_be_hidden()
    distance.fill("20")
    expect(picture).to_be_visible(timeout=SLOW)
    expect(form.locator(".preview figcaption")).to_have_text("")
    assert red(shown(form))[2] == pytest.approx(20 / 160, abs=0.02)


def test_it_goes_with_the_image(form):
    form.get_by_role("button", name="Do without it").click()
    expect(form.locator(".preview img")).to_be_hidden()
    expect(form.locator(".preview")).to_contain_text("once there is an image or a text")


def test_it_stays_in_sight_and_inside_of_the_form(form):
    form.get_by_label("Where").scroll_into_view_if_needed()
    expect(form.locator(".preview img")).to_be_in_viewport(ratio=0.99)
    edges = "parts => parts.map(part => Math.round(part.getBoundingClientRect().right))"
    ends = form.locator("input:visible, select, textarea, .preview img, button:visible").evaluate_all(edges)
    assert max(ends) <= form.evaluate("form => form.getBoundingClientRect().right")


def test_it_shows_the_moment_that_the_player_stands_at(form, site):
    page = form.page
    asked = re.compile(r"/preview/watermark\?.*&at=1(\.0*)?$")
    with page.expect_response(asked, timeout=SLOW) as answer:
        page.locator("#player").evaluate("player => { player.currentTime = 1; }")
    assert answer.value.ok
