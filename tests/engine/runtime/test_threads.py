"""Threads beside the one that works: they end with it, and what they fail with is raised there."""

import threading
import time

import pytest

from jobs.engine.runtime.threads import WorkCancelled, prefetched, run_concurrently


def test_items_made_ahead_come_in_order():
    with prefetched(iter(range(50)), 3) as items:
        assert list(items) == list(range(50))


def test_no_more_items_are_made_than_may_wait():
    made = []

    def work():
        for number in range(20):
            made.append(number)
            yield number

    with prefetched(work(), 2) as items:
        assert next(items) == 0
        time.sleep(0.3)
        # Two wait, and one more is in hand.
        assert made == [0, 1, 2, 3]
        assert list(items) == list(range(1, 20))


def test_what_making_fails_with_is_raised_after_what_was_made():
    def work():
        yield 1
        raise KeyError("two")

    taken = []
    with pytest.raises(KeyError), prefetched(work(), 2) as items:
        taken.extend(items)
    assert taken == [1]


def test_what_is_stopped_does_not_pass_for_whole():
    def work():
        yield 1
        raise WorkCancelled

    taken = []
    with pytest.raises(WorkCancelled), prefetched(work(), 2) as items:
        taken.extend(items)
    assert taken == [1]


def test_the_thread_ends_when_the_block_is_left():
    def forever():
        while True:
            yield 1

    threads = threading.active_count()
    with pytest.raises(ValueError, match="enough"), prefetched(forever(), 2) as items:
        next(items)
        raise ValueError("enough")
    assert threading.active_count() == threads


def test_work_done_together_returns_in_its_order_and_tells_how_far_it_is():
    half, told = threading.Event(), []

    def first(task):
        task.fraction = 1.0
        half.wait(60)
        return 1

    def second(task):
        half.wait(60)
        return 2

    def tell(fraction):
        told.append(fraction)
        if fraction == 0.5:
            half.set()

    assert run_concurrently([first, second], tell) == [1, 2]
    assert told[-1] == 1
    assert half.is_set()


def endless(task):
    while True:
        task.token.check()
        time.sleep(0.01)


def test_what_one_piece_fails_with_ends_the_others():
    def failing(task):
        raise KeyError("two")

    threads = threading.active_count()
    with pytest.raises(KeyError):
        run_concurrently([endless, failing], lambda fraction: None)
    assert threading.active_count() == threads


def test_who_waits_can_end_it_all():
    def stop(fraction):
        raise ValueError("enough")

    threads = threading.active_count()
    with pytest.raises(ValueError, match="enough"):
        run_concurrently([endless, endless], stop)
    assert threading.active_count() == threads
