"""Pieces made by several threads and taken in order."""

import time

import pytest

from jobs.engine.runtime.ordered_pool import Bench
from jobs.engine.runtime.threads import Halt, Halted, beside


def test_pieces_are_taken_in_order_whatever_order_they_are_made_in():
    bench: Bench[str] = Bench(3, ahead=3)
    for number in (2, 0, 1):
        bench.put(number, f"piece {number}")
    assert [bench.get(number, lambda: None) for number in range(3)] == ["piece 0", "piece 1", "piece 2"]


def test_no_more_pieces_are_handed_out_than_may_be_ahead():
    bench: Bench[int] = Bench(5, ahead=2)
    taken = []

    def work(task):
        for number in bench.take(task.halt):
            taken.append(number)
            bench.put(number, number)

    with beside(work) as task:
        while len(taken) < 2:
            time.sleep(0.01)
        assert not task.wait(0.3)
        assert taken == [0, 1]
        assert [bench.get(number, task.check) for number in range(5)] == [0, 1, 2, 3, 4]
        task.result()
    assert taken == [0, 1, 2, 3, 4]


def test_waiting_for_a_piece_ends_when_its_maker_fails():
    bench: Bench[int] = Bench(1, ahead=1)

    def fail(task):
        raise ValueError("no")

    with beside(fail) as task, pytest.raises(ValueError, match="no"):
        bench.get(0, task.check)


def test_waiting_for_room_ends_with_the_order_to_stop():
    bench, halt = Bench(2, ahead=0), Halt()
    halt.tell()
    with pytest.raises(Halted):
        next(bench.take(halt))
