"""Whose turn it is in a queue that several people share."""

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from jobs.models import Job, QueueState
from jobs.services import expectation, lifecycle, line, line_fronts, queue_position, queues
from tests import factories, plans

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
    lifecycle.ended(job)
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


# Long lines ----------------------------------------------------------------------------------------------------------


def crowd(name: str, count: int, seconds: float = 10, **fields) -> list[Job]:
    """So many jobs of an owner, each put in line a second after the one before."""
    owner = factories.account(f"{name}@example.org")
    video, begun = factories.video(owner), timezone.now() - timedelta(hours=9)
    work = {"operation": "thumbnails", "queue": "fast", "load_seconds": seconds, **fields}
    return Job.objects.bulk_create(
        Job(owner=owner, video=video, queued_at=begun + timedelta(seconds=number), **work) for number in range(count)
    )


def walk_all() -> dict:
    """Everybody's true position."""
    known = expectation.Experiences()
    return {turn.job: place for place, (turn, _) in enumerate(line.turns("fast", known), 1)}


def test_the_beginning_of_a_long_line_is_told_exactly_and_the_rest_about_right():
    ann, bob, eve = crowd("ann", 900), crowd("bob", 400, seconds=30), crowd("eve", 30)
    asked = [*ann[::50], *bob[::50], *eve[::10], ann[-1], bob[-1], eve[-1]]
    places, true = queue_position.places(asked), walk_all()
    assert len(true) == 1330
    for job in asked:
        place = places[job.pk]
        if true[job.pk] <= queue_position.WALKED:
            assert (place.position, place.is_about) == (true[job.pk], False)
        else:
            assert place.is_about
            assert place.position > queue_position.WALKED
            assert abs(place.position - true[job.pk]) < 0.1 * true[job.pk]
    own = [places[job.pk].position for job in ann[::50]]
    assert own == sorted(own)


def test_what_is_far_behind_waits_longer_and_is_told_in_hundreds():
    jobs = crowd("ann", 2000)
    past = factories.job(status=S.SUCCEEDED)
    past.finished_at = past.started_at + timedelta(seconds=20)
    expectation.learn(past)
    middle, last = queue_position.places([jobs[900], jobs[-1]]).values()
    assert middle.wait.likely < last.wait.likely
    assert (str(last)[:21], str(middle)[:19]) == ("About 2\u00a0000th in line", "About 900th in line")


def test_the_first_behind_what_is_gone_through_has_a_place_also_where_nobody_knows_how_long_work_takes():
    """Nothing times unknown is no number."""
    for number in range(queue_position.WALKED):
        crowd(f"owner-{number}", 1)
    (last,) = crowd("last", 1)
    place = queue_position.places([last])[last.pk]
    assert (place.position, place.is_about) == (queue_position.WALKED + 1, True)
    assert place.wait is None or place.wait.likely >= 0
    assert str(place) == "About 100th in line"


def test_jobs_of_one_owner_far_apart_are_told_apart_by_their_time(monkeypatch):
    monkeypatch.setattr(queue_position, "MOST_COUNTED", 50)
    jobs = crowd("ann", 1200)
    places = queue_position.places([jobs[700], jobs[900], jobs[-1]])
    assert [place.position for place in places.values()] == [701, 901, 1200]


def test_what_is_read_of_a_line_does_not_grow_with_it():
    few = [*crowd("ann", 700), *crowd("bob", 700)]
    statements = len(plans.of(lambda: queue_position.places([few[-1]])))
    many = [*crowd("ann", 1500), *crowd("bob", 1500)]
    read = []
    whole = line_fronts.rows("fast", line_fronts.counts("fast"), 100, "pk")
    assert len(whole) == 200
    assert len(plans.of(lambda: read.append(queue_position.places([many[-1]])))) == statements


@pytest.mark.parametrize("counts", [[], [5], [1, 1, 98], [50, 50], [1000] * 7, [1] * 200])
def test_no_more_of_each_is_looked_at_than_is_needed(counts):
    each = line_fronts.share(counts, 100)
    seen = sum(min(count, each) for count in counts)
    assert seen >= min(100, sum(counts))
    assert sum(min(count, each - 1) for count in counts) < min(100, sum(counts)) or not counts


def test_the_next_turn_is_found_by_one_look_for_each_owner():
    for number in range(5):
        crowd(f"owner-{number}", 400)
    plans.analyze()
    found = plans.of(lambda: line.next_turn("fast", 0.0), "jobs_job")
    assert found
    for statement, plan in found:
        assert "OVER" not in statement
        assert not plans.sorts(plan)


def test_a_job_that_is_taken_while_its_place_is_looked_for_is_told_one_all_the_same(monkeypatch):
    (job,) = ask("ann")
    counts = queue_position.line_fronts.counts
    monkeypatch.setattr(queue_position.line_fronts, "counts", lambda *line: (counts(*line), take())[0])
    assert queue_position.places([Job.objects.get(pk=job.pk)])[job.pk].position == 1
