"""Locks of the kernel on files, which keep processes apart, also those of several machines on one storage."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusive_lock(lock: Path) -> Iterator[None]:
    """Hold a lock, that ends with this process at the latest."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
