"""Requests to addresses that people give: a recording to fetch, a webhook to call.

Nothing of what is there is trusted. A request goes to addresses that were looked at (`destination`), past any proxy of
the environment, with the right name and certificate; head, body and time are bounded, and each redirect is looked at as
if it had been given. Python's own client does one request over one connection, and nothing by itself: no redirects, no
tries, no decoding.
"""

import contextlib
import dataclasses
import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from jobs.errors import InputError
from jobs.services import destination
from jobs.services.destination import Address, AddressRefused, Destination, Unreachable
from jobs.wording import size

__all__ = ["AddressRefused", "Answer", "Limits", "TooLarge", "TooSlow", "Unreachable", "check", "request"]

BLOCK = 256 * 1024
REDIRECTS = (301, 302, 303, 307, 308)
AGENT = "videoservice"
ENDED = (http.client.IncompleteRead, http.client.RemoteDisconnected)


class TooSlow(Unreachable):
    """It took longer than it may."""

    code = "too_slow"


class TooLarge(InputError):
    """More came than may."""

    code = "too_large"


@dataclasses.dataclass(frozen=True)
class Limits:
    """Seconds to connect, between two pieces that arrive, and in all (redirects and the whole body with them); bytes of
    the head, and of the body."""

    connect_seconds: float = 10
    silence_seconds: float = 20
    total_seconds: float = 60
    head_bytes: int = 32 * 1024
    body_bytes: int = 64 * 1024


def check(url: str) -> str:
    """The address as it will be asked, without asking anybody: to be called when one is typed. Raises
    AddressRefused."""
    return destination.parse(url).url


@contextlib.contextmanager
def request(
    method: str,
    url: str,
    *,
    private: bool,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: Limits = Limits(),
    redirects: int = 0,
) -> Iterator["Answer"]:
    """The answer to a request; its body is read within the block. With `private`, this machine and private networks may
    be asked. At most so many `redirects` are followed; one more is refused, and with 0 the answer is the redirect.

    Raises AddressRefused, TooLarge, TooSlow and Unreachable, the last three also while the body is read.
    """
    target = destination.parse(url)
    with _Clock(limits) as clock:
        for followed in range(redirects + 1):
            answer = _asked(method, target, private, {"User-Agent": AGENT, **(headers or {})}, body, clock)
            with contextlib.closing(answer):
                if not (redirects and answer.leads_on):
                    yield answer
                    return
                if followed < redirects:
                    target = _next(target, answer)
    raise Unreachable(f"{target.place} leads on more than {redirects} times. Give the address at its end.")


def _next(target: Destination, answer: "Answer") -> Destination:
    try:
        return destination.parse(_joined(target.url, answer.location))
    except AddressRefused as error:
        raise AddressRefused(f"{target.place} leads on elsewhere. {error.message}", detail=answer.location) from error


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError as error:  # such as brackets with no address in them
        raise AddressRefused("Where to cannot be read.", detail=str(error)) from error


def _asked(
    method: str, target: Destination, private: bool, headers: Mapping[str, str], body: bytes | None, clock: "_Clock"
) -> "Answer":
    found = destination.addresses(target, private=private, seconds=min(clock.left(), clock.limits.connect_seconds))
    connection = _Connection(target, found, clock)
    try:
        with clock.watching(target):
            connection.request(method, target.target, body=body, headers={**headers, "Connection": "close"})
            response = connection.getresponse()
    except BaseException:
        connection.close()
        raise
    return Answer(target, connection, response, clock)


class Answer:
    """What came back. `headers` are found in any case of letters; `url` is where it came from in the end, `place` the
    server there."""

    def __init__(
        self, target: Destination, connection: "_Connection", response: http.client.HTTPResponse, clock: "_Clock"
    ) -> None:
        self._target, self._connection, self._response, self._clock = target, connection, response, clock
        self.status, self.headers = response.status, response.headers
        self.url, self.place = target.url, target.place

    @property
    def location(self) -> str:
        """Where it leads on; "" for nowhere. Servers write it as they do, so bytes are taken for UTF-8."""
        return self.headers.get("Location", "").encode("latin-1", "replace").decode("utf-8", "replace").strip()

    @property
    def leads_on(self) -> bool:
        return self.status in REDIRECTS and bool(self.location)

    def blocks(self) -> Iterator[bytes]:
        """The body as it arrives, undecoded. Raises TooLarge, TooSlow, and Unreachable when it breaks off."""
        expected, received = self._response.length, 0
        limit = self._clock.limits.body_bytes
        while expected is None or received < expected:
            with self._clock.watching(self._target):
                block = self._response.read1(BLOCK)
            if not block:
                break
            received += len(block)
            if received > limit:
                raise TooLarge(f"{self._target.place} sends more than {size(limit)}, which is the limit.")
            yield block
        if expected is not None and received < expected:
            raise Unreachable(f"The connection to {self._target.place} broke off. Try again later.", code="broken_off")

    def beginning(self, count: int) -> bytes:
        """At most `count` bytes of the body; what is wrong after the first of them does not matter."""
        found = b""
        with contextlib.suppress(TooLarge, Unreachable):
            for block in self.blocks():
                found += block
                if len(found) >= count:
                    break
        return found[:count]

    def close(self) -> None:
        self._response.close()
        self._connection.close()


# The connection ------------------------------------------------------------------------------------------------------


class _Clock:
    """Bounds on time. What is read with a limit for each piece may still come a byte at a time, so a timer ends the
    connection below whoever reads: connecting, greeting, head and body alike."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._deadline = time.monotonic() + limits.total_seconds
        self._held: list[socket.socket] = []
        self._rung = threading.Event()
        self._timer = threading.Timer(limits.total_seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> "_Clock":
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        for one in self._held:
            one.close()

    def left(self) -> float:
        """Seconds, at least a moment: 0 would mean not to wait."""
        return max(0.001, self._deadline - time.monotonic())

    def hold(self, connected: socket.socket) -> None:
        """TLS takes a socket over, so a second name for the connection is kept."""
        self._held.append(connected.dup())
        if self._rung.is_set():
            self._ring()

    def _ring(self) -> None:
        self._rung.set()
        for one in list(self._held):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def watching(self, target: Destination) -> Iterator[None]:
        """Turn what the library raises into our errors, and an end that the timer made into TooSlow."""
        try:
            yield
        except Unreachable:
            raise
        except (OSError, http.client.HTTPException) as error:
            if self._rung.is_set():
                raise self._too_slow(target) from error
            raise _why(target, error) from error
        if self._rung.is_set():
            raise self._too_slow(target)

    def _too_slow(self, target: Destination) -> TooSlow:
        return TooSlow(f"{target.place} took longer than {self.limits.total_seconds:.0f} s. Try again later.")


def _why(target: Destination, error: Exception) -> Unreachable:
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"The certificate of {target.place} is not valid ({error.verify_message.rstrip('.')}). "
        return Unreachable(f"{message}Check the address, or tell its operator.", detail=detail, code="certificate")
    if isinstance(error, ssl.SSLError):
        return Unreachable(f"{target.place} does not speak TLS as it should. Check the address.", detail=detail)
    if isinstance(error, TimeoutError):
        return TooSlow(f"{target.place} does not answer. Try again later.", detail=detail)
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"Nobody listens at {target.place}. Check the address, or try later.", detail=detail)
    if isinstance(error, http.client.HTTPException) and not isinstance(error, ENDED):
        return Unreachable(f"{target.place} does not answer as web servers do. Check the address.", detail=detail)
    return Unreachable(
        f"The connection to {target.place} broke off. Try again later.", detail=detail, code="broken_off"
    )


class _Head:
    """The lines of a head, up to a limit: http.client bounds each line and their number, which still is 6 MB."""

    def __init__(self, source: io.BufferedReader, limit: int) -> None:
        self._source, self._left = source, limit

    def readline(self, size: int) -> bytes:
        line = self._source.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        return line

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._source.close()


class _Connection(http.client.HTTPConnection):
    """To addresses that were looked at, under the name that was asked for."""

    def __init__(self, target: Destination, found: list[Address], clock: _Clock) -> None:
        super().__init__(target.host, target.port)
        self.default_port = destination.PORTS[target.scheme]  # which the header Host leaves out
        self._target, self._found, self._clock = target, found, clock
        limit = clock.limits.head_bytes

        class Response(http.client.HTTPResponse):
            fp: Any

            def begin(self) -> None:
                whole, self.fp = self.fp, _Head(self.fp, limit)
                super().begin()
                self.fp = whole if self.fp is not None else None

        self.response_class = Response

    def connect(self) -> None:
        try:
            self.sock = self._connected()
        except (TimeoutError, ConnectionRefusedError):
            raise
        except OSError as error:
            message = f"{self._target.place} cannot be reached. Check the address, or try again later."
            raise Unreachable(message, detail=str(error)) from error
        self._clock.hold(self.sock)
        self.sock.settimeout(self._clock.limits.silence_seconds)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._target.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._target.host)

    def _connected(self) -> socket.socket:
        """To the first that takes us, in the order of the resolver; the time to connect is for all of them together."""
        last: OSError = OSError("no address")
        ends = time.monotonic() + min(self._clock.limits.connect_seconds, self._clock.left())
        for position, address in enumerate(self._found):
            share = (ends - time.monotonic()) / (len(self._found) - position)
            try:
                return socket.create_connection((str(address), self._target.port), timeout=max(0.001, share))
            except OSError as error:
                last = error
        raise last
