"""Which threads requests are answered in, and that none of them holds up what must go on."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from videoservice import handler

MAKE = RequestFactory()


@pytest.mark.parametrize(
    ("request_", "pool"),
    [
        (MAKE.get("/queue/"), handler.THREADS),
        (MAKE.get("/api/v1/videos"), handler.THREADS),
        (MAKE.get("/uploads/some"), handler.THREADS),
        (MAKE.post("/api/v1/videos"), handler.UPLOADS),
        (MAKE.generic("PATCH", "/uploads/some"), handler.UPLOADS),
        (MAKE.get("/readyz"), handler.HEALTH),
        (MAKE.get("/status"), handler.STATUS),
    ],
)
def test_uploads_and_questions_whether_it_serves_have_threads_of_their_own(request_, pool: ThreadPoolExecutor):
    assert handler.pool_of(request_) is pool


async def test_pages_are_answered_while_every_upload_waits_for_its_check(monkeypatch):
    """And the other way round: so many requests as there are threads run, the next one waits."""
    monkeypatch.setattr(handler, "UPLOADS", ThreadPoolExecutor(2))
    let_go, begun = threading.Event(), threading.Semaphore(0)

    def chain(request):
        if request.method == "POST":
            begun.release()
            assert let_go.wait(30)
        return HttpResponse(request.path)

    answered = handler.in_pools(chain)
    waiting = [asyncio.create_task(answered(MAKE.post("/api/v1/videos"))) for _ in range(3)]
    for _ in range(2):
        assert await asyncio.to_thread(begun.acquire, timeout=30)
    assert not begun.acquire(blocking=False), "the third has no thread"
    assert (await asyncio.wait_for(answered(MAKE.get("/queue/")), 30)).content == b"/queue/"
    assert (await asyncio.wait_for(answered(MAKE.get("/readyz")), 30)).content == b"/readyz"
    let_go.set()
    assert [one.content for one in await asyncio.gather(*waiting)] == [b"/api/v1/videos"] * 3


async def test_a_process_says_that_it_lives_whoever_waits_for_an_answer_to_another_question(monkeypatch):
    let_go, begun = threading.Event(), threading.Semaphore(0)

    def chain(request):
        begun.release()
        assert let_go.wait(30)
        return HttpResponse(request.path)

    answered = handler.in_pools(chain)
    paths = ["/readyz"] * 3 + ["/status"] * 3 + ["/queue/"]
    waiting = [asyncio.create_task(answered(MAKE.get(path))) for path in paths]
    for _ in range(4):
        assert await asyncio.to_thread(begun.acquire, timeout=30), "two, one and one have a thread"
    assert (await asyncio.wait_for(answered(MAKE.get("/healthz")), 30)).content == b'{"ok": true}'
    let_go.set()
    assert [one.content.decode() for one in await asyncio.gather(*waiting)] == paths
