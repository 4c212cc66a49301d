"""Queues that an operator pauses, and a site that drains."""

from collections import Counter
from importlib import import_module

import django_rq
import pytest
from django.apps import apps
from django.db import connection
from rq import Queue

from jobs import tasks
from jobs.errors import InputError
from jobs.models import Job, QueueState
from jobs.services import line, queue_position, queues, reconcile
from tests import factories
from tests.pages.rows import row
from videoservice import worker_set

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


def test_a_paused_queue_gives_nothing_and_others_go_on():
    held, free = factories.job(), factories.job(queue="cut")
    queues.pause(held.queue, by=None)
    for job in (held, free):
        tasks.take_turn(job.queue)
    assert [Job.objects.get(pk=job.pk).attempt for job in (held, free)] == [0, 1]
    assert queues.held() == {held.queue}


def test_a_queue_that_is_resumed_wakes_a_worker_for_all_that_waits():
    job = factories.job()
    queues.pause(job.queue, by=None)
    reconcile.ring_forgotten()
    assert not django_rq.get_queue(job.queue).get_job_ids(), "nobody is woken in vain"
    assert queues.resume(job.queue)
    assert line.rung(job.queue) == 1


def test_what_is_pressed_twice_changes_nothing_the_second_time():
    ann = factories.account()
    assert [queues.pause("fast", by=ann), queues.pause("fast", by=None)] == [True, False]
    assert queues.states()["fast"].paused_by == ann
    assert [queues.resume("fast"), queues.resume("fast")] == [True, False]
    assert [queues.drain(by=ann), queues.drain(by=None)] == [True, False]
    assert {state.drained_by for state in queues.states().values()} == {ann}
    assert [queues.end_drain(), queues.end_drain()] == [True, False]
    assert not queues.held()


def test_a_queue_paused_before_a_drain_is_paused_after_it():
    queues.pause("cut", by=None)
    queues.drain(by=None)
    assert any(state.draining_since for state in queues.states().values()) and queues.held() == set(queues.names())
    queues.resume("fast")
    assert queues.is_paused("fast"), "a drain is ended as a whole"
    queues.end_drain()
    assert queues.held() == {"cut"}


def test_what_runs_goes_on_in_a_paused_queue():
    job = factories.job(status=S.RUNNING)
    queues.pause(job.queue, by=None)
    assert job.beat(1) and job.advance(1, 0.5, "Halfway", None) and job.succeed(1)


def test_rows_in_a_paused_queue_say_so_and_promise_no_time():
    job = factories.job()
    queues.pause(job.queue, by=None)
    assert queue_position.places([job])[job.pk] == queue_position.Place(1, paused=True)
    assert "The operator has paused this line" in row(job)
    queues.resume(job.queue)
    assert "The operator has paused this line" not in row(job)


def test_a_queue_that_is_not_there_is_named():
    with pytest.raises(InputError, match="no queue “slow”"):
        queues.pause("slow", by=None)
    assert not QueueState.objects.exists()


def test_the_pause_outlives_the_account_of_who_pressed_it():
    ann = factories.account()
    queues.pause("fast", by=ann)
    ann.delete()
    assert queues.is_paused("fast") and queues.states()["fast"].paused_by is None


def test_what_redis_holds_under_former_names_goes_and_what_is_of_others_stays():
    former = Queue("quick", connection=django_rq.get_connection("fast"))
    ours = former.enqueue_call("jobs.tasks.run_job", args=("some",), job_id="ours")
    theirs = former.enqueue_call("another.program", job_id="theirs")
    queues.forget_renamed()
    assert former.get_job_ids() == [theirs.id]
    theirs.delete()
    queues.forget_renamed()
    assert not list(former.connection.scan_iter("rq:*quick*")), "nor is the name kept"
    assert not former.connection.exists(ours.key)


def test_rows_of_former_queues_are_found_in_the_new_ones():
    rename = import_module("jobs.migrations.0009_queue_names").rename
    operations = ("thumbnails", "silence-cut", "transcribe", "convert")
    rows = [factories.job(operation=name, queue="quick" if name == "thumbnails" else "long") for name in operations]
    with connection.schema_editor() as editor:
        rename(apps, editor)
    assert [Job.objects.get(pk=job.pk).queue for job in rows] == ["fast", "cut", "speech", "encode"]


@pytest.mark.parametrize(
    ("processors", "workers"),
    [
        (1, {"fast": 1, "cut": 1, "encode": 1, "speech": 1, "hooks": 1, "fetch": 2}),
        (2, {"fast": 1, "cut": 1, "encode": 1, "speech": 1, "hooks": 1, "fetch": 2}),
        (8, {"fast": 1, "cut": 2, "encode": 2, "speech": 1, "hooks": 1, "fetch": 2}),
        (32, {"fast": 4, "cut": 8, "encode": 8, "speech": 4, "hooks": 1, "fetch": 2}),
    ],
)
def test_a_machine_gets_the_workers_that_suit_its_processors(monkeypatch, processors, workers):
    monkeypatch.setattr("jobs.engine.runtime.processors.machine", lambda: processors)
    monkeypatch.delenv("WORKERS", raising=False)
    assert Counter(worker_set.queues(worker_set.size())) == workers
    monkeypatch.setenv("WORKERS", "3")
    assert Counter(worker_set.queues(worker_set.size())) == {
        "fast": 2,
        "cut": 3,
        "encode": 3,
        "speech": 2,
        "hooks": 1,
        "fetch": 2,
    }
