"""Django's handler for ASGI, with a request's middleware and view in one thread that others have used before.

Of itself it carries each call of a middleware that knows no coroutines to a thread and back, more than ten times a
request, and has a new thread for every request, with a new connection to the database. Both together cost more than
most requests do. Views that are coroutines still run on the event loop, and answers are sent from there.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import resolve, set_script_prefix

from videoservice import later
from videoservice.admission import Admission
from videoservice.later import Later

Chain = Callable[[HttpRequest], HttpResponseBase]
WhenLeft = Callable[[Callable[[], Any] | None], None]
"""Takes what is to be called when the client leaves; None once that is of no interest any more."""
THREADS = ThreadPoolExecutor(max_workers=settings.WEB_THREADS, thread_name_prefix="request")
"""Started as they are needed. Only one of them computes at a time, so more of them make nobody's answer come earlier:
they take turns until all are late together. With MariaDB each has a connection, of which there are not many."""
UPLOADS = ThreadPoolExecutor(max_workers=settings.WEB_THREADS, thread_name_prefix="upload")
"""For recordings that come: each keeps its thread while it is checked, for seconds, and holds up no page."""
HEALTH = ThreadPoolExecutor(max_workers=2, thread_name_prefix="health")
"""For who asks whether this process can serve, whatever all others wait for."""
STATUS = ThreadPoolExecutor(max_workers=1, thread_name_prefix="status")
"""For who asks how much there is to do: that may wait for the database, and holds up nobody else."""
LIVES = "/healthz"
"""Answered on the event loop, before any thread: a process is ended when this gets no answer."""
POOLS = {"/readyz": HEALTH, "/status": STATUS}


class Handler(ASGIHandler):
    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.handle(scope, receive, send)  # the parent's has a thread made for what is done here

    def __init__(self) -> None:
        super().__init__()
        # They would be carried to a thread of no use to them. Ours look after their own connections.
        for receiver in (close_old_connections, reset_queries):
            request_started.disconnect(receiver)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._answered = patient(in_pools(with_connections(self._whole)))

    async def handle(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """The parent's has two tasks made for each request, one of which waits for the client to leave, and carries the
        end of each response to one thread for all."""
        when_left: WhenLeft = scope.pop("when_left", nobody_leaves)
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            request, refusal = self.create_request(scope, body)
            if request is None:
                await self.send_response(cast(HttpResponseBase, refusal), send)
                return
            await request_started.asend(sender=self.__class__, scope=scope)
            task = asyncio.current_task()
            assert task is not None
            when_left(task.cancel)
            await self._exchange(request, send, lambda: when_left(None))

    async def _exchange(self, request: HttpRequest, send: Any, stay: Callable[[], None]) -> None:
        """Answer a request; what is still to be done for one whose client has left is given up, as by the parent."""
        response: HttpResponseBase | None = None
        try:
            response = await self.run_get_response(request)
            await self.send_response(response, send)
        except asyncio.CancelledError:
            pass
        finally:
            stay()
            if response is None:
                await request_finished.asend(sender=self.__class__)
            elif not response.closed:
                await sync_to_async(response.close, thread_sensitive=False, executor=pool_of(request))()

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await self._answered(request)

    def _whole(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, all in this thread; also its end, unless something of it is still to come."""
        set_script_prefix(get_script_prefix(request.scope))  # type: ignore[attr-defined]
        response = self.get_response(request)
        if not response.streaming and not isinstance(response, Later):
            response._handler_class = self.__class__  # type: ignore[attr-defined]
            response.close()
        return response


def nobody_leaves(call: Callable[[], Any] | None) -> None:
    """For servers that do not tell."""


def in_pools(chain: Chain) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    """The chain in a thread of the pool that a request belongs to."""
    pools = (THREADS, UPLOADS, *POOLS.values())
    every = {pool: sync_to_async(chain, thread_sensitive=False, executor=pool) for pool in pools}

    async def answered(request: HttpRequest) -> HttpResponseBase:
        if request.path == LIVES:
            found: HttpResponseBase = await resolve(LIVES).func(request)
            found.close()  # here, as a thread may not be free
            return found
        return await every[pool_of(request)](request)

    return answered


def pool_of(request: HttpRequest) -> ThreadPoolExecutor:
    if request.path in POOLS:
        return POOLS[request.path]
    return UPLOADS if Admission((request.method or "").encode(), request.path.encode()).takes_recordings else THREADS


def patient(chain: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> Any:
    """Asks again for an answer that is to come later, and holds no thread until then."""

    @functools.wraps(chain)
    async def answered(request: HttpRequest) -> HttpResponseBase:
        later.allow(request)
        response = await chain(request)
        if isinstance(response, Later):
            await response.wait()
            later.forbid(request)
            response = await chain(request)
        return response

    return answered


def with_connections(chain: Chain) -> Chain:
    """What Django does with the connections of its thread before and after a request, in ours."""

    @functools.wraps(chain)
    def answered(request: HttpRequest) -> HttpResponseBase:
        reset_queries()
        close_old_connections()
        try:
            return chain(request)
        finally:
            close_old_connections()

    return answered
