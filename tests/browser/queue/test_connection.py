"""Live pages when there is much to send, and when the connection is lost."""

import re

from playwright.sync_api import expect

from jobs.live import markup, rows
from jobs.models import Artifact
from tests.browser.queue.rows import Desk, S, row


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


def test_a_page_that_is_told_nothing_any_more_is_not_called_live(new_page, make_web_site):
    site = make_web_site()
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


def test_pages_come_back_after_the_web_process_was_started_again(new_page, make_web_site):
    site = make_web_site()
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
