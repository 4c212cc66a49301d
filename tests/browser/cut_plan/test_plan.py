"""The cut plan appears, follows the sliders, and is the server's when they rest."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.cut_plan.page import FRAME, SLOW, choose_pauses, keep, planned, saved, settled, spot, total, turn


def slide(page, name, value):
    page.locator(f"[data-slides~='{name}']").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
        str(value),
    )


def colour(page, seconds, y=None):
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
          const slider = document.querySelector("[data-slides~='margin_before_ms']");
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
    plan = planned(client, talk, margin_before_ms=0, margin_after_ms=0)
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
    assert saved(page) == pytest.approx(
        planned(client, talk, margin_before_ms=0, margin_after_ms=0)["saved"], abs=0.051
    )


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
    expect(page.get_by_label("Length of pauses", exact=True)).to_be_visible()
    settled(page)
    values = {"margin_before_ms": 150, "margin_after_ms": 250, "min_silence_ms": 600, "min_clip_ms": 150}
    plan = planned(client, talk, pauses="shorten", pause_ms=500, **values)
    assert saved(page) == pytest.approx(plan["saved"], abs=0.051)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Tight")).to_be_checked()
    expect(page.get_by_label("Length of pauses", exact=True)).to_be_hidden()


def test_listening_for_a_voice_finds_none_in_noise_and_says_so(open_plan, talk):
    page = open_plan(talk)
    page.get_by_label("Only speech counts").check(force=True)
    expect(page.locator("#cut-say")).to_contain_text("Nobody speaks in this recording.", timeout=SLOW)
    expect(page.locator("#cut-render")).to_be_disabled()
    page.get_by_label("Only speech counts").uncheck(force=True)
    settled(page)
    expect(page.locator("#cut-say")).to_have_text("")
    expect(page.locator("#cut-render")).to_be_enabled()


def test_what_is_rendered_waits_for_what_is_still_being_heard(open_plan, talk):
    page = open_plan(talk)
    held = []
    page.route("**/levels?detector=voice*", lambda route: held.append(route))
    page.get_by_label("Only speech counts").check(force=True)
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
    turn(page, 2)
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
    choose_pauses(page, "Mute")
    settled(page)
    expect(page.locator("#cut-sum")).to_have_text("4 pauses without sound, 0:10.0 stays")
    assert saved(page) == 0
    turn(page, 0.7)
    expect(page.locator("#cut-say")).to_contain_text("Choose “Out” to cut by hand.")
    with page.expect_response("**/api/v1/jobs") as sent:
        page.locator("#cut-render").click()
    assert sent.value.status == 201
    params = sent.value.json()["params"]
    assert (params["pauses"], params["keep"]) == ("mute", [])


def test_pauses_that_run_faster_are_told_played_and_rendered_so(open_plan, site, client, talk):
    page = open_plan(talk)
    gone = colour(page, 2, 60)
    choose_pauses(page, "Speed up")
    settled(page)
    plan = planned(client, talk, pauses="speed", speed=4)
    expect(page.locator("#cut-sum")).to_contain_text("4 pauses 4 times as fast")
    assert saved(page) == pytest.approx(plan["saved"], abs=0.06)
    assert plan["saved"] == pytest.approx(total(plan["fast"]) * 3 / 4, abs=1e-4)
    assert colour(page, 2, 60) != gone
    keep(page, "cut-plan-faster")
    # By hand a pause gets its own speed back, and the others stay fast whatever the speed.
    turn(page, 2)
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
