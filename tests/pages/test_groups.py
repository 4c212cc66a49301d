"""The queue's page put together: its summary, its tabs with numbers, its groups, and what it finds."""

import gzip
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from redis.exceptions import RedisError

from jobs.live import listed
from jobs.live.listed import Listed
from jobs.live.view import View
from jobs.models import Account, Experience, Job
from jobs.services import workers
from tests import factories
from tests.markup import squeezed
from tests.pages.rows import S, artifact, link

pytestmark = pytest.mark.django_db


def page_of(client, address="/queue/"):
    return squeezed(client.get(address).content.decode())


def heads(page):
    """The groups with how many rows they say they have, and what they say besides."""
    found = re.findall(
        r'<h2 dir="auto">([^<]*)</h2><span class="soft num">([^<]*)</span><span class="grow"></span>'
        r'<span class="soft small num hide-s">([^<]*)<',
        page,
    )
    return [tuple(word.strip() for word in one) for one in found]


def says(page):
    return " ".join(re.sub("<[^>]*>", " ", page.split('id="queue-says">')[1].split("</p>")[0]).split())


@pytest.mark.each_database
def test_rows_are_in_groups_of_what_runs_what_waits_and_of_days(client, ann):
    now = timezone.now()
    Account.objects.update(time_zone="Pacific/Auckland")
    factories.job(ann, status=S.RUNNING)
    factories.job(ann)
    for days, status in ((0, S.SUCCEEDED), (0, S.FAILED), (1, S.CANCELLED), (40, S.SUCCEEDED)):
        factories.job(ann, status=status, active_at=now - timedelta(days=days))
    day = timezone.localtime(now - timedelta(days=40), timezone=timezone.zoneinfo.ZoneInfo("Pacific/Auckland"))
    assert heads(page_of(client)) == [
        ("Running", "1", ""),
        ("Waiting", "1", ""),
        ("Today", "2", "1 done, 1 failed"),
        ("Yesterday", "1", "1 cancelled"),
        (f"{day.day} {day:%B %Y}", "1", "1 done"),
    ]


def test_a_day_that_goes_on_on_the_next_page_does_not_say_how_much_it_has(client, ann):
    video = factories.video(ann)
    for _ in range(51):
        factories.job(ann, video=video, status=S.SUCCEEDED)
    assert heads(page_of(client)) == [("Today", "", "")]


def test_rows_are_put_together_by_recording_too(client, ann):
    one, other = factories.video(ann, title="One"), factories.video(ann, title="Other")
    for video in (one, other, one):
        factories.job(ann, video=video, status=S.SUCCEEDED)
    assert heads(page_of(client, "/queue/?by=recording")) == [("One", "2", "2 done"), ("Other", "1", "1 done")]


def test_a_group_that_was_folded_stays_so(client, ann):
    factories.job(ann, status=S.RUNNING), factories.job(ann)
    client.cookies["queue-folded"] = "waiting%202026-01-01"
    page = page_of(client)
    assert '<details class="group" id="group-running" open>' in page
    assert '<details class="group" id="group-waiting">' in page
    client.cookies["queue-rows"] = "compact"
    assert re.search('value="compact"[^>]*checked', page_of(client))


@pytest.mark.each_database
def test_tabs_tell_how_many_there_are_up_to_a_thousand(client, ann, monkeypatch):
    monkeypatch.setattr("jobs.live.summary.MOST", 3)
    for status in (S.RUNNING, S.QUEUED, S.WAITING, S.FAILED, S.CANCELLED, *[S.SUCCEEDED] * 5):
        factories.job(ann, status=status)
    factories.job(factories.account("eve@example.org"))
    told = dict(re.findall(r'id="number-(\w+)"[^>]*>([^<]*)<', page_of(client)))
    assert told == {"all": "8+", "running": "1", "waiting": "2", "done": "3+", "failed": "1", "cancelled": "1"}


def test_work_that_ends_between_two_statements_is_shown_once(ann, monkeypatch):
    job = factories.job(ann, status=S.RUNNING)
    read = listed._read

    def ends(state, *asked):
        found = read(state, *asked)
        if state == "active":
            assert Job.objects.get(pk=job.pk).cancel()
        return found

    monkeypatch.setattr(listed, "_read", ends)
    (row,) = Listed(ann, View("queue")).part(50).rows
    assert (row.pk, row.status) == (job.pk, S.CANCELLED)


def test_a_long_line_leaves_what_has_ended_in_sight(client, ann):
    video = factories.video(ann)
    first = factories.job(ann, video=video)
    for _ in range(60):
        factories.job(ann, video=video)
    ended = factories.job(ann, video=video, status=S.SUCCEEDED)
    page = page_of(client)
    assert str(ended.pk) in page
    assert str(first.pk) in page, "the one whose turn comes first"
    assert page.count("<article") == 16
    assert "Show all 61" in page
    line = page_of(client, "/queue/?status=waiting")
    assert line.count("<article") == 50
    rest = client.get(link(line, "next", "/queue/")).content.decode()
    assert rest.count("<article") == 11


def test_the_summary_says_what_there_is_whose_turn_it_is_and_until_when_it_takes(client, ann, monkeypatch):
    monkeypatch.setattr(workers, "alive", lambda queue: 1)
    assert says(page_of(client)) == "Nothing is running."
    factories.job(ann, status=S.RUNNING, eta_seconds=120, progress_at=timezone.now())
    Experience.objects.create(kind="thumbnails", runs=[[60, 10, 0]] * 5)
    factories.job(ann)
    told = says(page_of(client))
    assert re.fullmatch(r"1 running, 1 waiting. Yours is next, about 1 to 3 min. All is done by about \d\d:\d\d.", told)


@pytest.mark.parametrize("redis", ["there", "away"])
def test_the_summary_promises_nothing_where_no_worker_answers(client, ann, monkeypatch, redis):
    def alive(queue):
        if redis == "away":
            raise RedisError
        return 0

    monkeypatch.setattr(workers, "alive", alive)
    Experience.objects.create(kind="thumbnails", runs=[[60, 10, 0]] * 5)
    factories.job(ann)
    assert says(page_of(client)) == "1 waiting. No worker answers at the moment: yours begins when one does."


def test_the_summary_does_not_guess_what_nobody_knows(client, ann, eve, monkeypatch):
    monkeypatch.setattr(workers, "alive", lambda queue: 1)
    factories.job(eve), factories.job(ann)
    assert says(page_of(client)) == "1 waiting. Yours is 2nd in line."


@pytest.mark.each_database
def test_work_is_found_by_the_name_of_its_recording_and_by_its_kind(client, ann):
    garden, talk = factories.video(ann, title="Garden walk"), factories.video(ann, title="Talk")
    pictures = factories.job(ann, video=garden, operation="thumbnails")
    cut = factories.job(ann, video=garden, operation="silence-cut", status=S.SUCCEEDED)
    other = factories.job(ann, video=talk, operation="silence-cut", status=S.SUCCEEDED)

    def found(q):
        page = page_of(client, f"/queue/?q={q}")
        return {job for job in (pictures, cut, other) if f'id="job-{job.pk}"' in page}

    assert found("garden") == {pictures, cut}
    assert found("CUT") == {cut, other}
    assert found("garden+cut") == {cut}
    assert found("nothing") == set()


@pytest.mark.each_database
def test_a_later_try_stands_in_the_place_of_one_that_failed(client, ann):
    failed = factories.job(ann, status=S.FAILED, error_message="Too quiet.")
    done = factories.job(ann, status=S.SUCCEEDED)
    again = factories.job(ann, status=S.RUNNING, retry_of=failed)
    factories.job(ann, status=S.RUNNING, retry_of=done)
    page = page_of(client)
    assert f'id="job-{failed.pk}"' not in page
    assert f'id="job-{done.pk}"' in page, "its results are still there"
    assert 'id="number-failed">0<' in page
    own = page_of(client, again.get_absolute_url())
    assert "Tried before" in own
    assert "Failed: Too quiet." in own


def test_fifty_rows_take_few_bytes(client, ann):
    statuses = [S.RUNNING, S.QUEUED, S.FAILED, S.CANCELLED, *[S.SUCCEEDED] * 6]
    for number in range(50):
        job = factories.job(ann, status=statuses[number % 10], video=factories.video(ann, title=f"Recording {number}"))
        Job.objects.filter(pk=job.pk).update(error_message="Too quiet. Choose another one." if number % 10 == 2 else "")
        if job.status == S.SUCCEEDED:
            artifact(job, "video"), artifact(job)
    page = client.get("/queue/").content
    assert page.count(b"<article") == 50
    assert len(gzip.compress(page, 6)) < 20 * 1024


def test_the_view_of_a_page_names_all_that_it_shows():
    view = View.of({"view": "queue", "status": "waiting", "q": "walk", "by": "recording"})
    assert (view.status, view.q, view.by) == ("waiting", "walk", "recording")
