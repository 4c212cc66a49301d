"""The mark of a watermark on the recording's picture, set there by hand, and the engine's own picture of it."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests import media, pictures
from tests.browser.stages import drag, job_of

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
    page.goto(f"{address}?do=watermark#do")
    form = page.locator("form[data-operation=watermark]")
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": pictures.logo()}
    form.locator(".stage").scroll_into_view_if_needed()
    form.get_by_label("Image").set_input_files(logo)
    expect(exact(form)).to_be_visible(timeout=SLOW)
    return form


def exact(form):
    """The engine's picture."""
    return form.locator("[data-exact]")


def mark(form):
    return form.get_by_role("button", name="The mark")


def values(form, *names):
    look = "(form, name) => form.elements[`watermark-${name}`].value"
    return [form.evaluate(look, name) for name in names]


def shown(form):
    source = exact(form).get_attribute("src")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB"), np.int16)


def red(picture):
    """The first and last row and column, from 0 to 1, that the mark covers."""
    found = picture[..., 0] - picture[..., 1] > 90
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    ends = (rows[0] / len(found), (rows[-1] + 1) / len(found))
    return *ends, columns[0] / found.shape[1], (columns[-1] + 1) / found.shape[1]


def placed(form):
    """The same of the mark that hands move, as the page shows it."""
    frame, box = form.locator(".picture").bounding_box(), mark(form).bounding_box()
    x, y = (box["x"] - frame["x"]) / frame["width"], (box["y"] - frame["y"]) / frame["height"]
    return y, y + box["height"] / frame["height"], x, x + box["width"] / frame["width"]


def redrawn(form, change):
    """The picture after a change, and the mark's place in it."""
    source = exact(form).get_attribute("src")
    change()
    expect(exact(form)).not_to_have_attribute("src", source, timeout=SLOW)
    return red(shown(form))


def test_it_follows_every_change_of_the_form(form):
    assert red(shown(form)) == pytest.approx((10 / 90, 26 / 90, 10 / 160, 42 / 160), abs=0.02)
    moved = redrawn(form, lambda: form.get_by_label("Lower right").check())
    assert moved == pytest.approx((64 / 90, 80 / 90, 118 / 160, 150 / 160), abs=0.02)
    wider = redrawn(form, lambda: form.locator("[name=watermark-scale]").fill("0.5"))
    assert wider == pytest.approx((40 / 90, 80 / 90, 70 / 160, 150 / 160), abs=0.02)
    assert placed(form) == pytest.approx(wider, abs=0.02)  # what hands move lies where the engine draws it


def test_it_is_dragged_and_sized_and_drawn_by_the_job_where_it_was_put(form, site):
    page = form.page
    frame = form.locator(".picture").bounding_box()
    drag(
        page, mark(form), frame["width"], frame["height"]
    )  # out of the picture: as far as that goes, and to the margin
    assert values(form, "corner", "x_offset", "y_offset", "scale") == ["bottom-right", "10", "10", "0.2"]
    drag(page, mark(form).locator(".grip.nw"), -frame["width"] * 32 / 160, -frame["height"] * 16 / 90)
    assert values(form, "corner", "x_offset", "y_offset", "scale") == ["bottom-right", "10", "10", "0.4"]
    drag(page, mark(form), -frame["width"] * 39 / 160, 0)  # the middle is not far then
    assert values(form, "corner", "x_offset", "y_offset") == ["bottom-left", "48", "10"]
    expect(exact(form)).to_be_visible(timeout=SLOW)
    assert red(shown(form)) == pytest.approx((48 / 90, 80 / 90, 48 / 160, 112 / 160), abs=0.02)
    job = job_of(form)
    kept = {name: job["params"][name] for name in ("corner", "x_offset", "y_offset", "scale")}
    assert kept == {"corner": "bottom-left", "x_offset": 48, "y_offset": 10, "scale": 0.4}


def test_it_is_moved_and_sized_by_keys(form):
    mark(form).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowRight", "+", "+", "-"):
        form.page.keyboard.press(key)
    step = 2  # a hundredth of 160 pixels, rounded
    assert values(form, "corner", "x_offset", "y_offset", "scale") == ["top-left", str(10 + 7 * step), "12", "0.21"]
    expect(form.locator(".stage output")).to_have_text("21 % wide, 24 px from the left, 12 px from the top")


def test_a_text_lies_where_the_engine_writes_it(form):
    form.get_by_role("button", name="Do without it").click()
    expect(mark(form)).to_be_hidden()
    expect(form.locator(".stage")).to_contain_text("once there is an image or a text")
    source = exact(form).get_attribute("src")
    form.get_by_label("Lower left").check()
    form.locator("[name=watermark-text]").fill("Dept. of\nMathematics")
    expect(mark(form)).to_be_visible()
    expect(exact(form)).not_to_have_attribute("src", source, timeout=SLOW)
    frame = form.page.request.get(f"{form.page.url.partition('?')[0]}frame?at=0")
    plain = np.asarray(Image.open(io.BytesIO(frame.body())).convert("RGB"), np.int16)
    rows = np.flatnonzero((np.abs(shown(form) - plain) > 60).any((1, 2)))
    top, bottom, left, right = placed(form)
    assert (left, right, bottom) == pytest.approx((10 / 160, 42 / 160, 80 / 90), abs=0.02)
    assert (rows[0] / 90, (rows[-1] + 1) / 90) == pytest.approx((top, bottom), abs=0.06)


def test_it_says_what_is_wrong_and_comes_back_when_it_is_mended(form):
    form.get_by_text("More settings").click()
    distance = form.locator("[name=watermark-x_offset]")
    distance.fill("500")
    expect(form.locator(".stage")).to_contain_text("would lie outside of the picture", timeout=SLOW)
    expect(exact(form)).to_be_hidden()
    distance.fill("20")
    expect(exact(form)).to_be_visible(timeout=SLOW)
    expect(form.locator(".stage figcaption")).to_have_text("")
    assert red(shown(form))[2] == pytest.approx(20 / 160, abs=0.02)


def test_it_stays_in_sight_and_inside_of_the_form(form):
    form.get_by_label("Lower right").scroll_into_view_if_needed()
    expect(exact(form)).to_be_in_viewport(ratio=0.99)
    edges = "parts => parts.map(part => Math.round(part.getBoundingClientRect().right))"
    ends = form.locator("input:visible, select, textarea, .picture, button:visible").evaluate_all(edges)
    assert max(ends) <= form.evaluate("form => form.getBoundingClientRect().right")


def test_it_shows_the_moment_that_the_player_stands_at(form, site):
    page = form.page
    asked = re.compile(r"/preview/watermark\?.*&at=1(\.0*)?$")
    with page.expect_response(asked, timeout=SLOW) as answer:
        page.locator("#player").evaluate("player => { player.currentTime = 1; }")
    assert answer.value.ok
