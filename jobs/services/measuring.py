"""Children that measure recordings for pages: few at a time, one for all who ask the same, gone with the last of them.

The web process decodes nothing itself. Who asks waits without a thread; when the last of them goes away, as Django
tells by cancelling the view, the child is killed, and what is still fetched for it is given up.
"""

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import AbstractContextManager

from jobs import storage
from jobs.engine.pipelines import measuring
from jobs.engine.runtime import processors
from jobs.engine.runtime.sandbox import Answer
from jobs.engine.runtime.subprocess_runner import Child
from jobs.errors import Busy, Cancelled

MAXIMUM_CHILDREN = max(4, processors.available())
"""Children at the same time, for one web process."""
MAXIMUM_CHILDREN_OF_ONE = 3
"""Those for one account: a page asks for sound and frames at once."""
Asked = Callable[[], AbstractContextManager[measuring.Request]]
_guard = threading.Lock()
_running: set["_Measurement"] = set()
_shared: dict[Hashable, "_Measurement"] = {}
"""Those of `_running` that somebody waits for."""


class _Measurement:
    """One child. `askers` wait for `done`."""

    def __init__(self, owner_id: int) -> None:
        self.owner_id = owner_id
        self.askers = 0
        self.done: Future[Answer] = Future()
        self.done.set_running_or_notify_cancel()  # who goes away must not cancel it for the others
        self._child: Child | None = None
        self._stopped = False

    def run(self, request: Asked) -> None:
        """In a thread from start to end, as `subprocess_runner.started` wants it."""
        try:
            with storage.stoppable(self._look), request() as ready:
                answer = measuring.ask(ready, self._at_start)
            self.done.set_result(answer)
        except Exception as error:  # noqa: BLE001 handed to those who wait
            self.done.set_exception(error)
        finally:
            with _guard:
                _running.discard(self)

    def _look(self) -> None:
        if self._stopped:
            raise Cancelled("Nobody waits for it any more.")

    def _at_start(self, child: Child) -> None:
        with _guard:
            self._child = child
            if self._stopped:
                child.process.kill()

    def stop(self) -> None:
        """With the guard held. Does nothing when it has ended."""
        self._stopped = True
        if self._child:
            self._child.process.kill()


async def answer(owner_id: int, key: Hashable, request: Asked) -> Answer:
    """What a child says; `key` stands for the request, which stays open as long as the child runs.

    Raises as `measuring.ask` and what opens the request do, and Busy when many are at work."""
    with _guard:
        work = _shared.get(key) or _begun(owner_id, key, request)
        work.askers += 1
    try:
        return await asyncio.wrap_future(work.done)
    finally:
        with _guard:
            work.askers -= 1
            if not work.askers:
                work.stop()
                if _shared.get(key) is work:
                    del _shared[key]


def _begun(owner_id: int, key: Hashable, request: Asked) -> _Measurement:
    if (
        len(_running) >= MAXIMUM_CHILDREN
        or sum(work.owner_id == owner_id for work in _running) >= MAXIMUM_CHILDREN_OF_ONE
    ):
        raise Busy("The server is measuring other recordings. Try again in a few seconds.")
    work = _Measurement(owner_id)
    threading.Thread(target=work.run, args=[request], name="measuring", daemon=True).start()
    _running.add(work)
    _shared[key] = work
    return work
