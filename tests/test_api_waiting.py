"""Waiting for the end of a job through the real handler, which holds no thread meanwhile."""

import asyncio
import json
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from jobs import ending
from jobs.live import hearing
from jobs.models import Job, Token
from jobs.services import jobs
from tests import factories
from tests.api import ROOT
from tests.processes import PATIENCE_SECONDS
from videoservice import handler
from videoservice.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann():
    return factories.account("ann@example.org")


@pytest.fixture
def secret(ann):
    return Token.issue(ann)


async def ask(secret, job, wait, **more):
    scope = more | {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"{ROOT}/jobs/{job.pk}",
        "raw_path": b"",
        "query_string": f"wait={wait}".encode(),
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {secret}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    call = ApplicationCommunicator(application, scope)
    await call.send_input({"type": "http.request"})
    return call


async def answer(call, timeout=20):
    head = await call.receive_output(timeout)
    body = await call.receive_output(5)
    return head["status"], json.loads(body["body"]), dict(head["headers"])


def waiting(account) -> int:
    watches = ending.WATCHES.get(asyncio.get_running_loop(), {})
    return sum(len(futures) for futures in watches[account.pk]._waiting.values()) if account.pk in watches else 0


async def until(check, what):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not check():
            await asyncio.sleep(0.05)


async def test_the_answer_comes_when_the_job_ends(ann, secret):
    job = await sync_to_async(factories.job)(ann)
    call = await ask(secret, job, 30)
    assert await call.receive_nothing(0.7)
    begun = time.monotonic()
    await sync_to_async(jobs.cancel)(job)
    status, told, headers = await answer(call)
    assert (status, told["status"]) == (200, "cancelled")
    assert time.monotonic() - begun < 10, "it did not wait for its time to be over"
    assert b"ETag" in headers or b"etag" in headers


async def test_the_answer_comes_when_the_time_is_over(ann, secret):
    job = await sync_to_async(factories.job)(ann)
    status, told, headers = await answer(await ask(secret, job, 0.3))
    assert (status, told["status"]) == (200, "queued")
    assert headers[b"RateLimit-Remaining"] == b"2999", "it counts once"


@pytest.mark.parametrize("status", [Job.Status.SUCCEEDED, Job.Status.FAILED])
async def test_a_job_that_has_ended_is_told_at_once(ann, secret, status):
    job = await sync_to_async(factories.job)(ann, status=status)
    assert (await answer(await ask(secret, job, 60), timeout=30))[1]["status"] == status


async def test_a_job_that_is_deleted_meanwhile_is_a_404(ann, secret):
    job = await sync_to_async(factories.job)(ann)
    call = await ask(secret, job, 30)
    assert await call.receive_nothing(0.5)
    await sync_to_async(jobs.erase)(job)
    assert (await answer(call))[0] == 404


async def test_many_who_wait_hold_no_thread_and_ask_by_one_query(ann, secret, monkeypatch):
    looks, begun = [], time.monotonic()
    monkeypatch.setattr(ending, "under_way", lambda pks, real=ending.under_way: looks.append(len(pks)) or real(pks))
    made = [await sync_to_async(factories.job)(ann) for _ in range(3)]
    calls = [await ask(secret, job, 60) for job in made for _ in range(20)]
    await until(lambda: waiting(ann) == 60, "all to wait")
    await until(lambda: looks and looks[-1] == 3, "a look at what the last of them wait for")
    running = [one for one in threading.enumerate() if one.name.startswith("request")]
    assert handler.THREADS._work_queue.qsize() == 0
    held = len(running) - handler.THREADS._idle_semaphore._value
    assert held <= 0, "no thread is held"
    assert len(looks) <= 10 + (time.monotonic() - begun) / ending.PAUSE_SECONDS, "however many wait"
    for job in made:
        await sync_to_async(jobs.cancel)(job)
    told = await asyncio.gather(*(answer(call) for call in calls))
    assert [one["status"] for _, one, _ in told] == ["cancelled"] * 60
    await asyncio.sleep(0)
    assert not ending.WATCHES[asyncio.get_running_loop()]


async def test_the_end_is_found_while_nothing_is_heard(ann, secret, monkeypatch):
    async def deaf(self, is_ready):
        raise OSError("Redis is away")

    monkeypatch.setattr(hearing.Hearing, "_listen", deaf)
    monkeypatch.setattr(ending, "UNHEARD_SECONDS", 0.5)
    job = await sync_to_async(factories.job)(ann)
    call = await ask(secret, job, 30)
    assert await call.receive_nothing(0.5)
    await sync_to_async(job.cancel)()
    assert (await answer(call))[1]["status"] == "cancelled"


async def test_it_is_listened_again_when_redis_is_back(ann, secret, monkeypatch):
    heard, real = [], hearing.Hearing._listen

    async def deaf_at_first(self, is_ready):
        heard.append(is_ready)
        if len(heard) == 1:
            raise OSError("Redis is away")
        await real(self, is_ready)

    monkeypatch.setattr(hearing.Hearing, "_listen", deaf_at_first)
    monkeypatch.setattr(ending, "UNHEARD_SECONDS", 0.5)
    job = await sync_to_async(factories.job)(ann)
    call = await ask(secret, job, 30)
    assert await call.receive_nothing(1.5)
    assert len(heard) == 2
    monkeypatch.setattr(ending, "UNHEARD_SECONDS", 60)
    await asyncio.sleep(1)  # the look that was under way is over
    begun = time.monotonic()
    await sync_to_async(jobs.cancel)(job)
    assert (await answer(call))[1]["status"] == "cancelled"
    assert time.monotonic() - begun < 10, "it was heard"


async def test_who_has_left_is_waited_for_no_more(ann, secret):
    job, leaving = await sync_to_async(factories.job)(ann), []
    call = await ask(secret, job, 60, when_left=leaving.append)
    await until(lambda: waiting(ann) == 1, "the call to wait")
    leaving[0]()
    await until(lambda: not waiting(ann), "nobody to be waited for")
    await call.wait(PATIENCE_SECONDS)
    assert await call.receive_nothing()
    assert leaving[1:] == [None], "it wants to know nothing more"
