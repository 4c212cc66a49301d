"""An owner who puts their own line on hold: nothing of theirs is begun, and nobody else is served otherwise."""

import threading

import pytest
from django.db import connection, transaction

from jobs import tasks
from jobs.models import Account, Job, QueueState
from jobs.services import lifecycle, line, line_fronts, own_line, queue_load, queue_position, queues, reconcile
from tests import factories
from tests.pages.rows import row
from tests.test_line import ask, done, names, take

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


def test_nothing_of_a_line_on_hold_is_taken_and_others_are_served():
    (held,), (other,) = ask("ann"), ask("bob")
    assert own_line.pause(held.owner)
    assert done() == other
    assert take() is None
    assert own_line.resume(held.owner)
    assert take() == held


def test_it_holds_for_every_queue_and_for_what_comes_later():
    first = factories.job(queue="cut")
    own_line.pause(first.owner)
    later = factories.job(first.owner, video=first.video, queue="encode")
    for job in (first, later):
        tasks.take_turn(job.queue)
    assert {job.status for job in Job.objects.all()} == {S.QUEUED}


def test_what_runs_goes_on():
    job = factories.job(status=S.RUNNING)
    own_line.pause(job.owner)
    assert job.beat(1) and job.advance(1, 0.5, "Halfway", None) and job.succeed(1)


def test_what_is_pressed_twice_changes_nothing_the_second_time():
    ann = factories.account()
    assert not own_line.is_paused(ann)
    assert [own_line.pause(ann), own_line.pause(ann)] == [True, False]
    assert own_line.is_paused(ann)
    assert [own_line.resume(ann), own_line.resume(ann)] == [True, False]


def test_going_on_wakes_a_worker_for_each_that_waits_and_the_reconciler_none_before():
    jobs = ask("ann", 2)
    own_line.pause(jobs[0].owner)
    Job.objects.update(active_at=jobs[0].created_at.replace(year=2020))
    reconcile.ring_forgotten()
    assert line.rung("fast") == 0, "nobody is woken in vain"
    own_line.resume(jobs[0].owner)
    assert line.rung("fast") == 2


def test_a_queue_that_goes_on_wakes_nobody_for_what_its_owner_holds():
    (job,) = ask("ann")
    own_line.pause(job.owner)
    queues.pause("fast", by=None)
    queues.resume("fast")
    assert line.rung("fast") == 0


def test_a_pause_of_the_queue_goes_on_after_that_of_an_owner():
    (job,) = ask("ann")
    queues.pause("fast", by=None)
    own_line.pause(job.owner)
    own_line.resume(job.owner)
    assert take() is None


def test_no_right_to_more_than_the_others_is_saved_up_on_hold():
    mine = ask("ann", 3)
    own_line.pause(mine[0].owner)
    ask("bob", 8)
    alone = [done() for _ in range(4)]
    own_line.resume(mine[0].owner)
    shared = [done() for _ in range(6)]
    assert names(alone) == "bbbb"
    assert names(shared) == "aababb", "as if ann had just come: of equal tags hers have waited longer"


def test_whoever_worked_alone_owes_nothing_when_only_held_work_is_left():
    held = ask("ann", 2)
    own_line.pause(held[0].owner)
    ask("bob", 1, seconds=500)
    done()
    ask("bob"), ask("cid")
    assert names([done(), done()]) == "bc", "as they came"


def test_no_job_begins_after_the_pause_was_there():
    """A worker that is just taking something has the queue's row; the pause waits for it."""
    if connection.vendor == "sqlite":
        pytest.skip("there one transaction writes at a time")
    (job,) = ask("ann")
    QueueState.objects.get_or_create(name="fast")
    with transaction.atomic():
        QueueState.objects.select_for_update().get(pk="fast")
        pausing = threading.Thread(target=lambda: (own_line.pause(job.owner), connection.close()))
        pausing.start()
        pausing.join(0.3)
        assert pausing.is_alive() and not own_line.is_paused(job.owner)
    pausing.join()
    assert own_line.is_paused(job.owner) and take() is None


def test_others_are_not_told_to_wait_for_what_is_on_hold():
    held, other = ask("ann", 5), ask("bob", 2)
    own_line.pause(held[0].owner)
    assert [queue_position.places(other)[job.pk].position for job in other] == [1, 2]
    assert set(queue_position.places(held).values()) == {queue_position.ON_HOLD}
    assert line_fronts.counts("fast") == {other[0].owner_id: 2}


def test_operators_see_what_is_on_hold_among_what_waits():
    held, _ = ask("ann", 3), ask("bob")
    own_line.pause(held[0].owner)
    fast = next(load for load in queue_load.every() if load.name == "fast")
    assert (fast.queued, fast.waiting) == (1, 3)
    assert fast.oldest_at == Job.objects.get(owner__email__startswith="bob").queued_at


def test_rows_and_the_page_say_so(client):
    (job,) = ask("ann")
    client.force_login(job.owner)
    page = client.get("/queue/").content.decode()
    assert "Pause mine" in page and "Your line is paused" not in page
    client.post("/queue/pause/")
    page = client.get("/queue/").content.decode()
    assert "nothing more of yours is begun until you go on" in page and "Pause mine" not in page
    assert "Your line is paused" in row(job)
    client.post("/queue/resume/")
    assert "Your line is paused" not in client.get("/queue/").content.decode()


def test_with_htmx_the_buttons_come_with_the_answer(client):
    ann = factories.account()
    client.force_login(ann)
    answer = client.post("/queue/pause/", headers={"HX-Request": "true"}).content.decode()
    assert 'id="queue-paused" hx-swap-oob="true"' in answer and "/queue/resume/" in answer
    assert Account.objects.get(pk=ann.pk).line_paused_at


def test_work_that_ends_while_its_owner_holds_the_line_leaves_the_rest_there():
    first, second = ask("ann", 2)
    taken = take()
    own_line.pause(first.owner)
    assert taken and taken.succeed(taken.attempt)
    lifecycle.ended(taken)
    assert take() is None
    own_line.resume(first.owner)
    assert take() == second
