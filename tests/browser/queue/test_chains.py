"""A chain moves through its one row."""

import pytest
import requests
from playwright.sync_api import expect

from jobs.models import Artifact, Job, Run
from jobs.services import steps
from tests import media
from tests.browser.queue.rows import S, row

STEPS = [
    {"name": "Trim", "operation": "trim", "params": {"start": 1}},
    {"name": "Small", "operation": "convert", "input": "Trim", "params": {"resolution": 64}},
    {"name": "Stills", "operation": "thumbnails", "input": "Small", "params": {"count": 2}},
    {"name": "Sound", "operation": "extract-audio", "input": "Small"},
]


def chain(desk, *states, status=S.RUNNING):
    """A run with jobs in these states, which nobody works on."""
    with desk.site.orm():
        stored = [step.to_json() for step in steps.read(STEPS[: len(states)])]
        run = Run.objects.create(owner=desk.owner, video=desk.video, name="My chain", steps=stored, status=status)
        jobs = []
        for step, state in zip(STEPS, states, strict=False):
            job = desk.job(status=state, run=run, step=step["name"], operation=step["operation"])
            if step.get("input"):
                job.after.add(next(one for one in jobs if one.step == step["input"]))
            jobs.append(job)
    return run, jobs


def test_a_chain_of_real_work_goes_through_its_one_row(queue, site, email, tmp_path):
    page = queue()
    headers = {"Authorization": f"Bearer {site.token(email)}"}
    with media.video(tmp_path / "talk.mp4", seconds=4).open("rb") as file:
        video = requests.post(f"{site.url}/api/v1/videos", headers=headers, files={"file": file}, timeout=60).json()
    address = f"{site.url}/api/v1/videos/{video['id']}/pipeline"
    run = requests.post(address, headers=headers, json={"name": "All of it", "steps": STEPS}, timeout=60).json()
    shown = page.locator(f"#job-{run['id']}")
    expect(shown).to_contain_text("All of it")
    expect(shown.locator(".how .chip")).to_have_text("Done", timeout=90_000)
    expect(page.locator("#jobs-rows article")).to_have_count(1)
    expect(shown.locator(".steps .done")).to_have_count(4)
    shown.locator(".unfold").click()
    expect(shown.locator(".pics6 img")).to_have_count(2)
    for name in ("Sound", "Trim"):
        expect(shown.get_by_role("heading", name=name)).to_be_visible()
    shown.get_by_role("link", name="All of it").click()
    expect(page.locator("#jobs-rows > article")).to_have_count(5)
    expect(page.locator("#live")).to_have_text("Live")
    trim = shown.locator(".pace").first
    expect(trim).to_contain_text("dropped in")
    shown.get_by_role("button", name="Keep the result of Trim").click()
    expect(trim).not_to_contain_text("dropped in")


def test_results_that_are_open_stay_open_while_other_steps_go_on(queue, desk):
    run, (trim, small) = chain(desk, S.SUCCEEDED, S.RUNNING)
    with desk.site.orm():
        Artifact.objects.create(job=trim, kind="image", name="one.jpg", key="none", size=1, media_type="image/jpeg")
    page = queue()
    shown = row(page, run)
    shown.locator(".unfold").click()
    shown.locator(".pics6 a").first.focus()
    desk.advance(small, 0.5, "Half way")
    expect(shown).to_contain_text("Half way")
    expect(shown.locator(".steps .now")).to_have_text("Small")
    expect(shown.locator(".unfold")).to_have_attribute("aria-expanded", "true")
    expect(shown.locator(".pics6 a").first).to_be_focused()


def test_a_step_that_ends_is_told_to_the_rest_of_the_page(queue, desk):
    run, (trim, _) = chain(desk, S.RUNNING, S.WAITING)
    page = queue(f"/videos/{desk.video.pk}/")
    with page.expect_request("**/versions"):
        desk.change(lambda: trim.succeed(1))
    expect(page.locator(f"#line-{run.pk}")).to_contain_text("a chain")


@pytest.mark.parametrize("address", ["/queue/", "/runs/{run}/"])
def test_a_chain_fits_on_a_phone(new_page, site, client, desk, address):
    run, _ = chain(desk, S.SUCCEEDED, S.RUNNING, S.WAITING, S.WAITING)
    page = new_page(site, client, viewport={"width": 390, "height": 844})
    page.goto(address.format(video=desk.video.pk, run=run.pk))
    expect(row(page, run).locator(".steps > li, .pace")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_cancel_and_try_again_are_in_the_row(queue, desk):
    run, _ = chain(desk, S.RUNNING, S.WAITING)
    page = queue()
    row(page, run).get_by_role("button", name="Cancel").click()
    expect(row(page, run).locator(".how .chip")).to_have_text("Cancelled")
    row(page, run).get_by_role("button", name="Try again").click()
    expect(row(page, run).locator(".how .chip")).not_to_have_text("Cancelled")
    with desk.site.orm():
        assert Job.objects.filter(run=run).count() == 4


def test_a_phone_names_the_step_that_a_chain_is_at(new_page, site, client, desk):
    run, _ = chain(desk, S.SUCCEEDED, S.RUNNING, S.WAITING, S.WAITING)
    page = new_page(site, client, viewport={"width": 390, "height": 844})
    page.goto("/queue/")
    steps = row(page, run).locator(".steps bdi")
    expect(steps).to_have_count(4)
    seen = steps.evaluate_all(
        "all => all.filter(one => one.getBoundingClientRect().width > 0).map(one => one.innerText)"
    )
    assert seen == [steps.nth(1).inner_text()]
