import asyncio
import re

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client

from jobs import live
from jobs.models import Job
from tests import factories
from videoservice.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)
CLOCK = re.compile(r'data-ticks="[^"]*"')
ORIGIN = (b"origin", b"http://localhost")


def socket(account=None, query: str = "view=queue", origin: tuple[bytes, bytes] = ORIGIN) -> WebsocketCommunicator:
    headers = [origin, (b"host", b"localhost")]
    if account is not None:
        client = Client()
        client.force_login(account)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    return WebsocketCommunicator(application, f"/ws/queue/?{query}", headers=headers)


@pytest.fixture
def ann():
    return factories.account()


async def told(job: Job) -> None:
    await sync_to_async(live.publish)(job)


async def test_a_page_gets_the_whole_state_when_it_connects(ann):
    job = await sync_to_async(factories.job)(ann)
    page = await sync_to_async(socket)(ann)
    assert (await page.connect())[0]
    state = await page.receive_from()
    assert f'id="job-{job.pk}"' in state
    assert 'id="jobs"' in state
    assert 'id="queue-count"' in state
    await page.disconnect()


async def test_a_page_that_shows_the_present_state_gets_the_count_only(ann):
    await sync_to_async(factories.job)(ann)
    jobs = await sync_to_async(live.rows)(ann, live.View("queue"))
    page = await sync_to_async(socket)(ann, f"view=queue&state={live.state_of(jobs)}")
    await page.connect()
    state = await page.receive_from()
    assert 'id="jobs"' not in state
    assert 'id="queue-count"' in state
    await page.disconnect()


async def test_two_pages_of_one_owner_get_the_same_change(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    pages = [await sync_to_async(socket)(ann) for _ in range(2)]
    for page in pages:
        await page.connect()
        await page.receive_from()
    await sync_to_async(job.advance)(1, 0.42, "Encoding", 8.0)
    await told(job)
    first, second = [await page.receive_from(timeout=3) for page in pages]
    # The clock of a running job is each page's own.
    assert CLOCK.sub("", first) == CLOCK.sub("", second)
    assert "42" in first
    for page in pages:
        await page.disconnect()


async def test_many_changes_at_once_become_few_pushes_and_the_last_one_is_the_truth(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await page.receive_from()
    for step in range(1, 21):
        await sync_to_async(job.advance)(1, step / 20, f"Step {step}", None)
        await told(job)
    pushes = []
    while not pushes or f'data-version="{job.version}"' not in pushes[-1]:
        pushes.append(await page.receive_from(timeout=3))
    assert len(pushes) <= 3
    assert "Step 20" in pushes[-1]
    await page.disconnect()


async def test_nobody_hears_of_the_jobs_of_others(ann):
    eve = await sync_to_async(factories.account)("eve@example.org")
    page = await sync_to_async(socket)(eve)
    await page.connect()
    assert "job-" not in await page.receive_from()
    await told(await sync_to_async(factories.job)(ann))
    assert await page.receive_nothing(timeout=0.5)
    await page.disconnect()


async def test_a_message_meant_for_one_video_of_somebody_else_shows_nothing(ann):
    theirs = await sync_to_async(factories.job)(await sync_to_async(factories.account)("eve@example.org"))
    page = await sync_to_async(socket)(ann, f"view=video&video={theirs.video_id}")
    await page.connect()
    assert f"job-{theirs.pk}" not in await page.receive_from()
    await page.disconnect()


async def test_a_nonsense_video_id_does_not_break_the_socket(ann):
    page = await sync_to_async(socket)(ann, "view=video&video=nonsense")
    assert (await page.connect())[0]
    await page.receive_from()
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
    await page.receive_from()
    await page.disconnect()
    await told(await sync_to_async(factories.job)(ann))
    await asyncio.sleep(0.1)
    assert await page.receive_nothing()


async def test_a_page_whose_session_ended_hears_no_more(ann):
    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await page.receive_from()
    await sync_to_async(Session.objects.all().delete)()
    await told(job)
    assert (await page.receive_output(timeout=3))["code"] == 4401


async def test_a_page_is_sent_away_while_the_database_is_away(ann, monkeypatch):
    def away(*args):
        raise OperationalError("gone away")

    job = await sync_to_async(factories.job)(ann, status=Job.Status.RUNNING)
    page = await sync_to_async(socket)(ann)
    await page.connect()
    await page.receive_from()
    monkeypatch.setattr(live, "rows", away)
    await told(job)
    assert (await page.receive_output(timeout=3))["code"] == 1013
