"""The queue's page: tabs, pages, the rows it asks for."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.live import rows
from jobs.models import Job, Run
from tests import factories
from tests.markup import squeezed
from tests.pages.rows import S, artifact

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
        for tab in ("", "active", "done", "failed", "nonsense")
    }
    assert shown == {
        "": set(S.values),
        "active": {S.WAITING, S.QUEUED, S.RUNNING},
        "done": {S.SUCCEEDED},
        "failed": {S.FAILED, S.CANCELLED},
        "nonsense": set(S.values),
    }


@pytest.mark.each_database
def test_older_jobs_are_on_further_pages(client, ann):
    video = factories.video(ann)
    for _ in range(rows.ROWS + 1):
        factories.job(ann, video=video, status=S.SUCCEEDED)
    first, second = (client.get(f"/queue/?page={number}").content.decode() for number in (1, 2))
    assert first.count("<article") == rows.ROWS
    assert second.count("<article") == 1
    assert "view=queue" in first
    assert "view=queue" not in second  # an old page does not fill up with new jobs


@pytest.mark.each_database
def test_a_page_further_back_reads_no_rows_but_its_own(ann, monkeypatch):
    video, begun = factories.video(ann), timezone.now()
    times = {begun + timedelta(seconds=number): number for number in range(2 * rows.ROWS + 9)}
    for at, number in times.items():
        if number % 3:
            factories.job(ann, video=video, status=S.SUCCEEDED, active_at=at)
        else:
            Run.objects.create(owner=ann, video=video, name="One", status=S.SUCCEEDED, active_at=at)
    read = []
    for model in (Job, Run):
        made = model.from_db.__func__
        monkeypatch.setattr(
            model, "from_db", classmethod(lambda cls, *args, made=made: read.append(cls) or made(cls, *args))
        )
    found = rows.Listed(ann, rows.View("queue"))
    assert [times[row.active_at] for row in found[rows.ROWS : 2 * rows.ROWS]] == [*range(58, 8, -1)]
    assert len(read) == rows.ROWS
    assert [times[row.active_at] for row in found[2 * rows.ROWS : 3 * rows.ROWS]] == [*range(8, -1, -1)]


@pytest.mark.each_database
def test_the_number_of_queries_does_not_grow_with_the_queue(client, ann, django_assert_max_num_queries):
    for status in S.values:
        for _ in range(3):
            artifact(factories.job(ann, status=status))
    client.get("/")  # notes where the session is used
    with django_assert_max_num_queries(20):
        client.get("/queue/")


def test_the_rows_say_only_the_count_to_a_page_that_shows_them_already(client, ann):
    factories.job(ann)
    state = rows.state_of(rows.of_view(ann, rows.View("queue")))
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
