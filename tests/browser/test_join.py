"""The lists of recordings to join, one below the other."""

import pytest
from playwright.sync_api import expect

from tests import media


@pytest.fixture
def videos(client, tmp_path):
    """Three recordings, by their titles."""
    kept = {}
    for number in range(3):
        path = media.video(tmp_path / f"GX01{number}.mp4", seconds=2 + number)
        with path.open("rb") as file:
            answer = client.post("/api/v1/videos", files={"file": file})
        assert answer.status_code == 201, answer.text
        kept[path.stem] = answer.json()["id"]
    return kept


def unfolded(page, videos):
    page.goto(f"/videos/{videos['GX010']}/?do=join")
    return page.locator("#do-form")


def chosen(fold):
    return [one.evaluate("one => one.value") for one in fold.locator("[data-ordered] select").all()]


def test_one_more_list_comes_when_the_last_is_used_and_what_was_chosen_changes_places(new_page, site, client, videos):
    page = new_page(site, client, viewport={"width": 360, "height": 900})
    fold = unfolded(page, videos)
    one, two = videos["GX011"], videos["GX012"]
    for number, video in ((2, one), (3, two), (4, one)):
        fold.get_by_label(f"Recording {number}", exact=True).select_option(video)
    expect(fold.locator("[data-ordered] select")).to_have_count(4)
    later = fold.locator("[data-ordered] li").first.get_by_role("button", name="Later")
    later.focus()
    page.keyboard.press("Enter")
    assert chosen(fold) == [two, one, one, ""]
    expect(fold.locator("[data-ordered] li").nth(1).get_by_role("button", name="Later")).to_be_focused()
    page.keyboard.press("Enter")
    assert chosen(fold) == [two, one, one, ""]
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        fold.get_by_role("button", name="Start").click()
    (job,) = client.get("/api/v1/jobs").json()["items"]
    assert (job["operation"], job["params"]["recordings"]) == ("join", [two, one, one])
