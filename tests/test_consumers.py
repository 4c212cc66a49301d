import asyncio
import re
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs import publish
from jobs.live import feeds, looking, markup, rows
from jobs.live.view import View
from jobs.models import Job
from tests import factories
from tests.sockets import socket, state_of

pytestmark = pytest.mark.django_db(transaction=True)
CLOCK = re.compile(r'data-ticks="[^"]*"')


@pytest.fixture
def ann():
    return factories.account()


async def told(job: Job) -> None:
    await sync_to_async(publish.job_changed)(job)


async def test_a_page_gets_the_whole_state_when_it_connects(ann):
    job = await sync_to_async(factories.job)(ann)
    page = await sync_to_async(socket)(ann)
    assert (await page.connect())[0]
    state = await state_of(page)
    assert f'id="job-{job.pk}"' in state
    assert 'id="jobs"' in state
    assert 'id="queue-count"' in state
    await page.disconnect()


async def test_a_page_that_shows_the_present_state_gets_the_count_only(ann):
    await sync_to_async(factories.job)(ann)
    jobs = await sync_to_async(rows.of_view)(ann, View("queue"))
    page = await sync_to_async(socket)(ann, f"view=queue&state={rows.state_of(jobs)}")
    await page.connect()
    state = await state_of(page)
    assert 'id="jobs"' not in state
    assert 'id="queue-count"' in state
    await page.disconnect()


async def test_two_pages_of_one_owner_get_the_same_change(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    pages = [await sync_to_async(socket)(ann) for _ in range(2)]
    for page in pages:
        await page.connect()
        await state_of(page)
    await sync_to_async(job.advance)(1, 0.42, "Encoding", 8.0)
    await told(job)
    first, second = [await page.receive_from(timeout=30) for page in pages]
    # The clock of a running job is each page's own.
    assert CLOCK.sub("", first) == CLOCK.sub("", second)
    assert "42" in first
    for page in pages:
        await page.disconnect()


async def test_many_changes_at_once_become_few_pushes_and_the_last_one_is_the_truth(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await state_of(page)
    started = time.monotonic()
    for step in range(1, 21):
        await sync_to_async(job.advance)(1, step / 20, f"Step {step}", None)
        await told(job)
    pushes = []
    while not pushes or f'data-version="{job.version}"' not in pushes[-1]:
        message = await page.receive_from(timeout=30)
        if "data-order" in message:
            pushes.append(message)
    assert len(pushes) <= 1 + (time.monotonic() - started) / feeds.PAUSE_SECONDS  # however slow the machine is
    assert "Step 20" in pushes[-1]
    await page.disconnect()


async def test_nobody_hears_of_the_jobs_of_others(ann):
    eve = await sync_to_async(factories.account)("eve@example.org")
    page = await sync_to_async(socket)(eve)
    await page.connect()
    assert "job-" not in await state_of(page)
    await told(await sync_to_async(factories.job)(ann))
    assert await page.receive_nothing(timeout=0.5)
    await page.disconnect()


async def test_a_message_meant_for_one_video_of_somebody_else_shows_nothing(ann):
    theirs = await sync_to_async(factories.job)(await sync_to_async(factories.account)("eve@example.org"))
    page = await sync_to_async(socket)(ann, f"view=video&video={theirs.video_id}")
    await page.connect()
    assert f"job-{theirs.pk}" not in await state_of(page)
    await page.disconnect()


async def test_a_nonsense_video_id_does_not_break_the_socket(ann):
    page = await sync_to_async(socket)(ann, "view=video&video=nonsense")
    assert (await page.connect())[0]
    await state_of(page)
    await page.disconnect()


async def test_someone_not_signed_in_is_sent_away():
    page = await sync_to_async(socket)()
    await page.connect()
    assert (await page.receive_output())["code"] == 4401


async def test_another_origin_is_refused(ann):
    page = await sync_to_async(socket)(ann, origin=(b"origin", b"http://evil.example"))
    assert not (await page.connect())[0]


async def test_the_group_is_left_when_the_page_closes(ann):
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await state_of(page)
    await page.disconnect()
    await told(await sync_to_async(factories.job)(ann))
    await asyncio.sleep(0.1)
    assert await page.receive_nothing()


async def test_a_page_whose_session_ended_hears_no_more(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await state_of(page)
    await sync_to_async(Session.objects.all().delete)()
    await told(job)
    assert (await page.receive_output(timeout=30))["code"] == 4401


async def test_a_page_is_sent_away_while_the_database_is_away(ann, monkeypatch):
    def away(*args):
        raise OperationalError("gone away")

    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await state_of(page)
    monkeypatch.setattr(rows, "stamped_all", away)
    await told(job)
    assert (await page.receive_output(timeout=30))["code"] == feeds.UNAVAILABLE


async def test_whatever_goes_wrong_in_pushing_closes_every_socket_and_the_next_ones_work(ann, monkeypatch):
    def wrong(*args):
        raise TypeError("no such row can be drawn")

    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    pages = [await sync_to_async(socket)(ann) for _ in range(2)]
    for page in pages:
        await page.connect()
        await state_of(page)
    await sync_to_async(job.advance)(1, 0.5, "Encoding", None)
    with monkeypatch.context() as broken:
        broken.setattr(markup, "render_changes", wrong)
        await told(job)
        assert [(await page.receive_output(timeout=30))["code"] for page in pages] == [feeds.UNAVAILABLE] * 2
    again = await sync_to_async(socket)(ann)
    await again.connect()
    assert "Encoding" in await state_of(again)
    await again.disconnect()


def test_sockets_are_closed_with_codes_that_autobahn_sends():
    assert all(3000 <= code <= 4999 for code in [feeds.SIGNED_OUT, feeds.UNAVAILABLE])


async def test_queries_for_one_owner_do_not_hold_up_the_pages_of_another(ann, monkeypatch):
    eve = await sync_to_async(factories.account)("eve@example.org")
    stamped, held, let_go = rows.stamped_all, threading.Event(), threading.Event()

    def slow_for_eve(lists):
        if any(pk == eve.pk for pk, _ in lists):
            held.set()
            assert let_go.wait(30)
        return stamped(lists)

    monkeypatch.setattr(rows, "stamped_all", slow_for_eve)
    hers, mine = await sync_to_async(socket)(eve), await sync_to_async(socket)(ann)
    await hers.connect()
    assert await asyncio.to_thread(held.wait, 30)
    await mine.connect()
    assert "queue-count" in await state_of(mine)
    let_go.set()
    await state_of(hers)
    for page in [hers, mine]:
        await page.disconnect()


async def test_a_page_that_comes_late_agrees_with_the_others(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    first = await sync_to_async(socket)(ann)
    await first.connect()
    await state_of(first)
    await sync_to_async(job.advance)(1, 0.5, "Encoding", None)
    late = await sync_to_async(socket)(ann)
    await late.connect()
    assert "Encoding" in await state_of(late)
    assert "Encoding" in await first.receive_from(timeout=30)  # nobody told it, but its feed looked
    for page in [first, late]:
        await page.disconnect()


def test_many_pages_cost_the_queries_of_one_and_get_the_same_words(ann, django_assert_num_queries):
    factories.job(ann, status=Job.Status.RUNNING)
    client = Client()
    client.force_login(ann)

    def pages(count: int) -> list[looking.Page]:
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        return [looking.Page(None, None, key, View("queue"), "") for _ in range(count)]

    with CaptureQueriesContext(connection) as one:
        looking.look({ann.pk: pages(1)})
    with django_assert_num_queries(len(one)):
        told = [one.messages for one in looking.look({ann.pk: pages(9)}).values()]
    assert len(told) == 9
    assert all(messages == told[0] and messages for messages in told)
