import pytest

from jobs import live
from jobs.consumers import changes
from jobs.models import Job
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status


def shown(jobs):
    return {job.pk: (live.stamp(job), live.order(job)) for job in jobs}


def test_a_view_shows_only_the_owners_jobs():
    mine = factories.job()
    factories.job(factories.account("eve@example.org"))
    assert live.rows(mine.owner, live.View("queue")) == [mine]


def test_jobs_under_way_come_first_then_the_newest_activity():
    done, queued, running = factories.job(status=S.RUNNING), factories.job(), factories.job()
    done.succeed(1)
    running.start("here")
    assert live.rows(done.owner, live.View("queue")) == [running, queued, done]


def test_a_changed_row_is_swapped_in_place():
    job = factories.job(status=S.RUNNING)
    view = live.View("queue")
    before = shown(live.rows(job.owner, view))
    job.advance(1, 0.5, "Encoding", 3.0)
    markup = changes(before, live.rows(job.owner, view))
    assert f'id="job-{job.pk}"' in markup
    assert 'hx-swap-oob="true"' in markup
    assert "delete" not in markup


def test_nothing_is_sent_when_nothing_changed():
    job = factories.job(status=S.RUNNING)
    view = live.View("queue")
    jobs = live.rows(job.owner, view)
    assert changes(shown(jobs), live.rows(job.owner, view)) == ""


def test_a_row_that_changes_its_place_is_taken_out_and_put_before_its_successor():
    first, second = factories.job(status=S.RUNNING), factories.job(status=S.RUNNING)
    view = live.View("queue")
    before = shown(live.rows(first.owner, view))
    first.succeed(1)
    markup = changes(before, live.rows(first.owner, view))
    assert f'<div id="job-{first.pk}" hx-swap-oob="delete">' in markup
    assert 'hx-swap-oob="beforeend:#jobs-rows"' in markup
    assert f'id="job-{second.pk}"' not in markup


def test_a_removed_row_is_deleted_and_a_new_one_inserted():
    old = factories.job(status=S.SUCCEEDED)
    view = live.View("queue")
    before = shown(live.rows(old.owner, view))
    new = factories.job(old.owner)
    pk = old.pk
    old.delete()
    jobs = live.rows(new.owner, view)
    markup = changes(before, jobs)
    assert f'<div id="job-{pk}" hx-swap-oob="delete">' in markup
    assert f'id="job-{new.pk}"' in markup


def test_the_state_names_exactly_these_rows():
    job = factories.job(status=S.RUNNING)
    view = live.View("queue")
    state = live.state_of(live.rows(job.owner, view))
    assert state == live.state_of(live.rows(job.owner, view))
    job.advance(1, 0.5, "Encoding", None)
    assert state != live.state_of(live.rows(job.owner, view))


def test_a_view_of_one_video_shows_its_jobs_only():
    job = factories.job()
    factories.job(job.owner)
    assert live.rows(job.owner, live.View("video", video=str(job.video_id))) == [job]


def test_unknown_words_in_the_query_show_as_little_as_possible():
    assert live.View.of({"view": "everything", "status": "x"}) == live.View("bar", "", "")
