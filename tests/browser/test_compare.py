"""Before and after on a job's page: one press lets the one or the other be heard, at the same place."""

import pytest

from tests import media

STATE = """() => {
  const [before, after] = ["before", "after"].map((name) => document.querySelector(`[data-${name}]`));
  return { muted: after.muted, before: !before.paused, apart: Math.abs(before.currentTime - after.currentTime),
           pressed: document.querySelector("[data-compare] [aria-pressed=true]").value };
}"""


@pytest.fixture(scope="module")
def cleaned(site, tmp_path_factory):
    """The page of a job that cleaned a recording."""
    client = site.client("compare@example.org")
    path = media.video(tmp_path_factory.mktemp("compare") / "film.mp4", seconds=20)
    with path.open("rb") as file:
        video = client.post("/api/v1/videos", files={"file": file}).json()["id"]
    job = client.post("/api/v1/jobs", json={"video": video, "operation": "clean-audio", "params": {}}).json()["id"]
    site.wait_for_job(job, "succeeded")
    return f"/jobs/{job}/"


@pytest.fixture
def page(new_page, site, cleaned):
    page = new_page(site, site.client("compare@example.org"))
    page.goto(cleaned)
    page.wait_for_function("() => document.querySelector('[data-after]').readyState > 2")
    return page


def test_a_press_changes_what_is_heard_and_not_the_place(page):
    page.evaluate("document.querySelector('[data-after]').play()")
    assert page.evaluate(STATE)["pressed"] == "after"

    page.click("[data-compare] button[value=before]")
    page.wait_for_function("() => !document.querySelector('[data-before]').paused")
    state = page.evaluate(STATE)
    assert (state["muted"], state["pressed"]) == (True, "before")
    # Within a second even where a browser is slow to start; it comes closer as it plays.
    assert state["apart"] < 1

    page.click("[data-compare] button[value=after]")
    state = page.evaluate(STATE)
    assert (state["muted"], state["before"], state["pressed"]) == (False, False, "after")


def test_a_pause_silences_both(page):
    page.evaluate("document.querySelector('[data-after]').play()")
    page.click("[data-compare] button[value=before]")
    page.wait_for_function("() => !document.querySelector('[data-before]').paused")

    page.evaluate("document.querySelector('[data-after]').pause()")

    page.wait_for_function("() => document.querySelector('[data-before]').paused")
