"""The cut plan on a recording's page, in a real browser: it follows the hand, plays, and is rendered as shown."""

import hashlib
import json
import os
import re
import uuid
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import expect

from jobs.engine.pipelines import probe
from jobs.models import Account, Job
from tests import clips, factories
from tests.browser.test_looks import faults

SLOW = 60_000
LOUD = [(0, 1.5), (2.5, 4), (5.2, 6.5), (8, 9)]
"""Seconds of the recording in which there is sound; ten seconds in all."""
FRAME = 1 / 25


@pytest.fixture
def add(site, email, tmp_path):
    """Puts a recording on the site: add(picture, *sounds) gives its row."""

    def add(picture, *sounds, **fields):
        key = f"videos/{uuid.uuid4()}/source.{'mp4' if picture else 'm4a'}"
        path = site.media / key
        path.parent.mkdir(parents=True)
        clips.make(path, picture, *sounds)
        info, digest = probe.probe(path).info, hashlib.sha256(path.read_bytes()).hexdigest()
        values = {"key": key, "facts": info, "sha256": digest, "size": path.stat().st_size, "title": "Talk"} | fields
        with site.orm():
            return factories.video(Account.objects.get(email=email), **values)

    return add


@pytest.fixture
def talk(client, add):
    return add(clips.Picture(seconds=10), clips.Sound(loud=LOUD, seconds=10, floor_db=-60))


@pytest.fixture
def open_plan(new_page, site, client):
    """Opens the page of a recording, and waits for the plan."""

    def open_plan(video, **options):
        page = new_page(site, client, **options)
        page.goto(f"/videos/{video.pk}/")
        settled(page)
        return page

    return open_plan


def settled(page):
    """The server's exact plan is the one that is shown."""
    expect(page.locator("#cut[data-state=ready][data-exact=true]")).to_be_visible(timeout=SLOW)


def keep(page, name):
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def planned(client, video, **params):
    """The server's plan."""
    response = client.post(f"/api/v1/videos/{video.pk}/cut-plan", json={"params": params})
    assert response.status_code == 200, response.text
    return response.json()


def total(ranges):
    return sum(end - start for start, end in ranges)


def saved(page):
    """Seconds, as the page says them."""
    minutes, seconds = page.locator("#cut-saved").inner_text().split(":")
    return int(minutes) * 60 + float(seconds)


def slide(page, name, value):
    page.locator(f"[data-slides='id_silence-cut-{name}']").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
        str(value),
    )


def spot(page, seconds, y=90):
    """The place of a time on the waveform, all ten seconds of which are in view."""
    box = page.locator("#cut-wave").bounding_box()
    return {"x": box["width"] * seconds / 10, "y": y}


def colour(page, seconds, y=90):
    """Red, green and blue of the waveform, the mean over a few pixels."""
    return page.evaluate(
        """([x, y]) => {
          const canvas = document.querySelector("#cut-wave canvas"), ratio = canvas.width / canvas.clientWidth;
          const { data } = canvas.getContext("2d").getImageData(x * ratio - 4, y * ratio - 4, 9, 9);
          return [0, 1, 2].map((part) => {
            let sum = 0, weight = 0;
            for (let at = 0; at < data.length; at += 4) {
              sum += data[at + part] * data[at + 3];
              weight += data[at + 3];
            }
            return sum / Math.max(1, weight);
          });
        }""",
        list(spot(page, seconds, y).values()),
    )


# The plan ------------------------------------------------------------------------------------------------------------


def test_the_waveform_and_the_servers_plan_appear(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    assert len(plan["keep"]) == 4
    assert saved(page) == pytest.approx(plan["saved"], abs=0.051)
    summed = f"of 0:10.0: 4 cuts, 0:0{plan['output_duration']:.1f} stays"
    expect(page.locator("#cut-sum")).to_have_text(summed, timeout=SLOW)
    red, green, _ = colour(page, 0.7)
    assert green > red + 40  # what stays is green
    red, green, _ = colour(page, 2)
    assert abs(green - red) < 60  # what goes is not
    keep(page, "cut-plan")


def test_a_slider_redraws_at_once_and_the_server_agrees_when_it_rests(open_plan, client, talk):
    page = open_plan(talk)
    page.route("**/cut-plan", lambda route: None)  # the server has not answered yet
    before = page.url
    took = page.evaluate(
        """async () => {
          const slider = document.querySelector("[data-slides='id_silence-cut-margin_before_ms']");
          const words = document.getElementById("cut-saved"), old = words.textContent, times = [];
          for (const value of [0, 100, 350, 0]) {
            const start = performance.now();
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
            times.push(performance.now() - start);
          }
          return [old, words.textContent, times];
        }"""
    )
    assert took[0] != took[1]
    print(f"\na slider's move was on the screen after {', '.join(f'{one:.0f}' for one in took[2])} ms")
    expect(page.locator("[name='silence-cut-margin_before_ms']")).to_have_value("0")
    plan = planned(client, talk, margin_before_ms=0)
    assert saved(page) == pytest.approx(plan["saved"], abs=0.05 + 2 * FRAME * 4)  # each edge within a frame
    page.unroute("**/cut-plan")
    slide(page, "margin_before_ms", 0)
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"], abs=0.051)
    assert page.url == before


def test_a_late_answer_to_an_earlier_question_is_ignored(open_plan, client, talk):
    page = open_plan(talk)
    asked = []

    def slow_for_the_first(route):
        asked.append(json.loads(route.request.post_data)["params"]["margin_after_ms"])
        if len(asked) > 1:
            route.continue_()

    page.route("**/cut-plan", slow_for_the_first)
    slide(page, "margin_after_ms", 800)
    page.wait_for_timeout(500)
    slide(page, "margin_after_ms", 0)
    settled(page)
    assert asked == ["800", "0"]
    assert saved(page) == pytest.approx(planned(client, talk, margin_after_ms=0)["saved"], abs=0.051)


def test_a_busy_server_is_asked_again_when_it_said(new_page, site, client, talk):
    page, refused = new_page(site, client), []

    def busy_at_first(route):
        address = route.request.url.rpartition("/")[2].partition("?")[0]
        if address in refused:
            return route.continue_()
        refused.append(address)
        told = {"error": {"code": "server_busy", "message": "The server is measuring other recordings. Try again."}}
        return route.fulfill(status=503, headers={"Retry-After": "1"}, json=told)

    for address in ("**/levels?*", "**/cut-plan"):
        page.route(address, busy_at_first)
    page.goto(f"/videos/{talk.pk}/")
    settled(page)
    assert refused == ["levels", "cut-plan"]
    assert saved(page) == pytest.approx(planned(client, talk)["saved"], abs=0.051)


def test_presets_fill_in_numbers_and_auto_brings_the_level_back(open_plan, client, talk):
    page = open_plan(talk)
    page.get_by_label("Tight").check(force=True)
    expect(page.locator("[name='silence-cut-margin_after_ms']")).to_have_value("120")
    settled(page)
    expect(page.get_by_label("Tight")).to_be_checked()
    slide(page, "threshold_db", -20)
    expect(page.locator("[name='silence-cut-threshold_db']")).to_have_value("-20")
    page.get_by_role("button", name="Auto").click()
    expect(page.locator("[name='silence-cut-threshold_db']")).to_have_value("auto")
    page.get_by_label("Natural").check(force=True)
    expect(page.locator("[name='silence-cut-pause_ms']")).to_be_visible()
    settled(page)
    values = {"margin_before_ms": 150, "margin_after_ms": 250, "min_silence_ms": 600, "min_clip_ms": 150}
    plan = planned(client, talk, pauses="shorten", pause_ms=500, **values)
    assert saved(page) == pytest.approx(plan["saved"], abs=0.051)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Tight")).to_be_checked()
    expect(page.locator("[name='silence-cut-pause_ms']")).to_be_hidden()


def test_listening_for_a_voice_finds_none_in_noise_and_says_so(open_plan, talk):
    page = open_plan(talk)
    page.locator("[name='silence-cut-detector']").select_option("voice")
    expect(page.locator("#cut-say")).to_contain_text("Nobody speaks in this recording.", timeout=SLOW)
    expect(page.locator("#cut-render")).to_be_disabled()
    page.locator("[name='silence-cut-detector']").select_option("loudness")
    settled(page)
    expect(page.locator("#cut-say")).to_have_text("")
    expect(page.locator("#cut-render")).to_be_enabled()


def test_what_is_rendered_waits_for_what_is_still_being_heard(open_plan, talk):
    page = open_plan(talk)
    held = []
    page.route("**/levels?detector=voice*", lambda route: held.append(route))
    page.locator("[name='silence-cut-detector']").select_option("voice")
    asked = []
    page.on("request", lambda request: request.url.endswith("/api/v1/jobs") and asked.append(request))
    page.locator("#cut-render").click()
    expect(page.locator("#cut-sent")).to_have_text("Fitting the cuts to frames.")
    held[0].continue_()
    expect(page.locator("#cut-say")).to_contain_text("Nobody speaks in this recording.", timeout=SLOW)
    expect(page.locator("#cut-sent")).to_have_text("")
    assert asked == []


def test_settings_moved_after_edits_by_hand_say_that_they_win(open_plan, talk):
    page = open_plan(talk)
    page.locator("#cut-wave canvas").click(position=spot(page, 2))
    settled(page)
    slide(page, "min_silence_ms", 300)
    settled(page)
    expect(page.locator("#cut-say")).to_contain_text("Undo brings them back.")
    expect(page.locator("#cut-hand")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#cut-hand")).to_be_visible()
    expect(page.locator("[name='silence-cut-min_silence_ms']")).to_have_value("200")


def test_pauses_that_are_muted_stay(open_plan, site, talk):
    page = open_plan(talk)
    page.locator("[name='silence-cut-pauses']").select_option("mute")
    settled(page)
    expect(page.locator("#cut-sum")).to_have_text("4 pauses without sound, 0:10.0 stays")
    assert saved(page) == 0
    page.locator("#cut-wave canvas").click(position=spot(page, 0.7))
    expect(page.locator("#cut-say")).to_contain_text("Choose “Remove them” to cut by hand.")
    with page.expect_response("**/api/v1/jobs") as sent:
        page.locator("#cut-render").click()
    assert sent.value.status == 201
    params = sent.value.json()["params"]
    assert (params["pauses"], params["keep"]) == ("mute", [])


def test_pauses_that_run_faster_are_told_played_and_rendered_so(open_plan, site, client, talk):
    page = open_plan(talk)
    gone = colour(page, 2, 60)
    page.locator("[name='silence-cut-pauses']").select_option("speed")
    settled(page)
    plan = planned(client, talk, pauses="speed", speed=4)
    expect(page.locator("#cut-sum")).to_contain_text("4 pauses 4 times as fast")
    assert saved(page) == pytest.approx(plan["saved"], abs=0.06)
    assert plan["saved"] == pytest.approx(total(plan["fast"]) * 3 / 4, abs=1e-4)
    assert colour(page, 2, 60) != gone
    keep(page, "cut-plan-faster")
    # By hand a pause gets its own speed back, and the others stay fast whatever the speed.
    page.locator("#cut-wave canvas").click(position=spot(page, 2))
    expect(page.locator("#cut-sum")).to_contain_text("3 pauses 4 times as fast")
    slide(page, "speed", 8)
    expect(page.locator("#cut-sum")).to_contain_text("3 pauses 8 times as fast")
    settled(page)
    assert saved(page) == pytest.approx((total(plan["fast"]) - total(plan["fast"][:1])) * 7 / 8, abs=0.06)
    page.evaluate(
        """() => {
          const player = document.getElementById("player");
          window.rates = [];
          player.addEventListener("timeupdate", () => window.rates.push([player.currentTime, player.playbackRate]));
          player.addEventListener("ratechange", () => window.rates.push([player.currentTime, player.playbackRate]));
        }"""
    )
    page.get_by_role("button", name="Play the cut").click()
    page.wait_for_function("() => document.getElementById('player').paused", timeout=SLOW)
    rates = page.evaluate("window.rates")
    assert {rate for _, rate in rates} == {1, 8}
    fast, slow = ([time for time, rate in rates if rate == one] for one in (8, 1))
    inside = [any(start - 0.1 <= time <= end + 0.1 for start, end in plan["fast"][1:]) for time in fast]
    assert all(inside)
    assert any(plan["fast"][0][0] < time < plan["fast"][0][1] for time in slow)
    with page.expect_response("**/api/v1/jobs") as sent:
        page.locator("#cut-render").click()
    assert sent.value.status == 201, sent.value.text()
    params = sent.value.json()["params"]
    assert (params["pauses"], params["speed"], len(params["keep"])) == ("speed", 8, 3)


# Hands ---------------------------------------------------------------------------------------------------------------


def test_a_click_keeps_or_cuts_a_range_and_can_be_undone(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    first = plan["keep"][1][0] - plan["keep"][0][1]
    page.locator("#cut-wave canvas").click(position=spot(page, 2))
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"] - first, abs=0.06)
    expect(page.locator("#cut-hand")).to_be_visible()
    page.locator("#cut-wave canvas").click(position=spot(page, 2))  # cut again, and nothing beside it
    expect(page.locator("#cut-sum")).to_contain_text("4 cuts")
    page.locator("#cut-wave canvas").click(position=spot(page, 3.2))  # a stretch that was kept
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    assert saved(page) == pytest.approx(plan["saved"] + total([plan["keep"][1]]), abs=0.06)
    page.get_by_role("button", name="Undo").click()
    page.keyboard.press("u")
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    page.keyboard.press("u")
    expect(page.locator("#cut-hand")).to_be_hidden()
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"], abs=0.051)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.get_by_role("button", name="Redo").click()
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")


def test_an_edge_is_dragged(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    end = plan["keep"][1][1]
    page.locator("#cut-wave").scroll_into_view_if_needed()
    box = page.locator("#cut-wave").bounding_box()
    one = spot(page, end)
    page.mouse.move(box["x"] + one["x"] + 2, box["y"] + one["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + spot(page, 3)["x"], box["y"] + one["y"], steps=4)
    page.mouse.up()
    expect(page.locator("#cut-hand")).to_be_visible()
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"] + end - 3, abs=0.1)  # to a pixel and a frame
    page.keyboard.press("Control+z")  # the whole drag is one change
    expect(page.locator("#cut-hand")).to_be_hidden()
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"], abs=0.051)


def test_everything_is_done_by_keyboard(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    wave = page.get_by_role("slider", name="Waveform")
    wave.focus()
    page.keyboard.press("]")
    first = plan["keep"][0][1]
    expect(wave).to_have_attribute("aria-valuetext", re.compile(rf"Cut 1 of 4: 0:0{first:.2f} to "))
    page.keyboard.press("]")
    expect(wave).to_have_attribute("aria-valuetext", re.compile("Cut 2 of 4"))
    page.keyboard.press("[")
    page.keyboard.press("Shift+ArrowRight")
    expect(wave).to_have_attribute("aria-valuetext", re.compile(rf"Cut 1 of 4: 0:0{first + FRAME:.2f} to "))
    page.keyboard.press("Enter")
    expect(wave).to_have_attribute("aria-valuetext", re.compile("Kept: "))
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(page.locator("#cut-hand")).to_be_hidden()
    page.keyboard.press("Shift+U")
    expect(page.locator("#cut-hand")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Hear the join there")
    page.keyboard.press("Escape")
    field = page.locator("[name='silence-cut-threshold_db']")
    field.fill("-30")
    field.press("u")  # typed, not undone
    expect(field).to_have_value("-30u")


def test_a_stretch_is_split_where_the_playhead_is(open_plan, talk):
    page = open_plan(talk)
    page.locator("#player").evaluate("player => { player.currentTime = 3; }")
    page.get_by_role("button", name="Split here").click()
    page.locator("#cut-wave canvas").click(position=spot(page, 3.3))
    expect(page.locator("#cut-which")).to_contain_text("0:03.00 to")
    page.locator("#cut-wave canvas").click(position=spot(page, 1))
    expect(page.locator("#cut-sum")).to_contain_text("4 cuts")  # the second half and the first stretch have grown cuts


def test_nothing_and_everything_cannot_be_rendered(open_plan, talk):
    page = open_plan(talk)
    for seconds in (2, 4.6, 7.2, 9.6):
        page.locator("#cut-wave canvas").click(position=spot(page, seconds))
    expect(page.locator("#cut-sum")).to_contain_text("0 cuts")
    expect(page.locator("#cut-render")).to_be_disabled()


def test_it_is_looked_at_more_closely(open_plan, talk):
    page = open_plan(talk)
    expect(page.get_by_role("button", name="Show all")).to_be_disabled()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    expect(page.get_by_role("button", name="Show all")).to_be_enabled()
    wave = page.locator("#cut-wave canvas")
    wave.focus()
    expect(wave).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()


# Playing -------------------------------------------------------------------------------------------------------------

LISTEN = """player => {
  window.jumps = [];
  window.seen = [];
  player.muted = true;
  document.addEventListener("jumped", (event) => window.jumps.push(event.detail));
  const watch = (element) => {
    const look = (now, frame) => {
      if (element.id === "player") window.seen.push(frame.mediaTime);
      element.requestVideoFrameCallback(look);
    };
    element.requestVideoFrameCallback?.(look);
  };
  watch(player);
  new MutationObserver((all) => all.flatMap(({ addedNodes }) => [...addedNodes]).forEach(watch))
    .observe(player.parentNode, { childList: true });
}"""
"""Notes the jumps, and the times of the pictures that are seen; not of those that wait behind."""


def test_playing_jumps_over_what_goes(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    player = page.locator("#player")
    player.evaluate(LISTEN)
    page.get_by_role("button", name="Play the cut").click()
    expect(page.get_by_role("button", name="Play the cut")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => document.getElementById('player').paused", timeout=SLOW)
    expect(page.get_by_role("button", name="Play the cut")).to_have_attribute("aria-pressed", "false")
    jumps, seen = page.evaluate("[window.jumps, window.seen]")
    print("\njumps, late by", [f"{one['late'] * 1000:.0f} ms" for one in jumps])
    print("jumps, took", [f"{one['took'] * 1000:.0f} ms" for one in jumps])
    assert len(jumps) == 3  # before the silence at the end it stops
    inside = [time for time in seen if not any(start - 0.02 <= time < end for start, end in plan["keep"])]
    print(f"{len(inside)} of {len(seen)} pictures shown are of what goes")
    for start, end in plan["keep"]:
        assert any(start <= time < end for time in seen)
    assert player.evaluate("player => player.currentTime") == pytest.approx(plan["keep"][-1][1], abs=0.5)
    for start, end in [(4.5, 4.8), (7, 7.7)]:
        assert not [time for time in seen if start < time < end]  # the heart of a silence is never shown


def test_a_join_is_heard_for_two_seconds(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    player = page.locator("#player")
    player.evaluate(LISTEN)
    page.keyboard.press("]")
    page.keyboard.press("]")
    page.get_by_role("button", name="Hear the join").click()
    page.wait_for_function("() => window.jumps.length === 1 && document.getElementById('player').paused", timeout=SLOW)
    seen = page.evaluate("window.seen.slice(2)")
    assert -1.3 < min(seen) - plan["keep"][1][1] < 0
    assert 0.9 < player.evaluate("player => player.currentTime") - plan["keep"][2][0] < 2


# Taking turns at a join ----------------------------------------------------------------------------------------------

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
          player.focus();
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
          focus: document.activeElement === player, captions: [...player.textTracks].map(({ mode }) => mode),
        })"""
    )
    assert now == {
        "other": True, "volume": 0.4, "muted": True, "rate": 1.5, "controls": True, "inert": False, "name": "Talk",
        "focus": True, "captions": ["showing"],
    }  # fmt: skip
    assert page.locator("#player").bounding_box() == box
    assert page.evaluate("[first.paused, first.controls, first.inert, first.textTracks.length]") == [
        True,
        False,
        True,
        0,
    ]


def test_controls_do_not_flash_at_a_join_and_come_with_a_hand(at_the_first_join):
    page = at_the_first_join
    page.mouse.move(1, 1)
    page.evaluate("stage.touched = -Infinity")  # the pause before was long ago
    go_on(page)
    player = page.locator("#player")
    assert not player.evaluate("player => player.controls")
    player.hover()
    assert player.evaluate("player => player.controls")


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
    page.locator("#cut-wave canvas").click(position=spot(page, 4.6))  # the second pause stays
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
    page.evaluate("stage.alone = true")  # as navigator.connection.saveData makes it
    page.locator("#player").evaluate(LISTEN)
    page.get_by_role("button", name="Play the cut").click()
    page.wait_for_function("() => window.jumps.length", timeout=SLOW)
    assert not page.evaluate("window.jumps[0].taken")
    expect(page.locator(".player video")).to_have_count(1)


# Rendering -----------------------------------------------------------------------------------------------------------


def test_what_was_shown_is_rendered(open_plan, site, client, email, talk):
    page = open_plan(talk)
    page.locator("#cut-wave canvas").click(position=spot(page, 4.6))
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    with page.expect_response("**/api/v1/jobs") as sent:  # at once: it waits for the exact plan by itself
        page.get_by_role("button", name="Render this cut").click()
    job = sent.value.json()
    assert sent.value.status == 201, job
    found = planned(client, talk)["keep"]
    expected = [found[0], [found[1][0], found[2][1]], found[3]]
    assert job["params"]["keep"] == expected
    row = page.locator("article.job")
    expect(row).to_have_count(1)
    expect(row.locator(".chip")).to_have_text("Done", timeout=SLOW)
    done = site.wait_for_job(job["id"])
    with site.orm():
        artifact = Job.objects.get(pk=done.pk).artifacts.get(kind="video")
    assert artifact.metadata["output_duration"] == pytest.approx(total(expected), abs=1e-5)
    length = float(probe.probe(site.media / artifact.key).info.duration)
    assert length == pytest.approx(total(expected), abs=0.05)
    keep(page, "cut-plan-rendered")


def test_how_it_is_made_leaves_ranges_chosen_by_hand_alone(open_plan, talk):
    page = open_plan(talk)
    page.locator("#cut-wave canvas").click(position=spot(page, 4.6))
    page.locator("#cut summary").click()
    page.locator("[name='silence-cut-render']").select_option("encode")
    page.locator("[name='silence-cut-exports'][value='edl']").check()
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    with page.expect_response("**/api/v1/jobs") as sent:
        page.get_by_role("button", name="Render this cut").click()
    params = sent.value.json()["params"]
    assert (params["render"], params["exports"], len(params["keep"])) == ("encode", ["edl"], 3)


def test_ranges_on_frames_come_back_as_they_were_sent(client, add):
    """Times are told in microseconds; at 29.97 frames a second none of them is a whole number of those."""
    rate = Fraction(30_000, 1001)
    talk = add(clips.Picture(seconds=10, rate=rate), clips.Sound(loud=LOUD, seconds=10, floor_db=-60))
    plan = planned(client, talk)
    assert planned(client, talk, keep=plan["keep"])["keep"] == plan["keep"]


@pytest.mark.parametrize("ranges", [[[5, 6], [1, 2]], [[1, 3], [2, 4]], [[1, 99]], [[3, 3]], [[-1, 2]]])
def test_ranges_that_make_no_sense_are_refused(client, talk, ranges):
    body = {"video": str(talk.pk), "operation": "silence-cut", "params": {"keep": ranges}}
    response = client.post("/api/v1/jobs", json=body)
    assert response.status_code == 422
    assert response.json()["error"]["message"].endswith(".")


def test_sound_alone_is_planned_and_rendered_too(open_plan, site, client, add):
    audio = add(None, clips.Sound(loud=LOUD, seconds=10, floor_db=-60))
    page = open_plan(audio)
    plan = planned(client, audio)
    assert saved(page) == pytest.approx(plan["saved"], abs=0.051)
    page.locator("#player").evaluate("player => { player.currentTime = 1; player.muted = true; }")
    page.evaluate("window.jumps = 0; document.addEventListener('jumped', () => { jumps += 1; })")
    page.get_by_role("button", name="Play the cut").click()
    page.wait_for_function("() => window.jumps > 0", timeout=SLOW)
    with page.expect_response("**/api/v1/jobs") as sent:
        page.get_by_role("button", name="Render this cut").click()
    assert sent.value.status == 201
    job = site.wait_for_job(sent.value.json()["id"])
    assert job.status == Job.Status.SUCCEEDED
    keep(page, "cut-plan-audio")


def test_the_form_starts_the_cut_without_javascript(new_page, site, client, email, talk):
    page = new_page(site, client, java_script_enabled=False)
    page.goto(f"/videos/{talk.pk}/")
    expect(page.locator("#cut-wave")).to_be_hidden()
    expect(page.get_by_role("slider")).to_have_count(0)
    keep(page, "cut-plan-no-js")
    page.get_by_label("Silence is below", exact=True).fill("loud")
    page.locator("#cut-render").click()
    expect(page.locator("#cut .errorlist")).to_contain_text("Write auto, or a level")
    page.get_by_label("Silence is below", exact=True).fill("-40")
    page.locator("#cut-render").click()
    expect(page.locator("article.job")).to_have_count(1)
    with site.orm():
        (job,) = Job.objects.of(Account.objects.get(email=email))
    assert (job.operation, job.params["threshold_db"], job.params["keep"]) == ("silence-cut", -40.0, [])


# Everybody -----------------------------------------------------------------------------------------------------------


def test_the_page_belongs_to_its_owner(site, talk):
    other = site.client(f"{uuid.uuid4().hex}@example.org")
    for part in ("", "levels"):
        assert other.get(f"/videos/{talk.pk}/{part}").status_code == 404


def test_a_recording_that_cannot_be_heard_keeps_its_form(new_page, site, client, email):
    with site.orm():
        video = factories.video(Account.objects.get(email=email))  # its file is gone
    page = new_page(site, client)
    page.goto(f"/videos/{video.pk}/")
    expect(page.locator("#cut[data-state=failed]")).to_be_visible()
    expect(page.locator("#cut-say")).not_to_be_empty()
    expect(page.locator("#cut-wave")).to_be_hidden()
    expect(page.locator("#cut-render")).to_be_enabled()


def test_a_recording_without_sound_has_no_plan(new_page, site, client, email):
    with site.orm():
        video = factories.video(Account.objects.get(email=email), facts=factories.info(audio=()))
    page = new_page(site, client)
    page.goto(f"/videos/{video.pk}/")
    expect(page.locator("#cut")).to_have_count(0)
    expect(page.get_by_role("heading", name="Start work")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_plan_fits_and_can_be_used_by_everybody(open_plan, talk, width, scheme):
    page = open_plan(talk, viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width == 360)
    page.keyboard.press("]")
    page.locator("#cut-in").click()
    settled(page)
    page.locator("#cut details").evaluate("fold => { fold.open = true; }")
    keep(page, f"cut-plan-{width}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(page) == []
    targets = "button, summary, input:not([type=radio], [type=checkbox]), select, label:has(input)"
    small = page.locator(f"#cut :is({targets}):visible").evaluate_all(
        "all => all.filter(one => one.getBoundingClientRect().height < 40).map(one => one.outerHTML)"
    )
    assert small == []


def test_what_was_cut_by_hand_is_asked_about_on_leaving_and_is_there_on_return(open_plan, talk):
    page = open_plan(talk)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.locator("#cut-wave").click(position=spot(page, 0.7))
    settled(page)
    shown = page.locator("#cut-sum").inner_text()
    page.get_by_role("link", name="Library").first.click()
    page.wait_for_url(re.compile("/$"))
    assert asked == ["beforeunload"]
    page.goto(f"/videos/{talk.pk}/")
    expect(page.locator("#cut-back")).to_be_visible(timeout=SLOW)
    settled(page)
    expect(page.locator("#cut-hand")).to_be_visible()
    assert page.locator("#cut-sum").inner_text() == shown
    page.get_by_role("button", name="Begin anew").click()
    settled(page)
    expect(page.locator("#cut-hand")).to_be_hidden()
    expect(page.locator("#cut-back")).to_be_hidden()
    assert page.locator("#cut-sum").inner_text() != shown
    page.locator("#cut-undo").click()
    expect(page.locator("#cut-hand")).to_be_visible()
    page.locator("#cut-redo").click()
    expect(page.locator("#cut-hand")).to_be_hidden()
    page.wait_for_function("Object.keys(localStorage).length === 0")
    page.reload()
    settled(page)
    expect(page.locator("#cut-hand")).to_be_hidden()
    assert asked == ["beforeunload"]


def test_cuts_by_hand_of_another_account_are_not_shown(open_plan, talk):
    page = open_plan(talk)
    page.evaluate(
        "video => localStorage.setItem(`cut:0:${video}`, JSON.stringify({ at: Date.now(), list: [], values: {} }))",
        str(talk.pk),
    )
    page.reload()
    settled(page)
    expect(page.locator("#cut-hand")).to_be_hidden()
