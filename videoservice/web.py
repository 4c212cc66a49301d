"""Daphne with bounds: what it does not do by itself about large bodies, slow readers and stopping.

- How long a connection may take and how many there may be: channel.py.
- A body over the limit of its address, or a large one from nobody, is refused before it is taken in, and never stored:
  request.py and admission.py.
- The body goes to Django block by block instead of all at once into a queue.
- A response waits for the client to take what was sent, instead of piling up in memory.
- On SIGTERM, requests under way may end before the process does, and pages are sent to another one.
"""

import asyncio
import logging
import select
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial
from io import BytesIO
from typing import IO, Any

from daphne import server
from django.conf import settings
from twisted.internet import defer

from videoservice import sockets
from videoservice.channel import Connection, Crowd, Factory, most_connections
from videoservice.listening import BACKLOG
from videoservice.outages import FULL
from videoservice.refusals import DISK_FULL, Refusal
from videoservice.request import Message, WebRequest

log = logging.getLogger(__name__)
BLOCK = 256 * 1024
GRACE_SECONDS = 6
"""How long requests under way may go on after SIGTERM."""
LOOK_SECONDS = 0.02
GOODBYE_SECONDS = 1
"""How long pages may take to close their sockets then."""
RESTARTING = 4012
"""Why sockets are closed on SIGTERM. The page comes back at once, to another web process or the next one; 1012, which
says the same, autobahn does not send for applications."""
ACCEPTED_AT_ONCE = 10
"""How many connections a process takes before it looks at what else there is: the others that share its socket have
time to take the next ones."""
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = dict[str, Any]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Body:
    """What one application receives: the body in blocks from its file, then what daphne has to say."""

    def __init__(self, file: IO[bytes], receive: Receive) -> None:
        self._file, self._receive = file, receive
        self.is_read = False

    async def receive(self) -> Message:
        if not self.is_read:
            block = await self._read()
            self.is_read = len(block) < BLOCK
            return {"type": "http.request", "body": block, "more_body": not self.is_read}
        while (message := await self._receive())["type"] == "http.request":
            pass  # daphne's own view of the body, which we took away
        return message

    async def _read(self) -> bytes:
        if isinstance(self._file, BytesIO):
            return self._file.read(BLOCK)
        return await asyncio.get_running_loop().run_in_executor(None, self._file.read, BLOCK)


def by_blocks(application: Application) -> Application:
    """The application, fed from the file that Server leaves in the scope."""

    async def fed(scope: Scope, receive: Receive, send: Send) -> None:
        file = scope.pop("body_file", None)
        if file is None:
            await application(scope, receive, send)
            return
        with file:
            body = Body(file, receive)
            try:
                await application(scope, body.receive, send)
            except OSError as error:
                if body.is_read or error.errno not in FULL:
                    raise
                await answer(scope, send, DISK_FULL)  # Django could not store its copy

    return fed


async def answer(scope: Scope, send: Send, refusal: Refusal) -> None:
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    headers, content = refusal.headers_and_body(accept)
    await send({"type": "http.response.start", "status": refusal.number, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class Server(server.Server):
    """Serves an application on a socket that listens already. `run` returns after SIGTERM or SIGINT.

    `is_shared`: the socket goes on without us, and who waits in its line does not have to be taken at the end.
    """

    def __init__(
        self, application: Application, listening: socket.socket, *, is_shared: bool = False, **options: Any
    ) -> None:
        super().__init__(
            by_blocks(application),
            endpoints=[f"fd:fileno={listening.fileno()}"],
            # A client that left does not end the check of its upload.
            application_close_timeout=3600,
            websocket_max_message_size=0,  # see sockets
            websocket_max_frame_size=0,
            server_name="",
            **options,
        )
        self.ports: list[Any] = []
        self._is_shared = is_shared

    def run(self) -> None:
        crowd = Crowd(settings.CONNECTIONS_PER_ADDRESS, most_connections())
        # daphne offers no other way to choose it
        server.WebSocketFactory = sockets.WebSocketFactory  # type: ignore[misc]
        server.HTTPFactory = partial(Factory, crowd=crowd, request_class=WebRequest)  # type: ignore[misc, assignment]
        super().run()

    def create_application(self, protocol: Any, scope: Scope) -> Any:
        if isinstance(protocol, WebRequest):
            scope["body_file"] = protocol.take_body()
            scope["when_left"] = protocol.when_left
        elif isinstance(protocol, sockets.WebSocketProtocol):
            scope["unsent_bytes"] = protocol.unsent_bytes
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: Message) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, WebRequest):
            await protocol.writable()

    def listen_success(self, port: Any) -> None:
        port.transport = Connection
        port.numberAccepts = ACCEPTED_AT_ONCE
        self.ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> defer.Deferred[None]:
        """Called before the reactor stops."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._wind_down()))

    async def _wind_down(self) -> None:
        for port in self.ports:
            if not self._is_shared:
                take_waiting(port)
            port.factory.is_closing = True
            port.stopListening()
        await self._send_away()
        await self._finish_requests()
        rest = self._under_way(object)
        for application in rest:
            application.cancel()
        if rest:
            await asyncio.wait(rest, timeout=1)

    async def _finish_requests(self) -> None:
        """Answer what is on its way, also if only its first bytes are here: a proxy sends nothing twice that could
        change something."""
        end = time.monotonic() + GRACE_SECONDS
        busy = self._busy()
        if busy:
            log.info("waiting for %d requests under way", busy)
        while self._busy() and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)

    def _busy(self) -> int:
        return max(len(self._under_way(WebRequest)), sum(port.factory.busy() for port in self.ports))

    async def _send_away(self) -> None:
        """Close all sockets, and give their pages a moment to hear it."""
        pages = [protocol for protocol in self.connections if isinstance(protocol, sockets.WebSocketProtocol)]
        for page in pages:
            page.send_away(RESTARTING)
        end = time.monotonic() + GOODBYE_SECONDS
        while any(page.has_page for page in pages) and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)

    def _under_way(self, kind: type) -> list[asyncio.Future[None]]:
        found = [
            details.get("application_instance")
            for protocol, details in self.connections.items()
            if isinstance(protocol, kind)
        ]
        return [application for application in found if application is not None and not application.done()]


def take_waiting(port: Any) -> None:
    """Accept whom the kernel has already connected: it cuts them off when the socket is closed."""
    for _ in range(BACKLOG):
        if not select.select([port.socket], [], [], 0)[0]:
            return
        port.doRead()
