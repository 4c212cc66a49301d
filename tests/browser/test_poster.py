"""Choosing a poster on a recording's page, with scripts and without."""

import pytest
from playwright.sync_api import expect

from jobs.models import Artifact
from tests import media

EMAIL = "poster@example.org"
ASKED = {"operation": "thumbnails", "params": {"mode": "best", "count": 3, "width": 160}}


@pytest.fixture(scope="module")
def address(site, tmp_path_factory):
    """The page of a recording with three pictures to choose from."""
    path = media.video(tmp_path_factory.mktemp("poster") / "clip.mp4", seconds=6)
    client = site.client(EMAIL)
    with path.open("rb") as file:
        video = client.post("/api/v1/videos", files={"file": file}).json()["id"]
    job = client.post("/api/v1/jobs", json={"video": video, **ASKED}).json()["id"]
    assert site.wait_for_job(job).status == "succeeded"
    with site.orm():
        assert Artifact.objects.filter(job=job, kind="image").count() == 3
    return f"/videos/{video}/"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_one_click_makes_a_picture_the_poster_and_one_takes_it_back(new_page, site, address, scripts):
    page = new_page(site, site.client(EMAIL), java_script_enabled=scripts)
    page.goto(address)
    player, first = page.locator("#player"), page.locator("#player").get_attribute("poster")

    def pictures():
        found = page.locator(".all-pictures")
        if not found.is_visible():  # without scripts the page came anew
            page.locator("#results").get_by_role("button", name="Show all").click()
        return found

    pictures().get_by_role("button", name="Use as poster").nth(1).click()

    expect(player).not_to_have_attribute("poster", first)
    chosen = pictures()
    expect(chosen.locator(".chip")).to_have_text("Poster")
    expect(chosen.get_by_role("button", name="Use as poster")).to_have_count(2)
    assert page.request.get(player.get_attribute("poster")).headers["content-type"] == "image/jpeg"

    chosen.get_by_role("button", name="Undo").click()

    expect(player).to_have_attribute("poster", first)
    expect(pictures().get_by_role("button", name="Use as poster")).to_have_count(3)
