"""One connection of the web process: how long it may take, how many there may be, and what is too long in a head.

Twisted's own channel waits without end for a head that comes drop by drop, takes in every body at once, and cuts off
what is too long.
"""

import resource
import time
from collections import Counter
from typing import Any
from weakref import WeakSet

from daphne import http_protocol
from twisted.internet import tcp
from twisted.python.failure import Failure
from twisted.web import http

from videoservice.refusals import Refusal
from videoservice.visitors import visitor

IDLE_SECONDS = 60
"""How long a connection may send nothing between two requests, and how long it may take for PACE_BYTES of a body."""
HEAD_SECONDS = 20
"""How long the head of a request may take from its first byte to its last."""
PACE_BYTES = 16 * 1024
NEW_SECONDS = 0.3
"""How long a new connection counts as one that a request is coming over."""
LINGER_SECONDS = 5
"""How long is read on after an answer that ends the connection: who is still sending might not get it otherwise."""

TOO_SLOW = Refusal(
    "408 Request Timeout",
    "too_slow",
    "The request came too slowly. Look at your connection, then try again.",
    heading="That took too long",
)
ADDRESS_TOO_LONG = Refusal(
    "414 URI Too Long",
    "address_too_long",
    "The address is longer than the server takes. Use a shorter one.",
    heading="The address is too long",
)
HEAD_TOO_LONG = Refusal(
    "431 Request Header Fields Too Large",
    "headers_too_long",
    "Your browser sent more about itself than the server takes. Delete the cookies of this site, then try again.",
    heading="There are too many cookies",
)
NOT_HTTP = Refusal(
    "400 Bad Request",
    "bad_request",
    "The request cannot be read. Send well-formed HTTP.",
    heading="This request could not be understood",
)
CROWD_OF_ONE = Refusal(
    "429 Too Many Requests",
    "too_many_connections",
    "There are too many connections from your address. Close some of them, then try again.",
    heading="Too many connections",
    again=True,
)
CROWD = Refusal(
    "503 Service Unavailable",
    "busy",
    "Too many people are here at the moment. Wait a minute, then try again.",
    heading="Full for a moment",
    again=True,
)


class Crowd:
    """Counts connections, of each address and of all. `most_of_one` 0: one address may have any number."""

    def __init__(self, most_of_one: int, most: int) -> None:
        self._most_of_one, self._most = most_of_one, most
        self._of_each: Counter[str] = Counter()

    def enter(self, address: str) -> None:
        self._of_each[visitor(address)] += 1

    def leave(self, address: str) -> None:
        who = visitor(address)
        self._of_each[who] -= 1
        if not self._of_each[who]:
            del self._of_each[who]

    def refusal(self, address: str) -> Refusal | None:
        """Why the connection that entered last has to go; None when it may stay."""
        if self._most_of_one and self._of_each[visitor(address)] > self._most_of_one:
            return CROWD_OF_ONE
        return CROWD if self._of_each.total() > self._most else None


def most_connections() -> int:
    """Raise the limit on open files as far as it goes. Half of them are for connections, the others for the files and
    the database that their requests need."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard // 2 if hard != resource.RLIM_INFINITY else 2**20


class Connection(tcp.Server):
    """A connection that is counted from its start to its end, whatever is spoken over it in between."""

    hostname: Any
    server: Any
    _is_counted = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.crowd: Crowd = self.server.factory.crowd
        self.crowd.enter(self.hostname)
        self._is_counted = True

    def connectionLost(self, reason: Failure) -> None:
        if self._is_counted:
            self._is_counted = False
            self.crowd.leave(self.hostname)
        super().connectionLost(reason)


class Channel(http.HTTPChannel):
    """HTTP/1.1 on one connection."""

    transport: Any
    _in_head = False
    _paced = 0
    _is_held = False
    _awaits_continue = False
    _is_over = False
    _has_asked = False
    _began = 0.0

    # Time

    def connectionMade(self) -> None:
        super().connectionMade()
        self._began = time.monotonic()
        if refusal := self.transport.crowd.refusal(self.transport.hostname):
            self._is_over = True
            self.transport.write(refusal.raw(b"text/html"))
            self.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        if self._is_over:
            return
        if self._is_in_body:
            self._paced += len(data)
            if self._paced >= PACE_BYTES:
                self._paced = 0
                self.resetTimeout()
        elif not self._handlingRequest and not self._in_head and data:
            self._in_head = True
            self.setTimeout(HEAD_SECONDS)
        super(http.HTTPChannel, self).dataReceived(data)  # the parent's would start the time anew with every byte

    @property
    def _is_in_body(self) -> bool:
        return not self.line_mode and not self._handlingRequest

    @property
    def is_busy(self) -> bool:
        """Whether a request is on its way over it, from its first byte to the end of its answer; of a connection that
        has just begun that is to be expected."""
        if self.transport is None or self._is_over:  # sockets have a protocol of their own
            return False
        is_new = not self._has_asked and time.monotonic() - self._began < NEW_SECONDS
        return is_new or self._in_head or self._is_in_body or bool(self._handlingRequest)

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        if self.factory.is_closing:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return bool(super().checkPersistence(request, version))

    def timeoutConnection(self) -> None:
        if self._is_over:
            self.transport.abortConnection()
        elif self._in_head or self._is_in_body:
            self.refuse(TOO_SLOW)
        else:
            super().timeoutConnection()

    # Length

    def lineReceived(self, line: bytes) -> None:
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.lineLengthExceeded(line)
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse(HEAD_TOO_LONG if self._receivedHeaderSize else ADDRESS_TOO_LONG, line)

    def headerReceived(self, line: bytes) -> bool:
        if self._receivedHeaderCount < self.maxHeaders:
            return super().headerReceived(line)
        self.refuse(HEAD_TOO_LONG)
        return False

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(NOT_HTTP)

    def refuse(self, refusal: Refusal, line: bytes = b"") -> None:
        """Answer what cannot be taken for a request, and hang up. `line` is its first one, as far as it came."""
        if self._is_over:
            return
        self._is_over = self.paused = True
        self.clearLineBuffer()
        if self.requests and self.requests[-1].is_refused:  # it has its answer
            self.loseConnection()
            return
        self.transport.write(refusal.raw(self._accept(line)))
        self.transport.loseWriteConnection()
        self.setTimeout(LINGER_SECONDS)

    def _accept(self, line: bytes) -> bytes:
        """What kind of answer is wanted, as far as the head has been read."""
        accept = self.requests[-1].getHeader(b"Accept") if self.requests else None
        path = getattr(self, "_path", b"") or line.partition(b" ")[2]
        return accept or (b"" if path.startswith(b"/api/") else b"text/html")

    # Bodies

    def allHeadersReceived(self) -> None:
        self._in_head, self._has_asked, self._paced = False, True, 0
        self.setTimeout(IDLE_SECONDS)
        super().allHeadersReceived()

    def hold(self) -> None:
        """Take in nothing until `go_on`."""
        self._is_held = self.paused = True
        self.setTimeout(None)
        self.transport.pauseProducing()

    def go_on(self, *, asks: bool) -> None:
        """Take in the body that was held back; `asks` for it when the client waits to be asked."""
        self._is_held = self.paused = False
        self.setTimeout(IDLE_SECONDS)
        if asks and self._awaits_continue:
            self._send100Continue()
        self._awaits_continue = False
        if not self._waitingForTransport:
            self.transport.resumeProducing()
        self.dataReceived(b"")

    def _send100Continue(self) -> None:
        if self._is_held:
            self._awaits_continue = True
        else:
            super()._send100Continue()

    def resumeProducing(self) -> None:
        super().resumeProducing()
        if self._is_held:
            self.transport.pauseProducing()


class Factory(http_protocol.HTTPFactory):
    """Makes channels, and counts them. Once it `is_closing` each ends with the answer that it gives next."""

    protocol: Any = Channel
    is_closing = False

    def __init__(self, server: Any, crowd: Crowd, request_class: type[http_protocol.WebRequest]) -> None:
        super().__init__(server)
        self.crowd, self._request_class = crowd, request_class
        self._channels: WeakSet[Channel] = WeakSet()

    def buildProtocol(self, addr: Any) -> Any:
        channel: Any = super().buildProtocol(addr)
        channel.requestFactory = self._request_class
        channel.timeOut = HEAD_SECONDS
        self._channels.add(channel)
        return channel

    def log(self, request: Any) -> None:
        """Nowhere: the parent writes a line of each request, which daphne throws away."""

    def busy(self) -> int:
        """How many connections have a request on its way."""
        return sum(channel.is_busy for channel in self._channels)
