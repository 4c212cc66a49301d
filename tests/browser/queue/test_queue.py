"""Work moves through the queue's page by itself."""

import re

from playwright.sync_api import expect

from jobs.models import Artifact, Job, Video
from tests import media
from tests.browser.queue.rows import S, more, row


def order(page):
    return page.locator("#jobs-rows article").evaluate_all("rows => rows.map(row => row.id.slice(4))")


def expect_order(page, wanted):
    """The page gets to this order by itself; a function is asked anew each time, for what changes meanwhile."""
    ask = wanted if callable(wanted) else lambda: wanted
    for _ in range(50):
        if order(page) == ask():
            return
        page.wait_for_timeout(100)
    assert order(page) == ask()


def test_real_work_moves_through_the_queue_by_itself(queue, site, email, tmp_path):
    page = queue()
    expect(page.locator("#jobs")).to_contain_text("The queue is empty")
    recording = media.video(tmp_path / "talk.mp4", seconds=2)
    with recording.open("rb") as file:
        import requests

        headers = {"Authorization": f"Bearer {site.token(email)}"}
        video = requests.post(f"{site.url}/api/v1/videos", headers=headers, files={"file": file}, timeout=60).json()
    order = {"video": video["id"], "operation": "thumbnails", "params": {"count": 3}}
    job = requests.post(f"{site.url}/api/v1/jobs", headers=headers, json=order, timeout=60).json()
    shown = page.locator(f"#job-{job['id']}")
    expect(shown).to_be_visible()
    expect(shown.locator(".chip")).to_have_text("Done", timeout=60_000)
    expect(shown).to_contain_text("3 pictures")
    shown.get_by_role("link", name="3 pictures").click()
    pictures = shown.locator("img[alt]:not([alt=''])")
    expect(pictures).to_have_count(3)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0


def test_progress_shows_in_row_and_title(queue, desk):
    job = desk.job()
    page = queue()
    desk.advance(job, 0.62, "Encoding around 214 cuts", 18)
    expect(row(page, job)).to_contain_text("Encoding around 214 cuts")
    expect(row(page, job)).to_contain_text("62 %, 18 s left")
    expect(row(page, job).locator("progress")).to_have_js_property("value", 0.62)
    expect(page).to_have_title(re.compile(r"^62 % · Queue"))
    expect(page.locator("#queue-count")).to_have_text("1 under way")


def test_ones_own_line_is_paused_and_goes_on_in_every_tab(queue, desk):
    job = desk.job(status=S.QUEUED)
    one, two = queue(), queue()
    one.get_by_role("button", name="Pause mine").click()
    expect(one.get_by_role("button", name="Go on")).to_be_focused()
    for page in (one, two):
        expect(row(page, job)).to_contain_text("Your line is paused")
        expect(page.locator("#queue-paused")).to_contain_text("nothing more of yours is begun until you go on")
        expect(page.get_by_role("button", name="Pause mine")).to_have_count(0)
    one.keyboard.press("Enter")
    expect(one.get_by_role("button", name="Pause mine")).to_be_focused()
    expect(two.locator("#queue-paused")).to_be_hidden()


def test_two_tabs_agree(queue, desk):
    jobs = [desk.job(), desk.job(), desk.job(status=S.FAILED, error_message="Too quiet. Choose another one.")]
    one, two = queue(), queue()
    row(one, jobs[0]).get_by_role("button", name="Cancel").click()
    for page in (one, two):
        expect(row(page, jobs[0]).locator(".chip")).to_have_text("Cancelled")
    more(two, jobs[2], "Remove")
    for page in (one, two):
        expect(row(page, jobs[2])).to_have_count(0)
        page.mouse.move(0, 0)
    row(one, jobs[0]).get_by_role("button", name="Run again").click()
    for page in (one, two):
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")  # rows keep their place while the focus is on one
        expect(page.locator("article.job")).to_have_count(2)  # the new try stands in the place of the old one
    assert len(desk.order()) == 2
    for page in (one, two):
        expect_order(page, desk.order)  # a worker takes the new one and fails, for there is no file
    assert desk.stored(jobs[0]).status == S.CANCELLED


def test_what_cannot_be_done_again_says_why_where_it_is_seen(queue, desk):
    job = desk.job(status=S.FAILED, error_message="Too quiet. Choose another one.", operation="fax")
    for _ in range(12):
        desk.job(status=S.SUCCEEDED)
    page = queue()
    row(page, job).get_by_role("button", name="Try again").click()
    said = page.locator("#messages")
    expect(said).to_have_text("This kind of work is not offered any more.")
    expect(said).to_be_in_viewport()
    expect(page.locator("article.job")).to_have_count(13)


def test_a_late_row_is_ignored(queue, desk):
    job = desk.job()
    page = queue()
    late = page.locator("#jobs").evaluate("list => list.outerHTML")
    desk.advance(job, 0.5, "Newer")
    expect(row(page, job)).to_contain_text("Newer")
    late = late.replace("<section ", f'<section hx-swap-oob="true" data-order="{job.pk}" ', 1)
    page.evaluate("late => htmx.swap(document.body, late, {swapStyle: 'none'})", late)
    expect(row(page, job)).to_contain_text("Newer")


def test_an_answer_that_comes_after_newer_pushes_is_not_used(queue, desk):
    gone, first, second = desk.job(status=S.SUCCEEDED), desk.job(), desk.job()
    page = queue()
    held = []

    def hold_the_first(route):
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route("**/queue/rows/**", hold_the_first)
    page.locator("#jobs").evaluate("list => { list.dataset.state = ''; }")
    page.evaluate("dispatchEvent(new Event('online'))")  # asks for the whole list
    while not held:
        page.wait_for_timeout(50)
    was, now = str(gone.pk), [str(first.pk), str(second.pk)]
    desk.change(lambda: (gone.delete(), second.succeed(1)))
    expect_order(page, now)
    route, answer = held[0]
    assert was in answer.text()
    route.fulfill(response=answer)
    page.wait_for_timeout(500)
    assert order(page) == now


def test_a_page_that_lacks_a_row_asks_for_it(queue, desk):
    first, second = desk.job(), desk.job()
    page = queue()
    row(page, first).evaluate("row => row.remove()")
    desk.advance(second, 0.5, "Further on")
    expect_order(page, [str(second.pk), str(first.pk)])


def test_a_row_that_moves_leaves_those_below_it_alone(queue, desk):
    stays, ends = desk.job(), desk.job()
    page = queue()
    row(page, stays).evaluate("""row => {
        row.taken = 0;
        new MutationObserver(all => all.forEach(one => { row.taken += [...one.removedNodes].includes(row); }))
            .observe(row.parentElement, {childList: true});
    }""")
    desk.change(lambda: ends.succeed(1))
    expect_order(page, [str(stays.pk), str(ends.pk)])
    assert row(page, stays).evaluate("row => row.taken") == 0


def test_rows_keep_their_place_under_a_pointer(queue, desk):
    first, second = desk.job(), desk.job()
    page = queue()
    before = order(page)
    row(page, second).hover()
    desk.change(lambda: second.succeed(1))
    expect(row(page, second).locator(".chip")).to_have_text("Done")  # it says so at once
    new = desk.job()
    desk.poke()
    page.wait_for_timeout(700)
    assert order(page) == before  # but nothing moves
    page.mouse.move(0, 0)
    expect(row(page, new)).to_be_visible()
    assert order(page) == [str(job.pk) for job in (new, first, second)]


def test_the_focus_stays_on_its_button(queue, desk):
    job = desk.job()
    page = queue()
    button = row(page, job).get_by_role("button", name="Cancel")
    button.focus()
    desk.advance(job, 0.3, "Further on")
    expect(row(page, job)).to_contain_text("Further on")
    expect(row(page, job).get_by_role("button", name="Cancel")).to_be_focused()


def test_a_row_that_did_not_change_is_left_alone(queue, desk):
    done, running = desk.job(status=S.SUCCEEDED), desk.job()
    with desk.site.orm():
        Artifact.objects.create(
            job=done, kind="video", name="cut.mp4", key="none", size=1, media_type="video/mp4", sha256="0" * 64
        )
    page = queue()
    row(page, done).get_by_role("link", name="Play").click()
    row(page, done).locator(".opened video").evaluate("film => { film.mine = true; }")
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    desk.advance(running, 0.4, "Further on")
    expect(row(page, running)).to_contain_text("Further on")
    with desk.site.orm():
        running.advance(1, 0.5, "Further still", None)
    page.evaluate("dispatchEvent(new Event('online'))")  # asks for the whole list
    expect(row(page, running)).to_contain_text("Further still")
    assert row(page, done).locator(".opened video").evaluate("film => film.mine")
    row(page, done).get_by_role("link", name="Play").click()
    expect(row(page, done).locator(".opened")).to_have_count(0)


def test_everything_works_by_keyboard(queue, desk):
    job = desk.job()
    page = queue()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == f"job-{job.pk}-cancel":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(row(page, job).locator(".chip")).to_have_text("Cancelled")
    assert desk.stored(job).status == S.CANCELLED


def test_the_buttons_work_without_javascript(new_page, site, client, desk):
    job = desk.job()
    page = new_page(site, client, java_script_enabled=False)
    page.goto("/queue/")
    row(page, job).get_by_role("button", name="Cancel").click()
    expect(row(page, job).locator(".chip")).to_have_text("Cancelled")
    more(page, job, "Remove")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.locator("#jobs")).to_contain_text("The queue is empty")
    with site.orm():
        assert not Job.objects.filter(pk=job.pk).exists()
        assert Video.objects.filter(pk=desk.video.pk).exists()
