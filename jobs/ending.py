"""Waiting for the end of jobs, without a thread and without asking the database again and again.

One watch for each owner in a process hears when something of theirs has changed, and then looks at all jobs that are
waited for by one query.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Collection
from uuid import UUID
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from jobs.live.hearing import hearing
from jobs.models import Job
from jobs.queries import in_thread

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
"""The least time between two looks."""
UNHEARD_SECONDS = 5.0
"""How often it is looked when nothing is heard, and tried to hear again: a message may be lost, or Redis be away."""


async def until_ended(owner_pk: int, job_pk: UUID, seconds: float) -> None:
    """Come back when the job has ended or is gone, or when the time is over."""
    await watch_of(owner_pk).wait(job_pk, seconds)


def under_way(pks: Collection[UUID]) -> set[UUID]:
    return set(Job.objects.filter(pk__in=pks, under_way=1).values_list("pk", flat=True))


class Watch:
    """Runs for as long as somebody waits for a job of this owner."""

    hears_everybody = False

    def __init__(self, owner_pk: int) -> None:
        self.owner_pk = owner_pk
        self._waiting: defaultdict[UUID, set[asyncio.Future[None]]] = defaultdict(set)
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def wait(self, job_pk: UUID, seconds: float) -> None:
        ended = asyncio.get_running_loop().create_future()
        self._waiting[job_pk].add(ended)
        self._changed.set()  # it may have ended just before
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended, seconds)
        finally:
            self._waiting[job_pk].discard(ended)
            if not self._waiting[job_pk]:
                del self._waiting[job_pk]
            if not self._waiting:
                self._task.cancel()
                self._forget()

    def heard(self) -> None:
        self._changed.set()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._look())
        except Exception:  # whatever it is, nobody is left waiting
            log.exception("who waits for jobs is told how they are now")
        finally:
            self._forget()
            self._tell(list(self._waiting))

    async def _listen(self) -> None:
        while True:
            try:
                await hearing().follow(self, self.heard)  # what was said before could not be heard
            except (RedisError, OSError) as error:
                log.warning("ends of jobs are looked for every %d s until Redis is back: %s", UNHEARD_SECONDS, error)
            await asyncio.sleep(UNHEARD_SECONDS)

    async def _look(self) -> None:
        while self._waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(UNHEARD_SECONDS):  # `wait_for` may swallow that we are cancelled
                    await self._changed.wait()
            self._changed.clear()
            wanted = set(self._waiting)
            self._tell(wanted - await in_thread(under_way)(wanted))
            await asyncio.sleep(PAUSE_SECONDS)

    def _tell(self, ended: Collection[UUID]) -> None:
        for pk in ended:
            for future in self._waiting.get(pk, ()):
                if not future.done():
                    future.set_result(None)

    def _forget(self) -> None:
        """Who comes from now on gets another watch."""
        watches = WATCHES.get(asyncio.get_running_loop(), {})
        if watches.get(self.owner_pk) is self:
            del watches[self.owner_pk]


WATCHES: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Watch]] = WeakKeyDictionary()


def watch_of(owner_pk: int) -> Watch:
    watches = WATCHES.setdefault(asyncio.get_running_loop(), {})
    if owner_pk not in watches:
        watches[owner_pk] = Watch(owner_pk)
    return watches[owner_pk]
