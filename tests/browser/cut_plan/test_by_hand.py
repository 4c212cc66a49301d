"""Cuts made by hand."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.cut_plan.page import FRAME, SLOW, drag, planned, press, saved, select, settled, spot, total, turn


def test_a_click_seeks_and_cuts_nothing_a_double_click_restores_a_cut(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    first = plan["keep"][1][0] - plan["keep"][0][1]
    press(page, 3.2)
    assert page.locator("#player").evaluate("player => player.currentTime") == pytest.approx(3.2, abs=0.05)
    page.locator("#cut-wave canvas").dblclick(position=spot(page, 3.3))  # nothing was cut there
    press(page, 2)
    expect(page.locator("#cut-which")).to_contain_text("Cut 1 of 4")
    expect(page.locator("#cut-sum")).to_contain_text("4 cuts")
    expect(page.locator("#cut-hand")).to_be_hidden()
    page.wait_for_timeout(500)  # for the next press to be no double click
    page.locator("#cut-wave canvas").dblclick(position=spot(page, 2))
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"] - first, abs=0.06)


def test_what_was_dragged_over_goes_with_delete(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    select(page, 2.75, 3.25)  # within a stretch that stays
    expect(page.locator("#cut-which")).to_contain_text("Selected: 0:02.7")
    expect(page.locator("#cut-sum")).to_contain_text("4 cuts")
    page.keyboard.press("Delete")
    expect(page.locator("#cut-sum")).to_contain_text("5 cuts")
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"] + 0.5, abs=0.1)  # to a pixel and a frame
    expect(page.locator("#cut-which")).to_contain_text("Cut 2 of 5")
    select(page, 2, 3.6)  # cut, kept and cut: all of it goes
    page.get_by_role("button", name="Cut it").click()
    expect(page.locator("#cut-sum")).to_contain_text("4 cuts")
    select(page, 2.4, 3.3)  # nothing of it stays: so all of it comes back
    page.keyboard.press("Enter")
    expect(page.locator("#cut-sum")).to_contain_text("5 cuts")
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    expect(page.locator("#cut-say")).to_contain_text("Drag over the waveform")
    for seconds, key in ((5.4, "i"), (5.9, "o")):
        page.locator("#player").evaluate("(player, time) => { player.currentTime = time; }", seconds)
        page.keyboard.press(key)
    expect(page.locator("#cut-which")).to_contain_text("Selected: 0:05.40 to 0:05.90")


def test_a_stretch_is_cut_or_kept_by_a_key_and_that_can_be_undone(open_plan, client, talk):
    page = open_plan(talk)
    plan = planned(client, talk)
    first = plan["keep"][1][0] - plan["keep"][0][1]
    turn(page, 2)
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"] - first, abs=0.06)
    expect(page.locator("#cut-hand")).to_be_visible()
    page.wait_for_timeout(500)  # for the next press to be no double click
    turn(page, 2)  # cut again, and nothing beside it
    expect(page.locator("#cut-sum")).to_contain_text("4 cuts")
    turn(page, 3.2)  # a stretch that was kept
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
    drag(page, end, 3, off=2, rest=1500)
    expect(page.locator("#cut-hand")).to_be_visible()
    settled(page)
    assert saved(page) == pytest.approx(plan["saved"] + end - 3, abs=0.1)  # to a pixel and a frame
    page.keyboard.press("Control+z")  # the whole drag is one change, however slow
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
    page.locator("#cut summary").click()
    field = page.locator("[name='silence-cut-threshold_db']")
    field.fill("-30")
    field.press("u")  # typed, not undone
    expect(field).to_have_value("-30u")


def test_a_stretch_is_split_where_the_playhead_is(open_plan, talk):
    page = open_plan(talk)
    page.locator("#player").evaluate("player => { player.currentTime = 3; }")
    page.get_by_role("button", name="Split here").click()
    turn(page, 3.3)
    expect(page.locator("#cut-which")).to_contain_text("0:03.00 to")
    turn(page, 1)
    expect(page.locator("#cut-sum")).to_contain_text("4 cuts")  # the second half and the first stretch have grown cuts


def test_nothing_and_everything_cannot_be_rendered(open_plan, talk):
    page = open_plan(talk)
    for seconds in (2, 4.6, 7.2, 9.6):
        turn(page, seconds)
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


def test_what_was_cut_by_hand_is_asked_about_on_leaving_and_is_there_on_return(open_plan, talk):
    page = open_plan(talk)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    turn(page, 0.7)
    settled(page)
    shown = page.locator("#cut-sum").inner_text()
    page.get_by_role("link", name="Library").first.click()
    page.wait_for_url(re.compile("/$"))
    assert asked == ["beforeunload"]
    page.goto(f"/videos/{talk.pk}/")
    settled(page)
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
    page.wait_for_function("() => Object.keys(localStorage).length === 0")
    page.reload()
    settled(page)
    expect(page.locator("#cut-hand")).to_be_hidden()
    assert asked == ["beforeunload"]


def test_what_was_cut_by_hand_is_there_in_another_browser_too(open_plan, talk, client):
    page = open_plan(talk)
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.ok):
        turn(page, 0.7)
    settled(page)
    shown = page.locator("#cut-sum").inner_text()
    other = open_plan(talk)
    expect(other.locator("#cut-back")).to_be_visible(timeout=SLOW)
    settled(other)
    assert other.locator("#cut-sum").inner_text() == shown
    with other.expect_response(lambda answer: answer.request.method == "DELETE" and answer.ok):
        other.get_by_role("button", name="Begin anew").click()
    assert client.get(f"/api/v1/videos/{talk.pk}/draft").status_code == 404


def test_what_two_windows_change_is_overwritten_in_neither(open_plan, talk, client):
    def is_put(answer):
        return answer.request.method == "PUT"

    first = open_plan(talk)
    with first.expect_response(is_put):
        turn(first, 0.7)
    second = open_plan(talk)
    expect(second.locator("#cut-back")).to_be_visible(timeout=SLOW)
    with second.expect_response(is_put) as taken:
        turn(second, 3.2)
    assert taken.value.status == 200
    theirs = second.locator("#cut-sum").inner_text()
    with first.expect_response(is_put) as refused:
        turn(first, 6.0)
    assert refused.value.status == 412
    expect(first.locator("#cut-say")).to_contain_text("changed in another window")
    settled(first)
    assert first.locator("#cut-sum").inner_text() == theirs
    with first.expect_response(is_put) as mine:
        first.locator("#cut-undo").click()
    assert mine.value.status == 200
    assert first.locator("#cut-sum").inner_text() != theirs
    assert len(client.get(f"/api/v1/videos/{talk.pk}/draft").json()["parts"]) > 1


def test_cuts_made_without_a_connection_are_sent_when_it_is_back(open_plan, talk, client):
    page = open_plan(talk)
    page.route("**/draft", lambda route: route.abort())
    turn(page, 0.7)
    page.wait_for_function("() => Object.keys(localStorage).length === 1")
    page.wait_for_timeout(1500)
    assert client.get(f"/api/v1/videos/{talk.pk}/draft").status_code == 404
    page.unroute("**/draft")
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.ok):
        page.evaluate("() => dispatchEvent(new Event('online'))")
    assert client.get(f"/api/v1/videos/{talk.pk}/draft").status_code == 200


def test_cuts_by_hand_of_another_account_are_not_shown(open_plan, talk):
    page = open_plan(talk)
    page.evaluate(
        "video => localStorage.setItem(`cut:0:${video}`, JSON.stringify({ at: Date.now(), list: [], values: {} }))",
        str(talk.pk),
    )
    page.reload()
    settled(page)
    expect(page.locator("#cut-hand")).to_be_hidden()
