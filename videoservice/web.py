"""Daphne with bounds: what it does not do by itself about large bodies, slow readers and stopping.

- A form's body is not parsed into memory on the event loop; Django parses it, from a file, in a thread.
- A body over the limit of its address, or a large one from nobody, is refused as soon as its length is known, and never
  stored.
- The body goes to Django block by block instead of all at once into a queue.
- A response waits for the client to take what was sent, instead of piling up in memory.
- On SIGTERM, requests under way may end before the process does.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from io import BytesIO
from typing import IO, Any

from daphne import http_protocol, server
from django.conf import settings
from twisted.internet import defer
from twisted.python.failure import Failure

from videoservice.admission import Admission
from videoservice.outages import FULL
from videoservice.refusals import DISK_FULL, Refusal

log = logging.getLogger(__name__)
BLOCK = 256 * 1024
IDLE_SECONDS = 60
"""How long a connection may send nothing in the middle of a request, or between two."""
STALL_SECONDS = 300
"""How long a client may take nothing of a response. A paused player may: it asks for the rest again."""
LINGER_SECONDS = 120
"""How long a refused body is read on and thrown away: most clients read the answer only after they have sent it all."""
GRACE_SECONDS = 6
"""How long requests under way may go on after SIGTERM."""
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = dict[str, Any]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class WebRequest(http_protocol.WebRequest):
    """One HTTP request, and the producer of its response towards the transport (pause and resume)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._parsePOSTFormSubmission = False
        self._received = 0
        self._admission = Admission(b"", b"", is_known=False)
        self._refused = False
        self._can_write = asyncio.Event()
        self._can_write.set()

    # The body on its way in

    def gotLength(self, length: int | None) -> None:
        path: Any = self.channel._path  # bytes, whatever its annotation says
        self._admission = Admission(self.channel._command, path, self._names_somebody())
        super().gotLength(length)
        if refusal := self._admission.refusal(length or 0):
            self._refuse(refusal)

    def _names_somebody(self) -> bool:
        session = settings.SESSION_COOKIE_NAME.encode()
        return session in self.received_cookies or self.requestHeaders.hasHeader(b"Authorization")

    def handleContentChunk(self, data: bytes) -> None:
        if self._refused:
            return
        self._received += len(data)
        if refusal := self._admission.refusal(self._received):
            self._refuse(refusal)
        else:
            self._store(partial(super().handleContentChunk, data))

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self._refused and self.content is not None:
            self._store(self.content.flush)
        if self._refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def _store(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            log.error("a body could not be stored: %s", error)
            self._refuse(DISK_FULL)

    def _refuse(self, refusal: Refusal) -> None:
        self._refused = True
        with contextlib.suppress(OSError):  # what is left in its buffer does not fit on the disk
            self.take_body().close()
        self.requestHeaders.removeHeader(b"Expect")  # nobody is to go on and send it
        self.channel.write(refusal.raw(self.getHeader(b"Accept") or b""))
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.abandon)

    def take_body(self) -> IO[bytes]:
        """The body as a file, which is the caller's to close."""
        assert self.content is not None
        body: IO[bytes] = self.content
        self.content = BytesIO()
        return body

    # The response on its way out

    def handle_reply(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self.channel is not None and not self.producer:
            self.registerProducer(self, True)
        super().handle_reply(message)

    def pauseProducing(self) -> None:
        self._can_write.clear()

    def resumeProducing(self) -> None:
        self._can_write.set()

    def stopProducing(self) -> None:
        self._can_write.set()

    async def writable(self) -> None:
        """Wait until the client has taken what was sent; give up on one that takes nothing."""
        if self._can_write.is_set():
            return
        try:
            async with asyncio.timeout(STALL_SECONDS):
                await self._can_write.wait()
        except TimeoutError:
            self.abandon()

    def finish(self) -> None:
        if self.producer and self.channel is not None:
            self.unregisterProducer()
        super().finish()

    def connectionLost(self, reason: Failure) -> None:
        self._can_write.set()
        super().connectionLost(reason)

    def abandon(self) -> None:
        channel = getattr(self, "channel", None)
        if channel is not None and channel.transport is not None:
            channel.transport.abortConnection()


class HTTPFactory(http_protocol.HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = WebRequest
        protocol.timeOut = IDLE_SECONDS
        return protocol


server.HTTPFactory = HTTPFactory  # type: ignore[misc] # daphne offers no other way to choose it


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
    await send({"type": "http.response.start", "status": int(refusal.status[:3]), "headers": headers})
    await send({"type": "http.response.body", "body": content})


class Server(server.Server):
    """Serves an application on a socket that listens already. `run` returns after SIGTERM or SIGINT."""

    def __init__(self, application: Application, listening: socket.socket, **options: Any) -> None:
        super().__init__(
            by_blocks(application),
            endpoints=[f"fd:fileno={listening.fileno()}"],
            # A client that left does not end the check of its upload.
            application_close_timeout=3600,
            websocket_max_message_size=64 * 1024,
            websocket_max_frame_size=64 * 1024,
            server_name="",
            **options,
        )
        self.ports: list[Any] = []

    def create_application(self, protocol: Any, scope: Scope) -> Any:
        if isinstance(protocol, WebRequest):
            scope["body_file"] = protocol.take_body()
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: Message) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, WebRequest):
            await protocol.writable()

    def listen_success(self, port: Any) -> None:
        self.ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> defer.Deferred[None]:
        """Called before the reactor stops."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._wind_down()))

    async def _wind_down(self) -> None:
        for port in self.ports:
            port.stopListening()
        requests = self._under_way(WebRequest)
        if requests:
            log.info("waiting for %d requests under way", len(requests))
            await asyncio.wait(requests, timeout=GRACE_SECONDS)
        rest = self._under_way(object)
        for application in rest:
            application.cancel()
        if rest:
            await asyncio.wait(rest, timeout=1)

    def _under_way(self, kind: type) -> list[asyncio.Future[None]]:
        found = [
            details.get("application_instance")
            for protocol, details in self.connections.items()
            if isinstance(protocol, kind)
        ]
        return [application for application in found if application is not None and not application.done()]


def listen(address: str, port: int) -> socket.socket:
    """A socket that listens. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(256)
    except OSError:
        listening.close()
        raise
    return listening
