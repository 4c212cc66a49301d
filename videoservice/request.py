"""One request of the web process: its body on the way in, and its response on the way out.

A form's body is not parsed into memory on the event loop; Django parses it, from a file, in a thread. Before a body is
taken in that would go to the disk, it is found out whether somebody is known.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import IO, Any

from daphne import http_protocol
from django.conf import settings
from twisted.python.failure import Failure

from jobs.auth.credentials import Credentials
from videoservice import tables
from videoservice.admission import UNKNOWN_LIMIT_BYTES, Admission, no_room
from videoservice.channel import Channel
from videoservice.outages import refusal_of
from videoservice.refusals import DISK_FULL, INTERNAL, SIGN_IN, UPGRADING, Refusal

log = logging.getLogger(__name__)
STALL_SECONDS = 300
"""How long a client may take nothing of a response. A paused player may: it asks for the rest again."""
LINGER_SECONDS = 120
"""How long a refused body is read on and thrown away: most clients read the answer only after they have sent it all."""
CHECKERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="credentials")
Message = dict[str, Any]


class WebRequest(http_protocol.WebRequest):
    """One HTTP request, and the producer of its response towards the transport (pause and resume)."""

    channel: Channel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._parsePOSTFormSubmission = False
        self._received = 0
        self._admission = Admission(b"", b"")
        self.is_refused = False
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._has_left = False
        self._on_left: Callable[[], Any] | None = None

    # The body on its way in

    def gotLength(self, length: int | None) -> None:
        path: Any = self.channel._path  # bytes, whatever its annotation says
        self._admission = Admission(self.channel._command, path)
        super().gotLength(0)  # in memory, as long as nobody is known
        if length is not None and length <= UNKNOWN_LIMIT_BYTES:
            return
        credentials = self._credentials()
        if refusal := self._admission.too_large(length or 0):
            self._refuse(refusal)
        elif credentials:
            self.channel.hold()
            judge = partial(credentials.refusal, partial(self._admission.over_quota, length or 0))
            checking = asyncio.get_running_loop().run_in_executor(CHECKERS, judge)
            checking.add_done_callback(partial(self._checked, length))
        elif length is not None:
            self._refuse(SIGN_IN)

    def _credentials(self) -> Credentials:
        scheme, _, secret = (self.getHeader(b"Authorization") or b"").partition(b" ")
        session_key = self.received_cookies.get(settings.SESSION_COOKIE_NAME.encode(), b"")
        return Credentials(
            session_key.decode("latin-1"), secret.strip().decode("latin-1") if scheme.lower() == b"bearer" else ""
        )

    def _checked(self, length: int | None, checking: asyncio.Future[Refusal | None]) -> None:
        """The credentials are good, or not, or nobody can say; whose they are may have no room for so much."""
        if self.channel is None:  # the client left in the meantime
            return
        refusal: Refusal | None = None
        if error := checking.exception():
            known = refusal_of(error) or (None if tables.are_known() else UPGRADING)
            log.error("nobody can say who sends a body: %s", error, exc_info=None if known else error)
            refusal = known or INTERNAL
        elif (found := checking.result()) is None:
            self._admission = dataclasses.replace(self._admission, is_known=True)
            super().gotLength(length)
            refusal = no_room(length or 0)
        elif length is not None:
            refusal = found
        if refusal:
            self._refuse(refusal)
        self.channel.go_on(asks=not refusal)

    def handleContentChunk(self, data: bytes) -> None:
        if self.is_refused:
            return
        self._received += len(data)
        refusal = self._admission.refusal(self._received)
        if not refusal and self._admission.is_known:
            refusal = no_room(0)
        if refusal:
            self._refuse(refusal)
        else:
            self._store(partial(super().handleContentChunk, data))

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self.is_refused and self.content is not None:
            self._store(self.content.flush)
        if self.is_refused:
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
        self.is_refused = True
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

    def when_left(self, call: Callable[[], Any] | None) -> None:
        """Call this when the client leaves, or soon if it has left already; None: nothing any more."""
        self._on_left = call
        if call and self._has_left:
            asyncio.get_running_loop().call_soon(self._tell_left)

    def _tell_left(self) -> None:
        if self._on_left:
            self._on_left()

    def connectionLost(self, reason: Failure) -> None:
        self._can_write.set()
        self._has_left = True
        self._tell_left()
        super().connectionLost(reason)

    def abandon(self) -> None:
        channel = getattr(self, "channel", None)
        if channel is not None and channel.transport is not None:
            channel.transport.abortConnection()
