"""The queue's page: tabs, pages, the rows it asks for."""

import pytest

from jobs.live import rows
from jobs.live.view import View
from tests import factories
from tests.markup import squeezed
from tests.pages.rows import S, artifact, link

pytestmark = pytest.mark.django_db


def test_an_empty_queue_says_what_to_do(client, ann):
    assert "The queue is empty" in client.get("/queue/").content.decode()


def test_the_queue_shows_the_owners_jobs_only(client, ann, eve):
    mine, hers = factories.job(ann), factories.job(eve)
    page = client.get("/queue/").content.decode()
    assert f"job-{mine.pk}" in page
    assert str(hers.pk) not in page


@pytest.mark.each_database
def test_the_tabs_filter(client, ann):
    jobs = {status: factories.job(ann, status=status) for status in S.values}
    shown = {
        tab: {
            status
            for status, job in jobs.items()
            if f'id="job-{job.pk}"' in client.get(f"/queue/?status={tab}").content.decode()
        }
        for tab in ("", "active", "done", "failed", "cancelled", "nonsense")
    }
    assert shown == {
        "": set(S.values),
        "active": {S.WAITING, S.QUEUED, S.RUNNING},
        "done": {S.SUCCEEDED},
        "failed": {S.FAILED},
        "cancelled": {S.CANCELLED},
        "nonsense": set(S.values),
    }


@pytest.mark.each_database
def test_older_jobs_are_on_further_pages(client, ann):
    video = factories.video(ann)
    jobs = [factories.job(ann, video=video, status=S.SUCCEEDED) for _ in range(2 * rows.ROWS + 1)]
    first = client.get("/queue/?status=done").content.decode()
    second = client.get(link(first, "next", "/queue/")).content.decode()
    third = client.get(link(second, "next", "/queue/")).content.decode()
    assert [page.count("<article") for page in (first, second, third)] == [rows.ROWS, rows.ROWS, 1]
    assert f"job-{jobs[0].pk}" in third
    assert "view=queue" in first
    assert "view=queue" not in second  # an old page does not fill up with new jobs
    assert 'rel="prev"' not in first
    assert 'rel="next"' not in third
    back = client.get(link(third, "prev", "/queue/"), follow=True)
    assert back.redirect_chain == [(link(first, "next", "/queue/"), 302)]
    assert client.get(link(second, "prev", "/queue/")).headers["Location"] == "/queue/?status=done"


def test_the_number_that_a_page_once_had_leads_to_the_newest(client, ann):
    factories.job(ann)
    assert "view=queue" in client.get("/queue/?page=7").content.decode()


def test_a_page_behind_which_everything_has_gone_leads_to_the_newest(client, ann):
    video = factories.video(ann)
    jobs = [factories.job(ann, video=video, status=S.SUCCEEDED) for _ in range(rows.ROWS + 1)]
    older = link(client.get("/queue/").content.decode(), "next", "/queue/")
    jobs[0].delete()
    page = client.get(older).content.decode()
    assert page.count("<article") == rows.ROWS
    assert "view=queue" in page


@pytest.mark.each_database
def test_the_number_of_queries_does_not_grow_with_the_queue(client, ann, django_assert_max_num_queries):
    for status in S.values:
        for _ in range(3):
            artifact(factories.job(ann, status=status))
    client.get("/")  # notes where the session is used
    with django_assert_max_num_queries(23):
        client.get("/queue/")


def test_the_rows_say_only_the_count_to_a_page_that_shows_them_already(client, ann):
    factories.job(ann)
    state = rows.state_of(rows.of_view(ann, View("queue")))
    assert "<article" not in client.get("/queue/rows/", {"view": "queue", "state": state}).content.decode()
    other = squeezed(client.get("/queue/rows/", {"view": "queue", "state": "other"}).content.decode())
    assert '<section id="jobs" hx-swap-oob="true"' in other
    assert 'id="queue-count" hx-swap-oob="true"' in other


def test_the_rows_of_no_recording_are_not_found(client, ann):
    assert client.get("/queue/rows/", {"view": "video", "video": "none"}).status_code == 404


def test_the_bar_counts_jobs_on_every_page(client, ann):
    factories.job(ann, status=S.RUNNING, progress=0.4)
    factories.job(ann)
    for address in ("/", "/queue/", "/stats/", "/accounts/email/"):
        page = squeezed(client.get(address).content.decode())
        assert 'data-active="2" data-percent="40"' in page
