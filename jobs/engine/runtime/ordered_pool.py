"""Items of one result, made by several threads at once and taken in order by the one that writes it."""

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from jobs.engine.runtime.threads import CancellationToken

T = TypeVar("T")


class OrderedPool(Generic[T]):
    """Items on their way from the threads that make them to the one that writes them.

    No more than `maximum_ahead` of the `count` items are under way or wait for their turn, so that memory stays flat.
    """

    def __init__(self, count: int, *, maximum_ahead: int) -> None:
        self._changed = threading.Condition()
        self._done: dict[int, T] = {}
        self._count = count
        self._taken = 0
        self._limit = maximum_ahead

    def take(self, token: CancellationToken) -> Iterator[int]:
        """Numbers of items to make, handed out in order, no further ahead of the writer than the limit."""
        while True:
            with self._changed:
                while self._taken >= self._limit and self._taken < self._count:
                    self._changed.wait(0.1)
                    token.check()
                if self._taken == self._count:
                    return
                number = self._taken
                self._taken += 1
            yield number

    def put(self, number: int, item: T) -> None:
        with self._changed:
            self._done[number] = item
            self._changed.notify_all()

    def get(self, number: int, check: Callable[[], None]) -> T:
        """Wait for an item. `check` is called while waiting and ends it by raising."""
        with self._changed:
            while number not in self._done:
                self._changed.wait(0.1)
                check()
            self._limit += 1
            self._changed.notify_all()
            return self._done.pop(number)
