"""What is heard of changes in this process: one subscription for all who want to know, so that a thousand pages which
come at once ask nothing of Redis."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Protocol
from weakref import WeakKeyDictionary

from jobs.live.subscription import Subscription


class Listener(Protocol):
    """Who wants to hear of changes to what this account has, or of everybody's."""

    owner_pk: int
    hears_everybody: bool

    def heard(self) -> None:
        """Something changed."""


class Hearing:
    """Listens while anybody does."""

    def __init__(self) -> None:
        self._of_owner: defaultdict[int, set[Listener]] = defaultdict(set)
        self._of_everybody: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_ready = asyncio.Event()

    async def follow(self, listener: Listener, joined: Callable[[], None]) -> None:
        """Tell `listener` of changes, until this is cancelled; what changes after `joined` was called is not missed.

        Raises RedisError and OSError when nothing can be heard any more.
        """
        self._of_owner[listener.owner_pk].add(listener)
        self.attend(listener)
        try:
            task = self._listening()
            ready = asyncio.create_task(self._is_ready.wait())
            try:
                await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
            finally:
                ready.cancel()
            if not task.done():
                joined()
            await asyncio.shield(task)
        finally:
            self._leave(listener)

    def attend(self, listener: Listener) -> None:
        """Look again whether it wants to hear of everybody's changes."""
        (self._of_everybody.add if listener.hears_everybody else self._of_everybody.discard)(listener)

    def _leave(self, listener: Listener) -> None:
        self._of_everybody.discard(listener)
        self._of_owner[listener.owner_pk].discard(listener)
        if not self._of_owner[listener.owner_pk]:
            del self._of_owner[listener.owner_pk]
        if not self._of_owner and self._task:
            self._task.cancel()
            self._task = None

    def _listening(self) -> asyncio.Task[None]:
        if self._task is None or self._task.done():
            self._is_ready = asyncio.Event()
            self._task = asyncio.create_task(self._listen(self._is_ready))
        return self._task

    async def _listen(self, is_ready: asyncio.Event) -> None:
        async with Subscription() as changes:
            is_ready.set()
            while self._task is asyncio.current_task():  # a cancellation may have been swallowed
                self._tell(await changes.next())

    def _tell(self, owners: Collection[int] | None) -> None:
        """None: nobody knows whose."""
        concerned = self._of_owner if owners is None else [pk for pk in owners if pk in self._of_owner]
        for listener in {*self._of_everybody, *(one for pk in concerned for one in self._of_owner[pk])}:
            listener.heard()


HEARINGS: WeakKeyDictionary[asyncio.AbstractEventLoop, Hearing] = WeakKeyDictionary()


def hearing() -> Hearing:
    """That of the loop that runs."""
    loop = asyncio.get_running_loop()
    if loop not in HEARINGS:
        HEARINGS[loop] = Hearing()
    return HEARINGS[loop]
