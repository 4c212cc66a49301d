import os
import random

import pytest

from jobs.storage import ranges
from jobs.storage.ranges import BLOCK, MOST_AHEAD, RangeFile


class Elsewhere:
    def __init__(self, size: int) -> None:
        self.content = os.urandom(size)
        self.asked: list[int] = []

    def read(self, start: int, end: int) -> bytes:
        self.asked.append(end - start)
        return self.content[start:end]

    def opened(self) -> RangeFile:
        return RangeFile(len(self.content), self.read)


@pytest.mark.parametrize("size", [0, 1, BLOCK, 3 * BLOCK + 17, 40 * BLOCK + 1])
def test_it_reads_as_a_file_does_wherever_one_seeks_to(size):
    there, chance = Elsewhere(size), random.Random(size)
    with there.opened() as file:
        for _ in range(400):
            start, length = chance.randint(0, size), chance.choice([0, 1, 100, BLOCK - 1, BLOCK, 5 * BLOCK])
            file.seek(start)
            assert file.read(length) == there.content[start : start + length]
            assert file.tell() == min(size, start + length)
        file.seek(0)
        assert file.read() == there.content


def test_who_reads_on_is_given_more_at_once_and_who_seeks_little():
    there = Elsewhere(64 * 1024**2)
    with there.opened() as file:
        while file.read(100_000):
            pass
        assert len(there.asked) < 15 and max(there.asked) == MOST_AHEAD and sum(there.asked) == len(there.content)
        there.asked.clear()
        for start in range(0, len(there.content), 5_000_000):
            file.seek(start)
            file.read(1000)
        assert set(there.asked) == {BLOCK}
        there.asked.clear()
        file.seek(5_000_000)
        file.read(1000)
        assert there.asked == []  # what was sought before is still here


def test_a_range_that_comes_short_is_no_end_of_the_file():
    with RangeFile(1000, lambda start, end: b"half") as file, pytest.raises(OSError, match="4 bytes came of 1000"):
        file.read()


def test_it_holds_a_bounded_amount():
    assert (ranges.KEPT_BLOCKS + 4) * BLOCK + MOST_AHEAD <= 21 * 1024**2
