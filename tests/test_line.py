"""Whose turn it is in a queue that several people share."""

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from jobs.models import Job, QueueState
from jobs.services import expectation, line, queue_position, queues
from jobs.services import jobs as services
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


def ask(name: str, count: int = 1, seconds: float = 10) -> list[Job]:
    """Jobs of an owner on recordings so long: of unknown work each costs 1 s and half of that."""
    owner = factories.account(f"{name}@example.org")
    video = factories.video(owner)
    return [in_line(factories.job(owner, video=video, load_seconds=seconds)) for _ in range(count)]


def in_line(job: Job) -> Job:
    """By the database's clock, as the site does it, and behind all others: SQLite counts milliseconds."""
    time.sleep(0.002)
    Job.objects.filter(pk=job.pk).update(queued_at=Now())
    return job


def take() -> Job | None:
    return line.take("fast", "here 1")


def done() -> Job:
    """Take the next job and end it; the job."""
    job = take()
    assert job and job.succeed(job.attempt)
    services.ended(job)
    return job


def names(jobs: list[Job]) -> str:
    """The first letters of their owners."""
    return "".join(job.owner.email[0] for job in jobs)


def test_one_owner_s_jobs_are_taken_in_the_order_in_which_they_came():
    jobs = ask("ann", 5)
    assert [done().pk for _ in jobs] == [job.pk for job in jobs]
    assert take() is None


def test_a_hundred_jobs_hold_up_a_single_one_by_one_job():
    ask("ann", 100)
    first = take()
    (single,) = ask("bob")
    assert take() == single
    assert first.owner != single.owner


def test_a_single_job_that_comes_again_and_again_gets_every_other_turn():
    ask("ann", 10)
    taken = [done()]
    for _ in range(3):
        ask("bob")
        taken += [done(), done()]
    assert names(taken) == "abababa"


def test_owners_get_equal_time_whatever_their_jobs_take():
    """Bob's take 22 times as long as those of the others."""
    ask("ann", 80, seconds=8), ask("bob", 10, seconds=218), ask("cid", 80, seconds=8)
    spent = Counter()
    for _ in range(90):
        job = done()
        spent[job.owner.email[0]] += 1 + job.load_seconds / 2
    assert max(spent.values()) - min(spent.values()) <= 110 + 5, spent


def test_who_was_away_saves_no_turns_up():
    ask("ann", 20), ask("bob")
    for _ in range(10):
        done()
    ask("bob", 5)
    assert names([done() for _ in range(6)]).count("b") == 3


def test_who_worked_while_nobody_else_wanted_to_owes_nothing():
    ask("bob", 1, seconds=7200)
    done()
    ask("ann", 5), ask("bob", 5)
    assert sorted(names([done(), done()])) == ["a", "b"]


def test_who_had_more_than_their_share_while_others_waited_lets_them_catch_up():
    ask("bob", 2, seconds=100), ask("ann", 20, seconds=8)
    assert names([done() for _ in range(13)]) == "b" + "a" * 11 + "b"


def test_costs_are_learnt_from_what_such_work_took():
    kinds = {"ann": ("swap-audio", 40), "bob": ("preview", 4)}
    for name, (operation, took) in kinds.items():
        for _ in range(3):
            past = factories.job(factories.account(f"{name}@example.org"), status=S.SUCCEEDED, operation=operation)
            past.finished_at = past.started_at + timedelta(seconds=took)
            expectation.learn(past)
        for job in ask(name, 20):
            Job.objects.filter(pk=job.pk).update(operation=operation)
    assert names([done() for _ in range(11)]).count("b") == 10


def test_a_job_that_lost_its_worker_is_next_and_is_paid_for_already():
    first, *_ = ask("ann", 3)
    ask("bob", 3)
    assert take() == first
    tag = QueueState.objects.get(pk="fast").virtual_time, first.owner.flows.get().finish_tag
    first.refresh_from_db()
    assert first.release(1)
    assert take() == first
    assert (QueueState.objects.get(pk="fast").virtual_time, first.owner.flows.get().finish_tag) == tag


def test_a_job_that_was_cancelled_in_line_is_passed_over():
    first, second = ask("ann", 2)
    first.cancel()
    assert take() == second
    assert take() is None


def test_places_are_told_in_the_order_in_which_jobs_are_taken():
    ask("ann", 7, seconds=30), ask("bob", 3, seconds=200), ask("cid", 5, seconds=4)
    running = take()
    running.refresh_from_db()
    assert running.release(1)
    ask("dan", 2)
    jobs = list(Job.objects.filter(status=S.QUEUED))
    places = queue_position.places(jobs)
    told = sorted(jobs, key=lambda job: places[job.pk].position)
    assert [place.position for place in sorted(places.values(), key=lambda one: one.position)] == list(range(1, 18))
    assert [take() for _ in told] == told


def test_workers_that_take_at_once_take_different_jobs_and_keep_the_order_fair():
    """Each with a connection of its own, as work-horses have."""
    ask("ann", 30), ask("bob", 10)
    taken: list[Job] = []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                taken.append(line.take("fast", f"worker {number}"))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.pk for job in taken}) == 20
    assert Counter(names(taken)) == {"a": 10, "b": 10}


def test_after_a_pause_no_job_begins():
    ask("ann", 2)
    assert take()
    queues.pause("fast", by=None)
    assert take() is None
    queues.resume("fast")
    assert take()


def test_a_queue_without_work_gives_none():
    assert take() is None
