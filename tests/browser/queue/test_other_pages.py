"""Pages other than the queue's follow the work too."""

from playwright.sync_api import expect

from jobs.models import Video
from tests import factories, media
from tests.browser.queue.rows import row


def test_the_page_of_a_job_follows_it(queue, desk):
    job = desk.job()
    page = queue(f"/jobs/{job.pk}/")
    desk.advance(job, 0.5, "Half way")
    expect(row(page, job)).to_contain_text("Half way")
    expect(page.locator("#details")).not_to_contain_text("Ended")
    desk.change(lambda: job.succeed(1))
    expect(row(page, job).locator(".chip")).to_have_text("Done")
    expect(page.locator("#details")).to_contain_text("Ended")


def test_the_page_of_a_recording_follows_the_work_and_keeps_what_is_open(queue, desk):
    job = desk.job(operation="silence-cut", progress=0.1)
    page = queue(f"/videos/{desk.video.pk}/")
    making = page.locator(f"#making-{job.pk}")
    expect(making).to_contain_text("10 %")
    page.get_by_label("More for Original").click()
    desk.advance(job, 0.5, "Encoding", eta=18)
    expect(making).to_contain_text("50 %, 18 s left")
    expect(page.locator(f"#line-{job.pk}")).to_contain_text("50 %")
    expect(page.get_by_role("link", name="Download the original")).to_be_hidden()
    expect(page.locator("#versions details.menu[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    page.mouse.move(2, 2)
    desk.change(lambda: job.succeed(1))
    expect(page.locator(f"#line-{job.pk}")).to_contain_text("Cut the silence is done")
    expect(making).to_have_count(1)  # nothing goes where the focus is
    page.evaluate("document.activeElement.blur()")
    expect(making).to_have_count(0)


def test_the_posters_of_the_library_follow_the_work(queue, desk):
    job = desk.job(progress=0.1)
    page = queue("/")
    poster = page.locator(f"#video-{desk.video.pk}")
    expect(poster).to_contain_text("10 %")
    desk.advance(job, 0.8)
    expect(poster).to_contain_text("80 %", timeout=10_000)
    desk.change(lambda: job.succeed(1))
    expect(poster.locator("progress")).to_have_count(0, timeout=10_000)


def test_recordings_come_change_and_go_in_every_open_library(queue, desk, site, email, tmp_path):
    tabs = [queue("/"), queue("/")]
    headers = {"Authorization": f"Bearer {site.token(email)}"}
    with media.video(tmp_path / "garden-walk.mp4", seconds=1).open("rb") as file:
        new = desk.client.post("/api/v1/videos", headers=headers, files={"file": file}).json()
    for tab in tabs:
        expect(tab.locator(f"#video-{new['id']}")).to_be_visible(timeout=30_000)
        expect(tab.locator("#shelf-total")).to_contain_text("2 recordings")
    desk.client.patch(f"/api/v1/videos/{new['id']}", headers=headers, json={"title": "In the park"}).raise_for_status()
    for tab in tabs:
        expect(tab.locator(f"#video-{new['id']}")).to_contain_text("In the park", timeout=30_000)
    desk.client.delete(f"/api/v1/videos/{new['id']}", headers=headers).raise_for_status()
    for tab in tabs:
        expect(tab.locator(f"#video-{new['id']}")).to_have_count(0, timeout=30_000)
        expect(tab.locator("#shelf-total")).to_contain_text("1 recording,")
        expect(tab.locator("#live")).to_have_text("Live")


def test_nothing_moves_on_the_shelf_while_the_focus_is_there(queue, desk):
    job = desk.job(progress=0.1)
    page = queue("/")
    card, cards = page.locator(f"#video-{desk.video.pk}"), page.locator(".vid")
    card.locator("input.check").check()
    page.keyboard.press("j")
    place = card.bounding_box()
    with desk.site.orm():
        factories.video(desk.owner, title="Garden walk")
    desk.advance(job, 0.8)
    expect(card).to_contain_text("80 %", timeout=30_000)
    expect(page.locator("#shelf-total")).to_contain_text("2 recordings")
    assert (cards.count(), card.bounding_box()) == (1, place)
    page.evaluate("document.activeElement.blur()")
    expect(cards.first).to_contain_text("Garden walk", timeout=30_000)
    expect(card.locator("input.check")).to_be_checked()


def test_the_first_recording_takes_the_place_of_the_words_for_none(queue, desk):
    with desk.site.orm():
        Video.objects.filter(owner=desk.owner).delete()
    page = queue("/")
    expect(page.locator("#grid")).to_contain_text("No recordings yet")
    with desk.site.orm():
        desk.video = factories.video(desk.owner, title="Lecture 4")
    desk.poke()
    expect(page.locator(f"#video-{desk.video.pk}")).to_be_visible(timeout=30_000)
