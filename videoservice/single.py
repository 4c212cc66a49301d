"""Asking what may hang: in a thread of its own, once at a time whoever wants to know, given up after a while."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from django.db import connection

T = TypeVar("T")


class Single(Generic[T]):
    """One question. Who asks while it is being asked, or up to `kept_seconds` afterwards, gets the same answer."""

    def __init__(self, name: str, ask: Callable[[], T], kept_seconds: float = 0) -> None:
        self._ask, self.kept_seconds = ask, kept_seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._asking = threading.Lock()
        self._answer: Future[T] | None = None
        self._answered_at = 0.0

    def begin(self) -> Future[T]:
        with self._asking:
            if self._answer is None or (self._answer.done() and not self._is_fresh()):
                self._answer = self._thread.submit(self._asked)
            return self._answer

    def get(self, seconds: float) -> T:
        """Raises what asking raises, and TimeoutError when there is no answer by then."""
        return self.begin().result(seconds)

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._answered_at < self.kept_seconds

    def _asked(self) -> T:
        try:
            return self._ask()
        finally:
            self._answered_at = time.monotonic()
            connection.close()
