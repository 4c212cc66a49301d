"""This process's place in the group that is told of all changes, and whether what is said there still arrives.

The layer passes over a Redis that is away, and then nothing is heard, as when nothing changes. So after a while of
silence a sign is sent by the way of all messages: while it comes back, silence means that nothing changed.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Collection
from typing import Any, Self

from channels.layers import get_channel_layer
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import RedisError

from jobs import publish

SIGN_SECONDS = 4.0
"""After how much silence a sign is sent. It comes to all processes, so of many only one sends it most of the time."""
SIGNS = 2
"""How many have to stay away until we count as deaf."""
JOIN_SECONDS = 0.25
"""How long the first sign has, which may be faster than the subscription."""
SIGN = {"type": "jobs.changed", "owners": [], "is_sign": True}
"""A change of nobody's: so processes of an older version, which know no signs, have hardly anything to do."""


class Subscription:
    """`async with` joins the group, and has heard something when it begins. Raises RedisError and OSError."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._channel = f"hearing.{uuid.uuid4().hex}"
        self._receiving: asyncio.Task[dict[str, Any]] | None = None
        self._unanswered = 0
        self._has_missed = False

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(SIGN_SECONDS * SIGNS):
                await self._join()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._leave()

    async def next(self) -> Collection[int] | None:
        """Whose things changed; None: nobody knows, as something may have been missed or was said by a process of an
        older version. Raises RedisError when nothing is heard any more."""
        while True:
            while not await self._hears(SIGN_SECONDS):
                await self._ask()
            message, has_missed = await self._received(), self._has_missed
            self._has_missed, self._unanswered = False, 0
            if has_missed or not message.get("is_sign"):
                owners: Collection[int] | None = None if has_missed else message.get("owners")
                return owners

    async def _ask(self) -> None:
        """After a silence. Raises RedisError when it has lasted."""
        if self._unanswered == SIGNS:
            raise RedisGone("nothing is heard of changes any more")
        self._has_missed = self._unanswered > 0
        self._unanswered += 1
        try:
            async with asyncio.timeout(SIGN_SECONDS):
                await self._sign()
        except (RedisError, OSError):
            self._has_missed = True

    async def _join(self) -> None:
        self._receiving = asyncio.create_task(self._layer.receive(self._channel))
        await asyncio.sleep(0)  # from now on the layer knows the channel
        await self._layer.group_add(publish.CHANGES, self._channel)
        await self._sign()
        while not await self._hears(JOIN_SECONDS):
            await self._sign()

    async def _leave(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(SIGN_SECONDS):
                if self._receiving:
                    self._receiving.cancel()
                    await asyncio.wait([self._receiving])
                await self._layer.group_discard(publish.CHANGES, self._channel)
        self._layer.channels.pop(self._channel, None)  # where joining failed, the layer has kept it

    async def _sign(self) -> None:
        await self._layer.group_send(publish.CHANGES, SIGN)

    async def _hears(self, seconds: float) -> bool:
        assert self._receiving
        return bool((await asyncio.wait([self._receiving], timeout=seconds))[0])

    async def _received(self) -> dict[str, Any]:
        assert self._receiving
        message = await self._receiving
        self._receiving = asyncio.create_task(self._layer.receive(self._channel))
        return message
