"""What a process hears of changes, and what open pages are told when it hears nothing any more."""

import asyncio
import dataclasses

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from jobs import publish
from jobs.live import feeds, hearing, subscription
from jobs.models import Job
from tests import factories
from tests.servers import Redis
from tests.sockets import socket, state_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]


@dataclasses.dataclass(eq=False)
class Owner:
    owner_pk: int = 1
    hears_everybody: bool = False
    times: int = 0

    def heard(self) -> None:
        self.times += 1


async def no_longer(condition, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def redis_that_stops(redis_server: Redis):
    yield redis_server
    redis_server.start()


async def test_who_leaves_at_once_leaves_nobody_behind_who_listens(monkeypatch):
    """A cancellation that comes together with something else is swallowed, by `asyncio.wait_for` among others."""
    asked = []

    class Swallows(subscription.Subscription):
        async def next(self):
            asked.append(None)
            try:
                return await super().next()
            except asyncio.CancelledError:
                return []

    monkeypatch.setattr(hearing, "Subscription", Swallows)
    before = asyncio.all_tasks()
    joined = asyncio.Event()
    following = asyncio.create_task(hearing.hearing().follow(Owner(), joined.set))
    await asyncio.wait_for(joined.wait(), 30)
    await no_longer(lambda: not asked)
    following.cancel()
    ours = {"_listen", "follow", "next"}
    await no_longer(lambda: {one.get_coro().__name__ for one in asyncio.all_tasks() - before} & ours)


async def test_a_sign_of_life_is_no_change_for_anybody(monkeypatch):
    monkeypatch.setattr(subscription, "SIGN_SECONDS", 0.2)
    operator, joined = Owner(hears_everybody=True), asyncio.Event()
    following = asyncio.create_task(hearing.hearing().follow(operator, joined.set))
    await asyncio.wait_for(joined.wait(), 30)
    await asyncio.sleep(1)
    assert not operator.times
    await sync_to_async(publish.tell)([2])
    await no_longer(lambda: not operator.times)
    following.cancel()


async def test_pages_are_told_to_come_back_when_nothing_is_heard_any_more_and_find_all_when_it_is(
    monkeypatch, redis_that_stops: Redis
):
    monkeypatch.setattr(subscription, "SIGN_SECONDS", 0.3)
    ann = await sync_to_async(factories.account)()
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await state_of(page)
    await asyncio.sleep(1)
    assert await page.receive_nothing(), "silence alone is no reason"
    redis_that_stops.stop()
    assert (await page.receive_output(timeout=20))["code"] == feeds.UNAVAILABLE
    early = await sync_to_async(socket)(ann)
    await early.connect()
    assert (await early.receive_output(timeout=20))["code"] == feeds.UNAVAILABLE
    redis_that_stops.start()
    job = await sync_to_async(factories.job)(ann)
    back = await sync_to_async(socket)(ann)
    await back.connect()
    assert f"job-{job.pk}" in await state_of(back)
    await back.disconnect()


async def test_what_changed_while_redis_was_away_for_a_moment_is_looked_for_once_it_is_back(
    monkeypatch, redis_that_stops: Redis
):
    monkeypatch.setattr(subscription, "SIGN_SECONDS", 0.3)
    monkeypatch.setattr(subscription, "SIGNS", 100)
    ann = await sync_to_async(factories.account)()
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await state_of(page)
    redis_that_stops.stop()
    await sync_to_async(job.advance)(1, 0.5, "Encoding", None)
    await sync_to_async(publish.job_changed)(job)
    await asyncio.sleep(1)
    redis_that_stops.start()
    assert "Encoding" in await page.receive_from(timeout=20)
    await page.disconnect()


async def test_trying_to_hear_leaves_nothing_behind(redis_that_stops: Redis):
    redis_that_stops.stop()
    for _ in range(3):
        with pytest.raises((RedisError, OSError)):
            await hearing.hearing().follow(Owner(), lambda: None)
    assert not get_channel_layer().channels
    assert not get_channel_layer().groups
