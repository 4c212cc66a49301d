"""Pieces made by several threads and taken in order."""

import time

import pytest

from jobs.engine.runtime.ordered_pool import OrderedPool
from jobs.engine.runtime.threads import CancellationToken, WorkCancelled, worker_thread


def test_pieces_are_taken_in_order_whatever_order_they_are_made_in():
    pool: OrderedPool[str] = OrderedPool(3, maximum_ahead=3)
    for number in (2, 0, 1):
        pool.put(number, f"piece {number}")
    assert [pool.get(number, lambda: None) for number in range(3)] == ["piece 0", "piece 1", "piece 2"]


def test_no_more_pieces_are_handed_out_than_may_be_ahead():
    pool: OrderedPool[int] = OrderedPool(5, maximum_ahead=2)
    taken = []

    def work(task):
        for number in pool.take(task.token):
            taken.append(number)
            pool.put(number, number)

    with worker_thread(work) as task:
        while len(taken) < 2:
            time.sleep(0.01)
        assert not task.wait(0.3)
        assert taken == [0, 1]
        assert [pool.get(number, task.check) for number in range(5)] == [0, 1, 2, 3, 4]
        task.result()
    assert taken == [0, 1, 2, 3, 4]


def test_waiting_for_a_piece_ends_when_its_maker_fails():
    pool: OrderedPool[int] = OrderedPool(1, maximum_ahead=1)

    def fail(task):
        raise ValueError("no")

    with worker_thread(fail) as task, pytest.raises(ValueError, match="no"):
        pool.get(0, task.check)


def test_waiting_for_room_ends_with_the_order_to_stop():
    pool, token = OrderedPool(2, maximum_ahead=0), CancellationToken()
    token.cancel()
    with pytest.raises(WorkCancelled):
        next(pool.take(token))
