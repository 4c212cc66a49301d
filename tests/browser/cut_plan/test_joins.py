"""Two elements take turns at a join."""

import pytest
from playwright.sync_api import expect

from tests.browser.cut_plan.page import LISTEN, SLOW, planned, stage, turn

NUMBERS = """() => {
  const pen = new OffscreenCanvas(160, 96).getContext("2d", { willReadFrequently: true });
  window.numbers = [];
  (function look() {
    pen.drawImage(document.getElementById("player"), 0, 0, 160, 96);
    let number = 0;
    for (let bit = 0; bit < 16; bit += 1) {
      const [x, y] = [(bit % 4) * 40 + 20, (bit >> 2) * 24 + 12];
      if (pen.getImageData(x, y, 1, 1).data[0] > 127) number += 2 ** bit;
    }
    if (window.numbers.at(-1) !== number) window.numbers.push(number);
    requestAnimationFrame(look);
  })();
}"""
"""Reads, whenever the page is drawn, the number that the picture which is seen carries."""
WAITS = """(time) => {
  const other = document.querySelector(".player [inert]");
  return other && !other.seeking && other.readyState > 2 && Math.abs(other.currentTime - time) < 0.001;
}"""


@pytest.fixture
def at_the_first_join(open_plan, client, talk):
    """The page of a recording, paused before the first join of its plan, after which another element waits."""
    page = open_plan(talk)
    page.evaluate("document.getElementById('player').currentTime = 0.5")
    expect(page.locator(".player video")).to_have_count(1)  # nothing is loaded twice before a cut is played
    page.get_by_role("button", name="Play the cut").click()
    expect(page.locator(".player video")).to_have_count(2)
    page.evaluate("document.getElementById('player').pause()")
    page.plan = planned(client, talk)
    page.wait_for_function(WAITS, arg=page.plan["keep"][1][0], timeout=SLOW)
    page.locator("#player").evaluate(LISTEN)
    return page


def go_on(page):
    """Play until one join has been passed."""
    page.evaluate("document.getElementById('player').play()")
    page.wait_for_function("() => window.jumps.length", timeout=SLOW)


def test_at_a_join_an_element_takes_over_that_waits_with_the_right_picture(at_the_first_join):
    page = at_the_first_join
    page.evaluate(NUMBERS)
    go_on(page)
    page.wait_for_function("() => document.getElementById('player').currentTime > 3.2", timeout=SLOW)
    assert page.evaluate("window.jumps[0].taken")
    numbers = page.evaluate("window.numbers")
    place = next(place for place, number in enumerate(numbers) if number > 50)
    start, end = (round(time * 25) for time in (page.plan["keep"][0][1], page.plan["keep"][1][0]))
    # A busy machine draws the page seldom: some pictures of what stays are missed, but none of what goes is seen.
    assert end <= numbers[place] < end + 25
    assert numbers[place - 1] <= start + 1
    assert numbers == sorted(numbers)


def test_a_takeover_cannot_be_told_by_what_a_person_has_set(at_the_first_join):
    page = at_the_first_join
    page.evaluate(
        """async () => {
          const player = document.getElementById("player"), track = document.createElement("track");
          Object.assign(player, { volume: 0.4, muted: true, playbackRate: 1.5 });
          player.append(Object.assign(track, { kind: "captions", label: "Captions" }));
          track.track.mode = "showing";
          window.first = player;
        }"""
    )
    box = page.locator("#player").bounding_box()
    go_on(page)
    now = page.locator("#player").evaluate(
        """player => ({
          other: player !== first, volume: player.volume, muted: player.muted, rate: player.playbackRate,
          controls: player.controls, inert: player.inert, name: player.getAttribute("aria-label"),
          captions: [...player.textTracks].map(({ mode }) => mode),
        })"""
    )
    assert now == {
        "other": True, "volume": 0.4, "muted": True, "rate": 1.5, "controls": False, "inert": False, "name": "Talk",
        "captions": ["showing"],
    }  # fmt: skip
    assert page.locator("#player").bounding_box() == box
    assert page.evaluate("[first.paused, first.controls, first.inert, first.textTracks.length]") == [
        True,
        False,
        True,
        0,
    ]


def test_the_browsers_own_controls_do_not_show_beside_ours(at_the_first_join):
    page = at_the_first_join
    go_on(page)
    player = page.locator("#player")
    player.hover()
    assert not player.evaluate("player => player.controls")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    assert player.evaluate("player => player.paused")


def test_keys_and_the_plan_reach_the_element_that_has_taken_over(at_the_first_join):
    page = at_the_first_join
    go_on(page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    stopped = page.locator(".player video").evaluate_all("all => all.map(({ paused }) => paused)")
    assert stopped == [True, True]
    time = page.locator("#player").evaluate("player => player.currentTime")
    assert time >= page.plan["keep"][1][0] - 0.001
    expect(page.get_by_role("button", name="Play the cut")).to_have_attribute("aria-pressed", "true")
    page.locator("#player").evaluate("player => { player.currentTime = 3; }")
    turn(page, 4.6)  # the second pause stays
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    page.wait_for_function(WAITS, arg=page.plan["keep"][3][0], timeout=SLOW)
    page.keyboard.press("c")
    expect(page.locator(".player video")).to_have_count(1)
    assert not page.locator("#player").evaluate("player => player.paused")
    page.keyboard.press("ArrowRight")
    assert page.locator("#player").evaluate("player => player.currentTime") > time + 4


def test_a_browser_that_refuses_the_other_element_goes_on_with_the_first(at_the_first_join):
    page = at_the_first_join
    page.evaluate(
        """() => {
          const refuse = () => Promise.reject(new DOMException("Not started by a person.", "NotAllowedError"));
          document.querySelector(".player [inert]").play = refuse;
          document.getElementById("player").dataset.first = "yes";
        }"""
    )
    go_on(page)
    expect(page.locator(".player video")).to_have_count(1)
    now = page.locator("#player").evaluate("player => [player.dataset.first, player.paused, player.currentTime]")
    assert now[:2] == ["yes", False]
    assert now[2] >= page.plan["keep"][1][0] - 0.001


def test_who_saves_data_gets_one_element_that_seeks(open_plan, talk):
    page = open_plan(talk)
    stage(page).evaluate("stage => { stage.alone = true; }")  # as navigator.connection.saveData makes it
    page.locator("#player").evaluate(LISTEN)
    page.get_by_role("button", name="Play the cut").click()
    page.wait_for_function("() => window.jumps.length", timeout=SLOW)
    assert not page.evaluate("window.jumps[0].taken")
    expect(page.locator(".player video")).to_have_count(1)
