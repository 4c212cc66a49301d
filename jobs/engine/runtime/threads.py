"""Worker threads beside the main thread that always end with the block around them.

Jobs are stopped by an exception raised in the main thread (a signal handler's `Cancelled`, Ctrl-C). Whatever a thread
is doing then has to end within a moment: it asks its `CancellationToken` between blocks of work.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from jobs.engine.model.progress import Advance

T = TypeVar("T")

# How often the one that waits for work beside it tells how far it is.
PROGRESS_INTERVAL_SECONDS = 0.05


class WorkCancelled(Exception):
    """Raised inside a thread that was told to stop. Never leaves it."""


class CancellationToken:
    """One thread's order to stop."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    def check(self) -> None:
        """Raise WorkCancelled when the order was given."""
        if self._cancelled.is_set():
            raise WorkCancelled


class WorkerThread(Generic[T]):
    """Work in a thread of its own. `fraction` (0 to 1) is what it says of how far it is."""

    def __init__(self, work: "Callable[[WorkerThread[T]], T]") -> None:
        self.token = CancellationToken()
        self.fraction = 0.0
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        # Python 3.11 takes a thread for ended when a signal's exception comes while it is joined (bpo-45274).
        self._ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._results.append(self._work(self))
        except WorkCancelled:
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
        """Wait for the end and return what the work returned, or raise what it raised.

        WorkCancelled when it was stopped.
        """
        self.join()
        self.check()
        if not self._results:
            raise WorkCancelled
        return self._results[0]


@contextlib.contextmanager
def worker_thread(work: Callable[[WorkerThread[T]], T]) -> Iterator[WorkerThread[T]]:
    """Run `work` in a thread while the block runs; however the block is left, the thread has ended after it."""
    task = WorkerThread(work)
    try:
        task.thread.start()
        yield task
    finally:
        task.token.cancel()
        if task.thread.ident is not None:
            task.join()


def run_concurrently(works: Sequence[Callable[[WorkerThread[T]], T]], progress: Advance) -> list[T]:
    """Do some work at the same time and return what each returned, or raise what one of them raised.

    `progress` gets the mean of their fractions again and again, and 1 at the end; what it raises ends them all.
    """
    with contextlib.ExitStack() as stack:
        tasks = [stack.enter_context(worker_thread(work)) for work in works]
        while sum(task.wait(PROGRESS_INTERVAL_SECONDS) for task in tasks) < len(tasks):
            progress(sum(task.fraction for task in tasks) / len(tasks))
        progress(1.0)
        return [task.result() for task in tasks]


@contextlib.contextmanager
def prefetched(items: Iterator[T], count: int) -> Iterator[Iterator[T]]:
    """The items, made in a thread of their own that is up to `count` of them ahead while the block runs.

    What making them fails with is raised after those that were made, WorkCancelled when it was stopped.
    """
    made: queue.Queue[T | None] = queue.Queue(count)

    def put(item: T | None, token: CancellationToken) -> None:
        while True:
            token.check()
            with contextlib.suppress(queue.Full):
                made.put(item, timeout=0.1)
                return

    def make(task: WorkerThread[None]) -> None:
        try:
            for item in items:
                put(item, task.token)
        finally:
            put(None, task.token)

    def taken(task: WorkerThread[None]) -> Iterator[T]:
        while (item := made.get()) is not None:
            yield item
        task.result()

    with worker_thread(make) as task:
        yield taken(task)
