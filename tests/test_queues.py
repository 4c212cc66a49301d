"""Queues that an operator pauses, and a site that drains."""

import django_rq
import pytest

from jobs import tasks
from jobs.errors import InputError
from jobs.models import Job, QueueState
from jobs.services import jobs as services
from jobs.services import queue_position, queues, reconcile
from tests import factories
from tests.pages.rows import row

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


def test_a_paused_queue_gives_nothing_and_others_go_on():
    held, free = factories.job(), factories.job(queue="long")
    queues.pause(held.queue, by=None)
    for job in (held, free):
        tasks.run_job(str(job.pk))
    assert [Job.objects.get(pk=job.pk).attempt for job in (held, free)] == [0, 1]
    assert queues.held() == {held.queue}


def test_a_queue_that_is_resumed_wakes_a_worker_for_all_that_waits():
    job = factories.job()
    queues.pause(job.queue, by=None)
    reconcile.ring_forgotten()
    assert not django_rq.get_queue(job.queue).get_job_ids(), "nobody is woken in vain"
    assert queues.resume(job.queue)
    assert services.rung_for(job.queue) == {services.entry_name(job)}


def test_what_is_pressed_twice_changes_nothing_the_second_time():
    ann = factories.account()
    assert [queues.pause("quick", by=ann), queues.pause("quick", by=None)] == [True, False]
    assert queues.states()["quick"].paused_by == ann
    assert [queues.resume("quick"), queues.resume("quick")] == [True, False]
    assert [queues.drain(by=ann), queues.drain(by=None)] == [True, False]
    assert {state.drained_by for state in queues.states().values()} == {ann}
    assert [queues.end_drain(), queues.end_drain()] == [True, False]
    assert not queues.held()


def test_a_queue_paused_before_a_drain_is_paused_after_it():
    queues.pause("long", by=None)
    queues.drain(by=None)
    assert queues.is_draining() and queues.held() == set(queues.names())
    queues.resume("quick")
    assert queues.is_paused("quick"), "a drain is ended as a whole"
    queues.end_drain()
    assert queues.held() == {"long"}


def test_what_runs_goes_on_in_a_paused_queue():
    job = factories.job(status=S.RUNNING)
    queues.pause(job.queue, by=None)
    assert job.beat(1) and job.advance(1, 0.5, "Halfway", None) and job.succeed(1)


def test_rows_in_a_paused_queue_say_so_and_promise_no_time():
    job = factories.job()
    queues.pause(job.queue, by=None)
    assert queue_position.places([job])[job.pk] == queue_position.Place(1, None, paused=True)
    assert "The operator has paused this queue" in row(job)
    queues.resume(job.queue)
    assert "The operator has paused this queue" not in row(job)


def test_a_queue_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no queue “slow”"):
        queues.pause("slow", by=None)
    assert not QueueState.objects.exists()


def test_the_pause_outlives_the_account_of_who_pressed_it():
    ann = factories.account()
    queues.pause("quick", by=ann)
    ann.delete()
    assert queues.is_paused("quick") and queues.states()["quick"].paused_by is None
