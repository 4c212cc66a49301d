"""The cache in Redis, and while that is away one in the memory of this process.

Limits on attempts live in it. Without Redis they hold for each process by itself, instead of keeping everybody from
signing in or letting everybody try without end.
"""

import functools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
AWAY_SECONDS = 5
"""How long Redis is not asked again after it did not answer: one request asks several times."""


def or_memory(name: str) -> Callable[..., Any]:
    """A method of RedisCache that goes to the memory while Redis is away."""
    ask = getattr(RedisCache, name)

    @functools.wraps(ask)
    def method(self: "Cache", *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= Cache.away_until:
            try:
                return ask(self, *args, **kwargs)
            except (RedisError, OSError) as error:
                Cache.went_away(error)
        return getattr(self.memory, name)(*args, **kwargs)

    return method


class Cache(RedisCache):
    away_until = 0.0

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.memory = LocMemCache("while Redis is away", {})

    def count(self, keys: Sequence[str], seconds: int) -> list[int]:
        """Add 1 to each of these numbers, in one trip. They are forgotten so many seconds after the last time."""
        if time.monotonic() >= Cache.away_until:
            try:
                return self._count(keys, seconds)
            except (RedisError, OSError) as error:
                Cache.went_away(error)
        for key in keys:
            self.memory.add(key, 0, seconds)
        return [int(self.memory.incr(key)) for key in keys]

    def _count(self, keys: Sequence[str], seconds: int) -> list[int]:
        names = [self.make_and_validate_key(key) for key in keys]
        pipeline = self._cache.get_client(None, write=True).pipeline(transaction=False)
        for name in names:
            pipeline.incr(name)
            pipeline.expire(name, seconds)
        return [int(number) for number in pipeline.execute()[::2]]

    @staticmethod
    def went_away(error: Exception) -> None:
        Cache.away_until = time.monotonic() + AWAY_SECONDS
        log.warning("the cache is kept in memory until Redis is back: %s", error)

    add = or_memory("add")
    get = or_memory("get")
    set = or_memory("set")
    touch = or_memory("touch")
    delete = or_memory("delete")
    get_many = or_memory("get_many")
    has_key = or_memory("has_key")
    incr = or_memory("incr")
    set_many = or_memory("set_many")
    delete_many = or_memory("delete_many")
    clear = or_memory("clear")
