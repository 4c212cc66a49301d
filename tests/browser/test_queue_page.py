"""The queue page in a real browser: it moves by itself, it does not lie, and it stays calm under a hand."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from jobs.live import markup, rows
from jobs.models import Account, Artifact, Job, Video
from tests import factories, media

S = Job.Status


class Desk:
    """An account's rows on the site, changed behind its back; `poke` makes the site tell its pages."""

    def __init__(self, site, client, email):
        self.site, self.client = site, client
        with site.orm():
            self.owner = Account.objects.get(email=email)
            self.video = factories.video(self.owner, title="Lecture 4")

    def job(self, **fields):
        far = timezone.now() + timedelta(days=1)  # nobody takes it for lost
        with self.site.orm():
            job = factories.job(self.owner, video=self.video, **({"status": S.RUNNING} | fields))
            Job.objects.filter(pk=job.pk).update(heartbeat_at=far, queue="nobody works on this")
            return job

    def change(self, change):
        with self.site.orm():
            change()
        self.poke()

    def advance(self, job, progress, stage="Encoding", eta=None):
        def change():
            job.advance(1, progress, stage, eta)
            Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() + timedelta(days=1))

        self.change(change)

    def poke(self, title="Lecture 4"):
        response = self.client.post(f"/videos/{self.video.pk}/title/", data={"title": title})
        assert response.status_code == 200

    def stored(self, job):
        return self.site.job(job.pk)

    def order(self):
        with self.site.orm():
            return [str(job.pk) for job in rows.of_view(self.owner, rows.View("queue"))]


@pytest.fixture
def desk(site, client, email):
    return Desk(site, client, email)


@pytest.fixture
def queue(new_page, site, client, desk):
    """Opens the queue in a tab and waits until it is live."""

    def open_queue(address="/queue/"):
        page = new_page(site, client, viewport={"width": 1280, "height": 900})
        page.goto(address)
        expect(page.locator("#live")).to_have_text("Live")
        return page

    return open_queue


def row(page, job):
    return page.locator(f"#job-{job.pk}")


def order(page):
    return page.locator("#jobs-rows > article").evaluate_all("rows => rows.map(row => row.id.slice(4))")


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


def test_two_tabs_agree(queue, desk):
    jobs = [desk.job(), desk.job(), desk.job(status=S.FAILED, error_message="Too quiet. Choose another one.")]
    one, two = queue(), queue()
    row(one, jobs[0]).get_by_role("button", name="Cancel").click()
    for page in (one, two):
        expect(row(page, jobs[0]).locator(".chip")).to_have_text("Cancelled")
    row(two, jobs[2]).get_by_role("button", name="Remove").click()
    two.get_by_role("alertdialog").get_by_role("button", name="Remove it").click()
    for page in (one, two):
        expect(row(page, jobs[2])).to_have_count(0)
        page.mouse.move(0, 0)
    row(one, jobs[0]).get_by_role("button", name="Try again").click()
    for page in (one, two):
        expect(page.locator("article.job")).to_have_count(3)
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")  # rows keep their place while the focus is on one
    assert len(desk.order()) == 3
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
    row(page, done).locator(".play > summary").click()
    row(page, done).evaluate("row => { row.mine = true; }")
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    desk.advance(running, 0.4, "Further on")
    expect(row(page, running)).to_contain_text("Further on")
    with desk.site.orm():
        running.advance(1, 0.5, "Further still", None)
    page.evaluate("dispatchEvent(new Event('online'))")  # asks for the whole list
    expect(row(page, running)).to_contain_text("Further still")
    assert row(page, done).evaluate("row => row.mine && row.querySelector('details').open")


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


class Wire:
    """The socket between a page and the site, to be cut and mended."""

    def __init__(self, page):
        self.open, self.sockets = False, []
        page.route_web_socket(re.compile("/ws/"), self._route)

    def _route(self, socket):
        if not self.open:
            socket.close(code=1011)
            return
        socket.connect_to_server()
        self.sockets.append(socket)

    def cut(self):
        self.open = False
        for socket in self.sockets:
            socket.close(code=1011)


def sixty_rows_with_pictures(desk):
    """Done jobs with a gallery each, more than a page holds, and one that runs."""
    jobs = [desk.job(status=S.SUCCEEDED) for _ in range(60)]
    with desk.site.orm():
        Artifact.objects.bulk_create(
            Artifact(job=job, position=n, kind="image", name=f"{n}.jpg", key="none", size=1, media_type="image/jpeg")
            for job in jobs
            for n in range(6)
        )
    return desk.job()


class Heard:
    """The sockets that a page opens, and the sizes of what they bring."""

    def __init__(self, page):
        self.opened, self.closed, self.sizes = 0, 0, []
        page.on("websocket", self._opened)

    def _opened(self, socket):
        self.opened += 1
        socket.on("framereceived", lambda payload: self.sizes.append(len(payload.encode())))
        socket.on("close", lambda socket: setattr(self, "closed", self.closed + 1))


def test_a_page_full_of_galleries_stays_live_while_every_row_changes_and_a_job_runs(new_page, site, client, desk):
    running = sixty_rows_with_pictures(desk)
    page = new_page(site, client)
    heard = Heard(page)
    page.goto("/queue/")
    expect(page.locator("#live")).to_have_text("Live")
    desk.poke("Lecture 5")  # each row shows the new name
    expect(page.locator("article.job", has_text="Lecture 5")).to_have_count(rows.ROWS, timeout=30_000)
    desk.advance(running, 0.4, "Further on")
    expect(row(page, running)).to_contain_text("Further on")
    expect(page.locator("#live")).to_have_text("Live")
    assert (heard.opened, heard.closed) == (1, 0)
    assert sum(heard.sizes) > 64 * 1024
    assert max(heard.sizes) < markup.MESSAGE_BYTES + 4096


def test_a_page_full_of_galleries_that_comes_back_is_sent_all_of_them(new_page, site, client, desk):
    running = sixty_rows_with_pictures(desk)
    page = new_page(site, client)
    page.goto("/queue/")
    expect(page.locator("#live")).to_have_text("Live")
    page.route("**/queue/rows/**", lambda route: route.abort())  # nothing but the socket is to bring them
    heard = Heard(page)
    page.evaluate(
        "document.getElementById('jobs-rows').replaceChildren(); document.getElementById('jobs').dataset.state = 'old'"
    )
    page.evaluate("dispatchEvent(new Event('online'))")  # a question that fails makes it connect anew
    expect(page.locator("article.job")).to_have_count(rows.ROWS, timeout=30_000)
    expect(row(page, running)).to_be_visible()
    expect(page.locator("#live")).to_have_text("Live")
    assert sum(heard.sizes) > 64 * 1024


def test_a_page_that_is_told_nothing_any_more_is_not_called_live(new_page, make_site):
    site = make_site()
    client = site.client("ann@example.org")
    desk = Desk(site, client, "ann@example.org")
    job = desk.job()
    page = new_page(site, client)
    page.goto("/queue/")
    expect(page.locator("#live")).to_have_text("Live")
    site.rename_table("jobs_job", "jobs_away")
    client.post(f"/videos/{desk.video.pk}/title/", data={"title": "Lecture 5"}, allow_redirects=False)
    expect(page.locator("#live")).to_have_text("Reconnecting", timeout=15_000)
    site.rename_table("jobs_away", "jobs_job")
    expect(page.locator("#live")).to_have_text("Live", timeout=30_000)
    expect(row(page, job)).to_contain_text("Lecture 5")


def test_a_blocked_socket_is_made_up_for_by_polling_until_it_returns(new_page, site, client, desk):
    job = desk.job()
    page = new_page(site, client)
    wire = Wire(page)
    page.goto("/queue/")
    live = page.locator("#live")
    expect(live).to_have_text("Checking every 3 s", timeout=10_000)
    desk.advance(job, 0.25, "Still seen")
    expect(row(page, job)).to_contain_text("Still seen", timeout=10_000)
    wire.open = True
    expect(live).to_have_text("Live", timeout=15_000)
    desk.advance(job, 0.5, "Seen at once")
    expect(row(page, job)).to_contain_text("Seen at once")
    wire.cut()
    expect(live).to_have_text("Checking every 3 s", timeout=10_000)
    new = desk.job()
    expect(row(page, new)).to_be_visible(timeout=10_000)


def test_a_page_without_any_connection_says_so(new_page, site, client, desk):
    page = new_page(site, client)
    Wire(page)
    page.goto("/queue/")
    expect(page.locator("#live")).to_have_text("Checking every 3 s", timeout=10_000)
    page.context.set_offline(True)
    expect(page.locator("#live")).to_have_text("Reconnecting", timeout=10_000)
    page.context.set_offline(False)
    expect(page.locator("#live")).to_have_text("Checking every 3 s", timeout=10_000)


def test_pages_come_back_after_the_web_process_was_started_again(new_page, make_site):
    site = make_site()
    client = site.client("ann@example.org")
    desk = Desk(site, client, "ann@example.org")
    job = desk.job()
    page = new_page(site, client)
    page.goto("/queue/")
    expect(page.locator("#live")).to_have_text("Live")
    site.restart_web()
    expect(page.locator("#live")).to_have_text("Live", timeout=20_000)
    desk.advance(job, 0.7, "Back again")
    expect(row(page, job)).to_contain_text("Back again")


def test_who_signed_out_elsewhere_is_told(queue, desk):
    page = queue()
    desk.client.sign_out()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#live")).to_have_text("Signed out")


def test_the_page_of_a_job_follows_it(queue, desk):
    job = desk.job()
    page = queue(f"/jobs/{job.pk}/")
    desk.advance(job, 0.5, "Half way")
    expect(row(page, job)).to_contain_text("Half way")
    expect(page.locator("#details")).not_to_contain_text("Ended")
    desk.change(lambda: job.succeed(1))
    expect(row(page, job).locator(".chip")).to_have_text("Done")
    expect(page.locator("#details")).to_contain_text("Ended")


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


def test_the_first_recording_takes_the_place_of_the_words_for_none(queue, desk):
    with desk.site.orm():
        Video.objects.filter(owner=desk.owner).delete()
    page = queue("/")
    expect(page.locator("#grid")).to_contain_text("No recordings yet")
    with desk.site.orm():
        desk.video = factories.video(desk.owner, title="Lecture 4")
    desk.poke()
    expect(page.locator(f"#video-{desk.video.pk}")).to_be_visible(timeout=30_000)


def test_the_buttons_work_without_javascript(new_page, site, client, desk):
    job = desk.job()
    page = new_page(site, client, java_script_enabled=False)
    page.goto("/queue/")
    row(page, job).get_by_role("button", name="Cancel").click()
    expect(row(page, job).locator(".chip")).to_have_text("Cancelled")
    row(page, job).get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="Remove this job?")).to_be_visible()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#jobs")).to_contain_text("The queue is empty")
    with site.orm():
        assert not Job.objects.filter(pk=job.pk).exists()
        assert Video.objects.filter(pk=desk.video.pk).exists()
