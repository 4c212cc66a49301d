"""Looking through a recording: on its card in the library, and over the bar below its player."""

import pytest
from playwright.sync_api import expect

from tests import media

EMAIL = "storyboard@example.org"
RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)
MIDDLE = """canvas => {
  const [red, green, blue] = canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
  return [red, green, blue];
}"""
LOADED = "player => player.readyState || new Promise(done => { player.onloadedmetadata = done; })"


@pytest.fixture(scope="module")
def video(site, tmp_path_factory):
    """Three seconds each of red, green and blue, with a storyboard."""
    path = tmp_path_factory.mktemp("storyboard") / "colours.mp4"
    colours = [
        part for name in ("red", "green", "blue") for part in ("-f", "lavfi", "-i", f"color={name}:160x90:25:d=3")
    ]
    media.run_ffmpeg(*colours, "-filter_complex", "concat=n=3", *media.FAST_X264, path)
    client = site.client(EMAIL)
    with path.open("rb") as file:
        video = client.post("/api/v1/videos", files={"file": file}).json()["id"]
    asked = {"video": video, "operation": "thumbnails", "params": {"mode": "storyboard"}}
    job = client.post("/api/v1/jobs", json=asked).json()["id"]
    assert site.wait_for_job(job).status == "succeeded"
    return video


def colour(canvas):
    return pytest.approx(canvas.evaluate(MIDDLE), abs=30)


def at(box, part):
    return box["x"] + box["width"] * part, box["y"] + box["height"] / 2


def test_a_card_shows_the_moment_under_the_pointer_and_nothing_moves(new_page, site, video):
    page = new_page(site, site.client(EMAIL))
    page.goto("/")
    card = page.locator(".vid")
    card.scroll_into_view_if_needed()
    box, whole, time = card.locator(".frame").bounding_box(), card.bounding_box(), card.locator(".scr .at")

    for part, expected, words in ((0.1, RED, "0:00"), (0.5, GREEN, "0:04"), (0.9, BLUE, "0:08")):
        page.mouse.move(*at(box, part))
        expect(time).to_have_text(words)
        assert expected == colour(card.locator("canvas"))
        assert card.bounding_box() == whole
    page.mouse.move(2, 2)

    expect(card.locator("canvas")).to_be_hidden()
    expect(card.locator(".time")).to_have_text("0:09")


def test_arrow_keys_step_through_a_card(new_page, site, video):
    page = new_page(site, site.client(EMAIL), reduced_motion="reduce")
    page.goto("/")
    card = page.locator(".vid")
    card.locator("[data-open]").focus()

    for time in (0, 1, 2, 3):
        page.keyboard.press("ArrowRight")
        expect(card.locator(".scr .at")).to_have_text(f"0:0{time}")
    assert colour(card.locator("canvas")) == GREEN
    page.keyboard.press("Tab")
    expect(card.locator("canvas")).to_be_hidden()


def test_nothing_follows_the_pointer_for_those_who_asked_for_calm(new_page, site, video):
    page = new_page(site, site.client(EMAIL), reduced_motion="reduce")
    page.goto("/")
    page.locator(".vid").hover()
    page.wait_for_load_state("networkidle")

    expect(page.locator(".vid canvas")).to_have_count(0)


def test_the_bar_shows_a_moment_and_goes_there_on_a_click(new_page, site, video):
    page = new_page(site, site.client(EMAIL))
    page.goto(f"/videos/{video}/")
    bar, view = page.get_by_label("Look through the recording"), page.locator(".scrub figure")
    page.locator("#player").evaluate(
        "player => player.readyState || new Promise(done => { player.onloadedmetadata = done; })"
    )
    box, below = bar.bounding_box(), page.locator("main h2").first.bounding_box()

    page.mouse.move(*at(box, 0.5))

    expect(view).to_be_visible()
    expect(view.locator("figcaption")).to_have_text("0:04")
    assert colour(view.locator("canvas")) == GREEN
    assert page.locator("main h2").first.bounding_box() == below
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("() => Math.abs(document.getElementById('player').currentTime - 4.5) < 0.3")
    page.mouse.move(2, 2)
    expect(view).to_be_hidden()


def test_keys_on_the_bar_show_where_they_go(new_page, site, video):
    page = new_page(site, site.client(EMAIL))
    page.goto(f"/videos/{video}/")
    bar = page.get_by_label("Look through the recording")
    page.locator("#player").evaluate(LOADED)
    page.locator("#scrub[data-ready]").wait_for()
    bar.focus()

    page.keyboard.press("End")

    expect(page.locator(".scrub figcaption")).to_have_text("0:09", timeout=20_000)
    expect(bar).to_have_attribute("aria-valuetext", "0:09")
    page.wait_for_function("() => document.getElementById('player').currentTime > 8.5")
