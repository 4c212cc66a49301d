import re

import pytest

from jobs import publish
from jobs.live import markup, rows
from jobs.live.listed import Listed
from jobs.live.view import View
from jobs.models import Account, Job
from tests import factories, plans

pytestmark = pytest.mark.django_db
S = Job.Status


QUEUE = View("queue")


@pytest.fixture
def change():
    """Changes the rows of an account as told; what its page is then sent, and the rows that it shows."""

    def make(owner, doing):
        before = rows.shown(rows.of_view(owner, QUEUE))
        doing()
        jobs = rows.of_view(owner, QUEUE)
        return "".join(markup.changes(before, jobs)), jobs

    return make


def order(markup):
    """The ids of the rows, without the names of their groups."""
    return [word for word in re.search(r'data-order="([^"]*)"', markup)[1].split() if not word.startswith("#")]


def test_a_view_shows_only_the_owners_jobs():
    mine = factories.job()
    factories.job(factories.account("eve@example.org"))
    assert rows.of_view(mine.owner, View("queue")) == [mine]


def test_jobs_under_way_come_first_then_the_newest_activity():
    done, queued, running = factories.job(status=S.RUNNING), factories.job(), factories.job()
    done.succeed(1)
    running.start("here")
    assert rows.of_view(done.owner, View("queue")) == [running, queued, done]


@pytest.mark.django_db(transaction=True)  # ANALYZE TABLE commits
@pytest.mark.parametrize("status", ["", "done"])
def test_the_first_page_is_read_in_the_order_of_an_index_however_many_rows_there_are(status):
    owner, video = factories.account(), factories.video()
    others = factories.video(factories.account("eve@example.org"))
    Job.objects.bulk_create(
        Job(owner=of.owner, video=of, operation="thumbnails", queue="fast", status=ends)
        for of in [video, others]
        for ends in [S.SUCCEEDED, S.FAILED, S.QUEUED] * 300
    )
    plans.analyze()
    view = View("queue", status=status)
    for _, plan in plans.of(lambda: Listed(owner, view).part(rows.ROWS)):
        assert "_rows" in plan  # an index of the owner's rows
        assert not plans.sorts(plan)


def test_a_row_that_changed_is_sent_alone_with_the_order_and_state_of_all(change):
    job, other = factories.job(status=S.RUNNING), factories.job(status=S.RUNNING)
    markup, jobs = change(job.owner, lambda: job.advance(1, 0.5, "Encoding", 3.0))
    assert f'id="job-{job.pk}"' in markup
    assert f'id="job-{other.pk}"' not in markup
    assert order(markup) == [str(job.pk) for job in jobs]
    assert f'data-state="{rows.state_of(jobs)}"' in markup


def test_nothing_is_sent_when_nothing_changed(change):
    assert change(factories.job(status=S.RUNNING).owner, lambda: None)[0] == ""


def test_a_row_that_ends_goes_behind_those_under_way(change):
    first, second = factories.job(status=S.RUNNING), factories.job(status=S.RUNNING)
    markup, _ = change(first.owner, lambda: first.succeed(1))
    assert order(markup) == [str(second.pk), str(first.pk)]
    assert f'id="job-{second.pk}"' not in markup


def test_a_removed_row_is_out_of_the_order_and_a_new_one_in_it(change):
    old, stays = factories.job(status=S.SUCCEEDED), factories.job(status=S.SUCCEEDED)
    new = []

    def replace():
        old.delete()
        new.append(factories.job(stays.owner))

    markup, _ = change(stays.owner, replace)
    assert order(markup) == [str(new[0].pk), str(stays.pk)]
    assert f'id="job-{new[0].pk}"' in markup


def test_a_removal_alone_is_sent_too(change):
    old, stays = factories.job(status=S.SUCCEEDED), factories.job(status=S.SUCCEEDED)
    assert order(change(stays.owner, old.delete)[0]) == [str(stays.pk)]


def test_the_last_row_that_goes_leaves_an_empty_order(change):
    old = factories.job(status=S.SUCCEEDED)
    assert order(change(old.owner, old.delete)[0]) == []


def test_a_page_of_which_nothing_is_known_is_sent_everything_even_that_there_is_nothing(change):
    job = factories.job()
    assert f'id="job-{job.pk}"' in markup.changes(None, [job])[0]
    assert order(markup.changes(None, [])[0]) == []


def test_a_large_change_comes_in_messages_of_bounded_size_and_the_last_one_has_the_order(change):
    owner = factories.account()
    jobs = [factories.job(owner, status=S.FAILED, error_message="Too quiet. " * 500) for _ in range(20)]
    messages = markup.changes(None, rows.of_view(owner, QUEUE))
    assert len(messages) > 2
    assert all(len(message.encode()) < markup.MESSAGE_BYTES + 4096 for message in messages)  # the order of 50 besides
    assert not any("data-order" in message or "data-state" in message for message in messages[:-1])
    assert order(messages[-1]) == [str(job.pk) for job in reversed(jobs)]
    everything = "".join(messages)
    assert [everything.count(f'id="job-{job.pk}"') for job in jobs] == [1] * 20


def test_what_only_some_rows_are_drawn_with_is_read_for_those_alone(change, django_assert_num_queries):
    jobs = [factories.job(status=S.SUCCEEDED) for _ in range(3)]
    owner = jobs[0].owner
    before = rows.shown(rows.stamped(owner, QUEUE))
    with django_assert_num_queries(5):  # the jobs and chains under way, those that ended, and their recordings
        present = markup.present(owner, QUEUE)
    with django_assert_num_queries(0):
        assert present.changes(before) == []
    Job.objects.filter(pk=jobs[1].pk).update(version=9)
    present = markup.present(owner, QUEUE)
    with django_assert_num_queries(4):  # its results, what it waited for, how many are in each state, and whose wait
        (message,) = present.changes(before)
    assert message.count("<article") == 1


def test_a_row_larger_than_a_message_goes_alone(change):
    big = factories.job(status=S.FAILED, error_message="Too quiet. " * 4000)
    small = factories.job(status=S.SUCCEEDED)
    first, second = markup.changes(None, rows.of_view(big.owner, QUEUE))
    assert f'id="job-{small.pk}"' in first
    assert f'id="job-{big.pk}"' in second and len(second) > markup.MESSAGE_BYTES


def test_the_state_names_exactly_these_rows():
    job = factories.job(status=S.RUNNING)
    view = View("queue")
    state = rows.state_of(rows.of_view(job.owner, view))
    assert state == rows.state_of(rows.of_view(job.owner, view))
    job.advance(1, 0.5, "Encoding", None)
    assert state != rows.state_of(rows.of_view(job.owner, view))


def test_a_view_of_one_video_shows_its_jobs_only():
    job = factories.job()
    factories.job(job.owner)
    assert rows.of_view(job.owner, View("video", video=str(job.video_id))) == [job]


def test_unknown_words_in_the_query_show_as_little_as_possible():
    assert View.of({"view": "everything", "status": "x"}) == View("bar", "", "")


# Who is told ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch):
    """Whom the pages' group was told of a change, as addresses."""
    owners = []
    monkeypatch.setattr(publish, "tell", lambda ids: owners.extend(Account.objects.get(pk=pk).email for pk in ids))
    return owners


def line_of(*emails):
    return [factories.job(factories.account(f"{email}@example.org")) for email in emails]


def test_a_job_that_starts_tells_all_in_line(told):
    _, second, _ = line_of("ann", "bob", "cid")
    second.start("here")
    publish.line_changed(second)
    assert sorted(told) == ["ann@example.org", "bob@example.org", "cid@example.org"]


def test_a_job_that_ends_at_work_tells_its_owner_only(told):
    first, *_ = line_of("ann", "bob")
    first.start("here")
    first.succeed(1)
    publish.line_changed(first)
    assert told == ["ann@example.org"]


def test_a_job_that_is_cancelled_in_line_tells_all_in_line(told):
    _, second, _ = line_of("ann", "bob", "cid")
    second.cancel()
    publish.line_changed(second)
    assert sorted(told) == ["ann@example.org", "bob@example.org", "cid@example.org"]


def test_a_job_that_comes_back_to_its_place_tells_those_behind_it(told):
    first, *_ = line_of("ann", "bob")
    first.start("here")
    first.release(1)
    publish.line_changed(first)
    assert sorted(set(told)) == ["ann@example.org", "bob@example.org"]


def test_a_job_of_another_queue_tells_nobody_else(told):
    line_of("ann", "bob")
    other = factories.job(factories.account("eve@example.org"), queue="cut")
    other.start("here")
    publish.line_changed(other)
    assert told == ["eve@example.org"]
