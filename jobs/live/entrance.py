"""Finding out whose pages come: those that arrive while others are being asked about are asked about together.

A thousand that come back at once, after a restart, so take a few queries and one thread.
"""

import asyncio
from weakref import WeakKeyDictionary

from jobs.auth.credentials import signed_in_all
from jobs.models import Account
from jobs.queries import in_thread

AT_ONCE = 500
"""How many sessions one query asks for."""


class Entrance:
    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Account | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def owner(self, session_key: str) -> Account | None:
        """Whose session this is; None when it is over. Raises DatabaseError."""
        if session_key not in self._waiting:
            self._waiting[session_key] = asyncio.get_running_loop().create_future()
        asked = self._waiting[session_key]
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())
        return await asyncio.shield(asked)

    async def _ask(self) -> None:
        await asyncio.sleep(0)  # for those that come in the same moment
        while self._waiting:
            keys = list(self._waiting)[:AT_ONCE]
            asked = {key: self._waiting.pop(key) for key in keys}
            try:
                found = await in_thread(signed_in_all)(keys)
            except Exception as error:  # noqa: BLE001 whatever it is, who asked is told
                for future in asked.values():
                    future.set_exception(error)
                    future.exception()  # who asked may have left
            else:
                for key, future in asked.items():
                    future.set_result(found.get(key))


ENTRANCES: WeakKeyDictionary[asyncio.AbstractEventLoop, Entrance] = WeakKeyDictionary()


def entrance() -> Entrance:
    """That of the loop that runs."""
    loop = asyncio.get_running_loop()
    if loop not in ENTRANCES:
        ENTRANCES[loop] = Entrance()
    return ENTRANCES[loop]
