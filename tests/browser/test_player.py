"""The player on a recording's page: it seeks through ranges of bytes, and steps by the recording's own frames."""

from fractions import Fraction

import pytest

from tests import clips

RATE = Fraction(30_000, 1001)
SECONDS = 20
READY = """(player) => player.readyState || new Promise((done) => {
  player.addEventListener("loadedmetadata", done, { once: true });
})"""
SEEK = """(player, time) => new Promise((done, failed) => {
  player.addEventListener("seeked", () => done([player.currentTime, player.readyState]), { once: true });
  player.addEventListener("error", () => failed(player.error.message), { once: true });
  player.currentTime = time;
})"""
STEP = """(player, key) => new Promise((done) => {
  player.addEventListener("seeked", () => done(player.currentTime), { once: true });
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
})"""


@pytest.fixture(scope="module")
def recording(site, tmp_path_factory):
    """The page of a recording that went through the real upload."""
    path = tmp_path_factory.mktemp("player") / "long.mp4"
    clips.make(path, clips.Picture(rate=RATE, seconds=SECONDS), clips.Sound(loud=[(0, SECONDS)], seconds=SECONDS))
    with path.open("rb") as file:
        answer = site.client("player@example.org").post("/api/v1/videos", files={"file": file})
    assert answer.status_code == 201, answer.text
    return f"/videos/{answer.json()['id']}/"


@pytest.fixture
def player(new_page, site, recording):
    """The player with its page, ready; `answers` are (asked range, status, range sent) for the recording's bytes."""
    page = new_page(site, site.client("player@example.org"))
    answers = []

    def note(response):
        if response.url.endswith("/file"):
            answers.append((response.request.headers.get("range"), response.status, response.headers["content-range"]))

    page.on("response", note)
    page.goto(recording)
    found = page.locator("#player")
    found.evaluate(READY)
    found.answers = answers
    return found


def test_it_seeks_to_the_end_and_back_through_ranges_of_bytes(player):
    assert player.evaluate("player => player.duration") == pytest.approx(SECONDS, abs=0.1)
    assert player.evaluate("player => player.seekable.end(0)") == pytest.approx(SECONDS, abs=0.1)
    for time in (SECONDS - 0.5, 1.0):
        reached, ready = player.evaluate(SEEK, time)
        assert reached == pytest.approx(time, abs=0.001)
        assert ready >= 2  # HAVE_CURRENT_DATA: the picture there can be shown
    assert player.answers
    assert all(asked and status == 206 for asked, status, _ in player.answers), player.answers
    assert all(sent.startswith(asked.replace("=", " ")) for asked, _, sent in player.answers), player.answers


def test_its_keys_step_by_one_frame_of_the_recording(player):
    player.evaluate(SEEK, 10)
    before = player.evaluate(STEP, ".")
    on = [player.evaluate(STEP, ".") for _ in range(5)]
    frame = float(1 / RATE)
    for number, time in enumerate(on, 1):
        assert time - before == pytest.approx(number * frame, abs=0.001)
    back = [player.evaluate(STEP, ",") for _ in range(5)]
    assert back == pytest.approx([*reversed(on[:-1]), before], abs=0.001)
