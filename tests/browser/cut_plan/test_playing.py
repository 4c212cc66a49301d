"""The player jumps over what goes."""

import pytest
from playwright.sync_api import expect

from tests.browser.cut_plan.page import LISTEN, SLOW, planned


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
