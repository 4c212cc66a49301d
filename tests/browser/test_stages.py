"""What forms say of places and times, set by hand on the recording, and that the work is done as it was shown."""

import pytest
from playwright.sync_api import expect

from tests import media
from tests.browser.stages import drag, job_of
from tests.processes import wait_for

EMAIL = "stages@example.org"
SECONDS = 4


@pytest.fixture(scope="module")
def address(site, tmp_path_factory):
    """The page of four seconds of 160 by 90."""
    path = media.video(tmp_path_factory.mktemp("stages") / "talk.mp4", seconds=SECONDS)
    with path.open("rb") as file:
        answer = site.client(EMAIL).post("/api/v1/videos", files={"file": file})
    assert answer.status_code == 201, answer.text
    return f"/videos/{answer.json()['id']}/"


@pytest.fixture
def form_of(new_page, site, address):
    """Opens the page at a form: form_of("trim")."""

    def form_of(operation):
        page = new_page(site, site.client(EMAIL))
        page.goto(f"{address}?do={operation}#do")
        return page.locator(f"form[data-operation={operation}]")

    return form_of


def value(form, name):
    return form.locator(f"[name={form.get_attribute('data-operation')}-{name}]").input_value()


def put(form, name, text):
    form.locator(f"[name={form.get_attribute('data-operation')}-{name}]").fill(text)


def stand(form, seconds):
    """Have the player stand at a time."""
    look = "(player, time) => new Promise((done) => { player.onseeked = done; player.currentTime = time; })"
    form.page.locator("#player").evaluate(look, seconds)


def press(form, name):
    form.get_by_role("button", name=name, exact=True).click()


def test_a_part_is_kept_turned_and_flipped_as_it_is_shown(form_of):
    form = form_of("convert")
    part, say = form.get_by_role("button", name="The part to keep"), form.locator(".stage output")
    expect(say).to_have_text("Keeps the whole picture of 160 by 90 pixels")
    frame = form.locator(".picture").bounding_box()
    drag(form.page, part.locator(".grip.w"), frame["width"] / 4, 0)
    drag(form.page, part.locator(".grip.se"), -frame["width"] / 8, -frame["height"] / 3)
    assert value(form, "crop") == "100x60+40+0"
    drag(form.page, part, 0, frame["height"])  # as far as the picture goes
    assert value(form, "crop") == "100x60+40+30"
    press(form, "Turn right")
    expect(say).to_have_text("Keeps 60 by 100 of 90 by 160 pixels")
    press(form, "Flip")
    assert [value(form, name) for name in ("crop", "rotate", "flip")] == ["100x60+40+30", "90", "horizontal"]
    part.focus()
    form.page.keyboard.press(
        "ArrowRight"
    )  # which is downwards in the picture as it was recorded, and there is the edge
    assert value(form, "crop") == "100x60+40+30"
    form.page.keyboard.press("ArrowLeft")
    assert value(form, "crop") == "100x60+40+28"
    form.get_by_role("radio", name="1:1").check()
    assert value(form, "crop") == "90x90+35+0"
    put(form, "crop", "100x60+40+28")
    expect(say).to_have_text("Keeps 60 by 100 of 90 by 160 pixels")
    made = job_of(form, wait=True)
    assert made["status"] == "succeeded", made
    facts = made["artifacts"][0]["metadata"]
    assert (facts["width"], facts["height"]) == (60, 100)


def test_a_stretch_is_set_at_the_player_by_hand_and_by_keys(form_of):
    form = form_of("trim")
    say = form.locator(".stage output")
    expect(say).to_have_text("0:00 to 0:04: 0:04 of 0:04")
    stand(form, 1)
    press(form, "From here")
    stand(form, 3)
    press(form, "To here")
    assert (value(form, "start"), value(form, "end")) == ("0:01", "0:03")
    wide = form.locator(".reel").bounding_box()["width"]
    begins, ends = (form.get_by_role("slider", name=f"What is taken {edge}") for edge in ("begins", "ends"))
    drag(form.page, begins, wide / SECONDS / 2, 0)
    assert float(begins.get_attribute("aria-valuenow")) == pytest.approx(1.5, abs=0.02)
    ends.focus()
    form.page.keyboard.press("ArrowLeft")
    form.page.keyboard.press("Shift+ArrowLeft")
    assert value(form, "end") == "0:02.4"
    form.page.wait_for_function("() => Math.abs(document.getElementById('player').currentTime - 2.4) < 0.001")
    put(form, "start", "0.8")
    expect(begins).to_have_attribute("aria-valuetext", "0:00.8")
    made = job_of(form, wait=True)
    assert (made["params"]["start"], made["params"]["end"]) == (0.8, 2.4)
    assert made["artifacts"][0]["metadata"]["keep"] == [[pytest.approx(0.8, abs=0.001), pytest.approx(2.4, abs=0.001)]]


def test_pictures_are_picked_from_the_film(form_of):
    form = form_of("thumbnails")
    expect(form.locator(".stage")).to_contain_text("Press the film where you want a picture.")
    film = form.locator(".reel .hands")
    wide = film.bounding_box()["width"]
    film.click(position={"x": wide * 3 / 4, "y": 20})
    film.click(position={"x": wide / 4, "y": 20})
    stand(form, 2)
    press(form, "Take this picture")
    one, two, three = (float(part.split(":")[1]) for part in value(form, "times").split(", "))
    assert (one, two, three) == (pytest.approx(1, abs=0.05), 2, pytest.approx(3, abs=0.05))
    assert value(form, "mode") == "times"
    form.get_by_role("button", name="Leave out 0:02").click()
    expect(form.locator(".moments li").nth(1).locator("button").first).to_be_focused()
    pin = form.get_by_role("slider", name="Picture 2")
    pin.focus()
    form.page.keyboard.press("ArrowRight")
    put(form, "times", "1, 3.1")
    expect(form.locator(".moments li")).to_have_count(2)
    expect(pin).to_have_attribute("aria-valuetext", "0:03.1")
    made = job_of(form, wait=True)
    times = [one["metadata"]["time"] for one in made["artifacts"]]
    assert times == [pytest.approx(1, abs=0.05), pytest.approx(3.1, abs=0.05)]


def test_a_trailer_is_made_of_the_excerpts_that_were_chosen(form_of):
    form = form_of("preview")
    for start in (2.5, 0.5):
        stand(form, start)
        press(form, "Add an excerpt here")
    press(form, "Add an excerpt here")
    form.get_by_role("button", name="Leave out excerpt 3").click()
    expect(form.get_by_role("button", name="Play excerpt 2")).to_be_focused()
    assert value(form, "excerpts") == "0:01-0:04, 0:00.5-0:03.5"
    stand(form, 2)
    press(form, "To here")  # the last one is the chosen one
    assert value(form, "excerpts") == "0:01-0:04, 0:00.5-0:02"
    wide = form.locator(".reel").bounding_box()["width"]
    drag(form.page, form.get_by_role("slider", name="Excerpt 1 begins"), wide * 1.5 / SECONDS, 0)
    put(form, "excerpts", value(form, "excerpts").replace(value(form, "excerpts").split("-")[0], "2.5"))
    expect(form.locator(".stage")).to_contain_text("0:02.6 in all")
    made = job_of(form, wait=True)
    assert made["artifacts"][0]["metadata"]["excerpts"] == [[2.5, 4.0], [0.5, 2.0]]
    assert made["artifacts"][0]["metadata"]["duration"] == pytest.approx(2.6, abs=0.05)


PAINTED = """all => all.length > 0 && all.every(
    one => one.getContext("2d").getImageData(0, 0, one.width, one.height).data.some(value => value)
)"""


def test_the_film_shows_pictures_of_a_recording_without_a_storyboard(form_of):
    form = form_of("thumbnails")
    form.scroll_into_view_if_needed()
    film = form.locator(".reel canvas")
    wait_for(lambda: film.evaluate_all(PAINTED), "the whole film")
    assert len(set(film.evaluate_all("all => all.map(one => one.toDataURL())"))) > 1, "not the same picture everywhere"


def test_the_server_draws_the_film_where_the_browser_cannot(form_of):
    form = form_of("trim")
    form.page.route("**/file", lambda route: route.abort())
    form.page.reload()
    form.scroll_into_view_if_needed()
    film = form.locator(".reel canvas")
    wait_for(lambda: film.evaluate_all(PAINTED), "the whole film")


@pytest.mark.parametrize("operation", ["thumbnails", "watermark", "trim"])
def test_a_form_that_comes_back_with_its_errors_meets_no_policy(form_of, operation):
    """`new_page` looks for violations of the Content-Security-Policy when the test is over."""
    form = form_of(operation)
    form.scroll_into_view_if_needed()
    expect(form.locator(".reel, .picture").first).to_be_visible()
    wrong = {"thumbnails": "count"}.get(operation)
    if wrong:
        form.locator(f"[name={operation}-{wrong}]").evaluate("field => { field.value = '-1'; }")
    with form.page.expect_response(lambda answer: "/chain/add/" in answer.url) as answer:
        press(form, "Add to the chain")
    assert answer.value.status == 422
    expect(form.locator(".errorlist, [aria-invalid=true]").first).to_be_visible()
    expect(form.locator(".reel, .picture").first).to_be_visible()  # drawn anew as well
