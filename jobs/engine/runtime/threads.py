"""Work beside the main thread that always ends with the block around it.

Jobs are stopped by an exception raised in the main thread (a signal handler's `Cancelled`, Ctrl-C). Whatever a thread
is doing then has to end within a moment: it asks its `Halt` between blocks of work.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

# How often the one that waits for work beside it tells how far it is.
TICK_SECONDS = 0.05


class Halted(Exception):
    """Raised inside a thread that was told to stop. Never leaves it."""


class Halt:
    """One thread's order to stop."""

    def __init__(self) -> None:
        self._told = threading.Event()

    def tell(self) -> None:
        self._told.set()

    def check(self) -> None:
        """Raise Halted when the order was given."""
        if self._told.is_set():
            raise Halted


class Beside(Generic[T]):
    """A piece of work in a thread of its own. `fraction` (0 to 1) is what it says of how far it is."""

    def __init__(self, work: "Callable[[Beside[T]], T]") -> None:
        self.halt = Halt()
        self.fraction = 0.0
        self._work = work
        self._done: list[T] = []
        self._error: BaseException | None = None
        # Python 3.11 takes a thread for ended when a signal's exception comes while it is joined (bpo-45274).
        self._ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._done.append(self._work(self))
        except Halted:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, by check() and result()
            self._error = error
        finally:
            self._ended.set()

    def check(self) -> None:
        """Raise here what the work has failed with, if it has."""
        if self._error:
            raise self._error

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; whether the work has ended. Raises what it failed with."""
        ended = self._ended.wait(seconds)
        self.check()
        return ended

    def join(self) -> None:
        """Wait for the end."""
        self._ended.wait()
        self.thread.join()

    def result(self) -> T:
        """Wait for the end and return what the work returned, or raise what it raised: Halted when it was stopped."""
        self.join()
        self.check()
        if not self._done:
            raise Halted
        return self._done[0]


@contextlib.contextmanager
def beside(work: Callable[[Beside[T]], T]) -> Iterator[Beside[T]]:
    """Run `work` in a thread while the block runs; however the block is left, the thread has ended after it."""
    task = Beside(work)
    try:
        task.thread.start()
        yield task
    finally:
        task.halt.tell()
        if task.thread.ident is not None:
            task.join()


def together(works: Sequence[Callable[[Beside[T]], T]], tell: Callable[[float], None]) -> list[T]:
    """Do some work beside each other and return what each piece returned, or raise what one of them raised.

    `tell` gets the mean of their fractions again and again, and 1 at the end; what it raises ends them all.
    """
    with contextlib.ExitStack() as stack:
        tasks = [stack.enter_context(beside(work)) for work in works]
        while sum(task.wait(TICK_SECONDS) for task in tasks) < len(tasks):
            tell(sum(task.fraction for task in tasks) / len(tasks))
        tell(1.0)
        return [task.result() for task in tasks]


@contextlib.contextmanager
def ahead(items: Iterator[T], count: int) -> Iterator[Iterator[T]]:
    """The items, made in a thread of their own that is up to `count` of them ahead while the block runs.

    What making them fails with is raised after those that were made, Halted when it was stopped.
    """
    made: queue.Queue[T | None] = queue.Queue(count)

    def put(item: T | None, halt: Halt) -> None:
        while True:
            halt.check()
            with contextlib.suppress(queue.Full):
                made.put(item, timeout=0.1)
                return

    def make(task: Beside[None]) -> None:
        try:
            for item in items:
                put(item, task.halt)
        finally:
            put(None, task.halt)

    def taken(task: Beside[None]) -> Iterator[T]:
        while (item := made.get()) is not None:
            yield item
        task.result()

    with beside(make) as task:
        yield taken(task)
