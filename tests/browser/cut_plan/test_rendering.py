"""What was shown is rendered, and everybody can use the page."""

import uuid
from fractions import Fraction

import pytest
from playwright.sync_api import expect

from jobs.engine.pipelines import probe
from jobs.models import Account, Job
from tests import clips, factories
from tests.browser.axe import faults
from tests.browser.cut_plan.page import LOUD, SLOW, keep, planned, saved, settled, total, turn


def test_what_was_shown_is_rendered(open_plan, site, client, email, talk):
    page = open_plan(talk)
    turn(page, 4.6)
    expect(page.locator("#cut-sum")).to_contain_text("3 cuts")
    with page.expect_response("**/api/v1/jobs") as sent:  # at once: it waits for the exact plan by itself
        page.get_by_role("button", name="Render this cut").click()
    job = sent.value.json()
    assert sent.value.status == 201, job
    found = planned(client, talk)["keep"]
    expected = [found[0], [found[1][0], found[2][1]], found[3]]
    assert job["params"]["keep"] == expected
    version = page.locator("#versions .ver").first
    expect(version).to_contain_text("Cut", timeout=SLOW)
    expect(version.locator(".chip")).to_have_text("Checked")
    done = site.wait_for_job(job["id"])
    with site.orm():
        artifact = Job.objects.get(pk=done.pk).artifacts.get(kind="video")
    assert artifact.metadata["output_duration"] == pytest.approx(total(expected), abs=1e-5)
    length = float(probe.probe(site.media / artifact.key).info.duration)
    assert length == pytest.approx(total(expected), abs=0.05)
    keep(page, "cut-plan-rendered")


def test_render_and_what_it_takes_are_within_a_screen_of_the_waveform(open_plan, talk):
    page = open_plan(talk)
    expect(page.locator("#cut-quote")).to_contain_text("copies the picture", timeout=SLOW)
    page.locator("#cut-wave").evaluate("wave => wave.scrollIntoView({ block: 'start' })")
    for part in ("#cut-wave", "#cut-quote", "#cut-render"):
        expect(page.locator(part)).to_be_in_viewport(ratio=1)


def test_how_it_is_made_leaves_ranges_chosen_by_hand_alone(open_plan, talk):
    page = open_plan(talk)
    turn(page, 4.6)
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
    threshold = page.locator("[name='silence-cut-threshold_db']")
    page.locator("#cut summary").click()
    threshold.fill("loud")
    page.locator("#cut-render").click()
    expect(page.locator("#cut .errorlist")).to_contain_text("Write auto, or a level")
    threshold.fill("-40")
    page.locator("#cut-render").click()
    expect(page.locator("#history li")).to_have_count(2)
    with site.orm():
        (job,) = Job.objects.of(Account.objects.get(email=email))
    assert (job.operation, job.params["threshold_db"], job.params["keep"]) == ("silence-cut", -40.0, [])


def test_the_page_belongs_to_its_owner(site, talk):
    other = site.client(f"{uuid.uuid4().hex}@example.org")
    for part in ("", "levels"):
        assert other.get(f"/videos/{talk.pk}/{part}").status_code == 404


def test_a_recording_that_cannot_be_heard_keeps_its_form(new_page, site, client, email):
    with site.orm():
        video = factories.video(Account.objects.get(email=email))  # its file is gone
    page = new_page(site, client)
    page.goto(f"/videos/{video.pk}/")
    page.locator("#cut-wave").scroll_into_view_if_needed()
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
    expect(page.get_by_role("heading", name="Do something")).to_be_visible()


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
        "(all, least) => all.filter(one => one.getBoundingClientRect().height < least).map(one => one.outerHTML)",
        40 if width == 360 else 28,
    )
    assert small == []
