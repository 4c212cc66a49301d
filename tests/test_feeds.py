"""Open pages of many owners: what is worked out and asked for once, whoever they are of."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import publish, wording
from jobs.live import entrance, feeds, looking, markup, rows
from jobs.live.view import View
from jobs.models import Account, Job
from tests import factories
from tests.sockets import socket, state_of

pytestmark = pytest.mark.django_db(transaction=True)


def key_of(account: Account) -> str:
    client = Client()
    client.force_login(account)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def owners(count: int, **fields) -> list[Account]:
    """Accounts with a job in line each."""
    found = [factories.account(f"one{n}@example.org", **fields) for n in range(count)]
    for one in found:
        if not Job.objects.of(one).exists():
            factories.job(one)
    return found


def pages_of(accounts: list[Account], view: str) -> dict[int, list[looking.Page]]:
    return {one.pk: [looking.Page(None, None, key_of(one), View.of({"view": view}), "")] for one in accounts}


@pytest.fixture
def ann():
    return factories.account()


@pytest.mark.parametrize("view", ["bar", "operators"])
def test_pages_without_rows_of_their_own_cost_the_queries_of_one_whosever_they_are(view, django_assert_num_queries):
    every = owners(8, is_staff=True)
    of_one, of_all = pages_of(every[:1], view), pages_of(every, view)
    looking.look(of_one)  # what is kept for a while is there
    with CaptureQueriesContext(connection) as one:
        looking.look(of_one)
    with django_assert_num_queries(len(one)):
        told = looking.look(of_all)
    assert len(told) == 8
    assert all(one.messages for one in told.values())


def test_the_rows_of_many_owners_are_read_together():
    every = owners(8)
    Account.objects.filter(pk__in=[one.pk for one in every[::3]]).update(queue_cleared_at=timezone.now())
    for one in every:
        factories.job(one, status=Job.Status.SUCCEEDED)
    of_two, of_all = pages_of(every[:2], "queue"), pages_of(every, "queue")
    with CaptureQueriesContext(connection) as two:
        looking.look(of_two)
    with CaptureQueriesContext(connection) as all_of_them:
        told = looking.look(of_all)
    assert len(all_of_them) == len(two)
    for one in every:
        (page,) = of_all[one.pk]
        assert list(told[page].shown) == [row.pk for row in rows.of_view(one, View("queue"))]
        assert len(told[page].shown) == 2
    places = [f"{wording.ordinal(n)} in line" if n > 1 else "starts with the next worker" for n in range(1, 9)]
    for (owner,), place in zip(list(of_all.values()), places, strict=True):
        assert place in "".join(told[owner].messages)


def test_a_bar_that_says_the_same_is_not_sent_again(ann):
    ((page,),) = pages_of([ann], "bar").values()
    looking.look({ann.pk: [page]})[page].show(page)
    factories.job(ann, status=Job.Status.SUCCEEDED)
    assert not looking.look({ann.pk: [page]})[page].messages


async def test_pages_that_come_together_are_asked_about_together(ann, monkeypatch):
    asked, real = [], entrance.signed_in_all

    def counted(keys):
        asked.append(len(keys))
        return real(keys)

    monkeypatch.setattr(entrance, "signed_in_all", counted)
    keys = [await sync_to_async(key_of)(one) for one in await sync_to_async(owners)(6)]
    found = await asyncio.gather(*(entrance.entrance().owner(key) for key in [*keys, "none-of-this-site", keys[0]]))
    assert asked == [7]
    assert [one and one.email for one in found] == [
        *(f"one{n}@example.org" for n in range(6)),
        None,
        "one0@example.org",
    ]


async def test_who_comes_while_the_database_is_away_is_told_so_and_the_next_one_is_let_in(ann, monkeypatch):
    def away(keys):
        raise OperationalError("gone away")

    key = await sync_to_async(key_of)(ann)
    with monkeypatch.context() as broken:
        broken.setattr(entrance, "signed_in_all", away)
        with pytest.raises(OperationalError):
            await entrance.entrance().owner(key)
    assert await entrance.entrance().owner(key) == ann


async def test_all_feeds_of_a_process_hear_by_one_subscription(monkeypatch):
    layer, joined = get_channel_layer()._get_layer(), []
    real = layer.group_add

    async def add(group, channel):
        joined.append(group)
        await real(group, channel)

    monkeypatch.setattr(layer, "group_add", add)
    every = await sync_to_async(owners)(3)
    pages = [await sync_to_async(socket)(one) for one in every]
    for page in pages:
        await page.connect()
        await state_of(page)
    assert joined == [publish.CHANGES]
    for page in pages:
        await page.disconnect()


async def test_a_message_of_an_older_process_that_does_not_say_whose_is_for_everybody(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await state_of(page)
    await sync_to_async(job.advance)(1, 0.5, "Encoding", None)
    await get_channel_layer().group_send(publish.CHANGES, {"type": "jobs.changed"})
    assert "Encoding" in await page.receive_from(timeout=30)
    await page.disconnect()


async def test_rows_of_one_owner_that_cannot_be_drawn_close_no_page_of_another(ann, monkeypatch):
    eve = await sync_to_async(factories.account)("eve@example.org")
    jobs = [await sync_to_async(factories.job)(one, status=Job.Status.RUNNING) for one in (ann, eve)]
    pages = [await sync_to_async(socket)(one) for one in (ann, eve)]
    for page in pages:
        await page.connect()
        await state_of(page)
    draw = markup.render_row

    def wrong_for_eve(row):
        if row.owner_id == eve.pk:
            raise TypeError("no such row can be drawn")
        return draw(row)

    monkeypatch.setattr(markup, "render_row", wrong_for_eve)
    for job in jobs:
        await sync_to_async(job.advance)(1, 0.5, "Encoding", None)
    await sync_to_async(publish.tell)([ann.pk, eve.pk])
    mine, hers = pages
    assert "Encoding" in await mine.receive_from(timeout=30)
    assert (await hers.receive_output(timeout=30))["code"] == feeds.UNAVAILABLE
    await mine.disconnect()


async def test_a_page_that_does_not_take_what_it_is_sent_is_told_once_it_does_and_only_the_last_of_it(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    told, unsent, arrived = [], 0, asyncio.Event()

    async def send(message):
        told.append(message)
        arrived.set()

    page = looking.Page(send, None, await sync_to_async(key_of)(ann), View("queue"), "", lambda: unsent)
    feed = feeds.feed_of(ann.pk)
    feed.join(page)
    await asyncio.wait_for(arrived.wait(), 30)
    await asyncio.sleep(2 * feeds.PAUSE_SECONDS)
    told.clear()
    unsent = feeds.BEHIND_BYTES + 1
    for step in range(1, 4):
        await sync_to_async(job.advance)(1, step / 10, f"Step {step}", None)
        await sync_to_async(publish.job_changed)(job)
        await asyncio.sleep(feeds.PAUSE_SECONDS)
    assert told == []
    arrived.clear()
    unsent = 0
    await asyncio.wait_for(arrived.wait(), 30)
    assert "Step 3" in "".join(told)
    assert "Step 1" not in "".join(told)
    feed.leave(page)


async def test_while_a_page_is_behind_nothing_is_looked_up_that_did_not_change(ann, monkeypatch):
    looks, real = [], feeds.look

    def counted(batch):
        looks.append([page.view.name for pages in batch.values() for page in pages])
        return real(batch)

    monkeypatch.setattr(feeds, "look", counted)
    unsent = {"queue": 0, "bar": 0}

    async def send(message):
        pass

    def page(name: str) -> looking.Page:
        return looking.Page(send, None, key, View(name), "", lambda: unsent[name])

    async def looked_at(*names: str) -> None:
        async with asyncio.timeout(30):
            while {name for look in looks for name in look} < set(names):
                await asyncio.sleep(0.05)

    key = await sync_to_async(key_of)(ann)
    feed, pages = feeds.feed_of(ann.pk), [page(name) for name in unsent]
    for one in pages:
        feed.join(one)
    await looked_at("queue", "bar")
    await asyncio.sleep(2 * feeds.PAUSE_SECONDS)
    looks.clear()
    unsent["queue"] = feeds.BEHIND_BYTES + 1
    await sync_to_async(publish.tell)([ann.pk])
    await looked_at("bar")
    await asyncio.sleep(4 * feeds.PAUSE_SECONDS)
    assert looks == [["bar"]]
    unsent["queue"] = 0
    await looked_at("bar", "queue")
    assert looks == [["bar"], ["queue"]]
    for one in pages:
        feed.leave(one)


async def test_a_page_that_cannot_be_spoken_to_takes_its_feed_along_and_the_next_ones_work(ann):
    closed = []

    async def broken(message):
        raise RuntimeError("nobody there")

    async def close(code):
        closed.append(code)

    key = await sync_to_async(key_of)(ann)
    feed = feeds.feed_of(ann.pk)
    feed.join(looking.Page(broken, close, key, View("queue"), ""))
    while not closed:
        await asyncio.sleep(0.05)
    assert closed == [feeds.UNAVAILABLE]
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await state_of(page)
    await page.disconnect()
