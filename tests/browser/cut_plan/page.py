"""What tests of the cut plan's page share."""

import os
from pathlib import Path

from playwright.sync_api import expect

SLOW = 60_000
LOUD = [(0, 1.5), (2.5, 4), (5.2, 6.5), (8, 9)]
"""Seconds of the recording in which there is sound; ten seconds in all."""
FRAME = 1 / 25


def settled(page):
    """The server's exact plan is the one that is shown. What it takes is loaded when somebody sees it."""
    page.locator("#cut-wave").scroll_into_view_if_needed()
    expect(page.locator("#cut[data-state=ready][data-exact=true]")).to_be_visible(timeout=SLOW)


def stage(page):
    """The page's player, as its own scripts have it."""
    return page.evaluate_handle(
        """async () => {
          const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
          return (await import(loaded.find((name) => name.includes("/scripts/stage.")))).stage;
        }"""
    )


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


def spot(page, seconds, y=None):
    """The place of a time on the waveform, all ten seconds of which are in view; in the middle of its bars."""
    box = page.locator("#cut-wave").bounding_box()
    return {"x": box["width"] * seconds / 10, "y": (box["height"] + 16) / 2 if y is None else y}


def press(page, seconds):
    page.locator("#cut-wave canvas").click(position=spot(page, seconds))


def turn(page, seconds):
    """Cut the stretch at a time, or keep it."""
    press(page, seconds)
    page.keyboard.press("Enter")


def drag(page, start, end, y=None, *, off=0, rest=0):
    """Drag on the waveform from one time to another, beginning `off` pixels behind the first, and rest for so many
    milliseconds on the way."""
    canvas = page.locator("#cut-wave canvas")
    begin = spot(page, start, y)
    canvas.hover(position={**begin, "x": begin["x"] + off})  # once it stands still
    page.mouse.down()
    box, there = canvas.bounding_box(), spot(page, end, y)
    if rest:
        page.mouse.move(box["x"] + (begin["x"] + there["x"]) / 2, box["y"] + there["y"], steps=4)
        page.wait_for_timeout(rest)
    page.mouse.move(box["x"] + there["x"], box["y"] + there["y"], steps=4)
    page.mouse.up()


def select(page, start, end):
    """Drag over a stretch of the waveform."""
    drag(page, start, end, 90)


def choose_pauses(page, name):
    """What becomes of them: Out, Shorten, Speed up or Mute."""
    page.locator("#cut").get_by_role("radio", name=name, exact=True).check(force=True)


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
