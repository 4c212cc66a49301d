"""Fetching that stops when nobody waits for it any more."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Asked = Callable[[int], None]
"""Called with how many bytes came."""
_asked: ContextVar[Asked | None] = ContextVar("stopping", default=None)


@contextlib.contextmanager
def stoppable(check: Callable[[], None]) -> Iterator[None]:
    """Have what is fetched in the block ask again and again whether it is still wanted: `check` raises what then comes
    out of the block. Threads ask too, so it must not go by the thread it is in."""
    before = _asked.set(lambda count: check())
    try:
        yield
    finally:
        _asked.reset(before)


def asked() -> Asked | None:
    """What is to be called here again and again; None where nobody can stop it."""
    return _asked.get()
