"""Between a client and an S3 server: counts what passes, and slows, fails or lies where a test asks for it.

    with Faults(server.port) as faults:
        with faults.inject(Status(503), "GET", "videos/", times=2) as injected:
            ...
        assert injected.hits == 2
        assert faults.received("videos/") < 1_000_000

It runs in threads of the test's own process; other processes reach it by its port. The signatures stay right: they
are made for the host that a client names, which is passed on as it is.
"""

import contextlib
import dataclasses
import http.client
import io
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

BLOCK = 256 * 1024
OF_THE_WAY = {"connection", "keep-alive", "transfer-encoding", "expect"}


@dataclasses.dataclass(frozen=True)
class Status:
    """The server answers with a failure, and does nothing."""

    status: int = 503
    code: str = "SlowDown"


@dataclasses.dataclass(frozen=True)
class Reset:
    """The connection breaks; with `answered`, after the server did what it was asked."""

    answered: bool = False


@dataclasses.dataclass(frozen=True)
class Slow:
    """The answer begins late; with `per_block`, it also drips: so long before each 256 KiB."""

    seconds: float = 0
    per_block: float = 0


@dataclasses.dataclass(frozen=True)
class Truncated:
    """The answer ends after so many bytes of its body."""

    after: int = 1000


@dataclasses.dataclass(frozen=True)
class WrongBytes:
    """One bit of the answer's body is not as it was stored; with `sent`, one of what the client sends."""

    sent: bool = False


@dataclasses.dataclass(frozen=True)
class WrongETag:
    """The answer names another hash than the stored one; with `encrypted`, as a bucket does that encrypts all that it
    is given by a key of KMS."""

    encrypted: bool = False


Fault = Status | Reset | Slow | Truncated | WrongBytes | WrongETag


@dataclasses.dataclass
class Injected:
    """A fault for calls of a method whose address has a piece in it, the next `times` of them."""

    fault: Fault
    method: str
    piece: str
    times: int
    hits: int = 0


@dataclasses.dataclass
class Call:
    """One request: its method, its address with bucket and query, percent-decoded; bytes of both bodies."""

    method: str
    address: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0
    received: int = 0


class Faults:
    """The way to the server at `upstream`, by a port of its own."""

    def __init__(self, upstream: int, host: str = "127.0.0.1", port: int = 0) -> None:
        self.upstream = upstream
        self.calls: list[Call] = []
        self._injected: list[Injected] = []
        self._lock = threading.Lock()
        self._server = _Server((host, port), _Handler)
        self._server.faults = self
        self.port = int(self._server.server_address[1])
        self.endpoint = f"http://{host}:{self.port}"

    def __enter__(self) -> "Faults":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextlib.contextmanager
    def inject(self, fault: Fault, method: str = "", piece: str = "", times: int = 1) -> Iterator[Injected]:
        """Have it happen to the next `times` calls of this method whose decoded address holds `piece`."""
        injected = Injected(fault, method, piece, times)
        with self._lock:
            self._injected.append(injected)
        try:
            yield injected
        finally:
            with self._lock:
                self._injected.remove(injected)

    def take(self, call: Call) -> Fault | None:
        """What is to happen to a call, which is noted."""
        with self._lock:
            self.calls.append(call)
            for injected in self._injected:
                fits = injected.method in ("", call.method) and injected.piece in call.address
                if fits and injected.hits < injected.times:
                    injected.hits += 1
                    return injected.fault
        return None

    def forget(self) -> None:
        """Count from nothing."""
        with self._lock:
            self.calls.clear()

    def made(self, method: str, piece: str = "") -> list[Call]:
        with self._lock:
            return [call for call in self.calls if call.method == method and piece in call.address]

    def received(self, piece: str = "") -> int:
        """Bytes that clients were sent of what has `piece` in its address."""
        with self._lock:
            return sum(call.received for call in self.calls if piece in call.address)

    def sent(self, piece: str = "") -> int:
        """Bytes that clients sent to what has `piece` in its address."""
        with self._lock:
            return sum(call.sent for call in self.calls if piece in call.address)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    faults: Faults

    def shutdown_request(self, request: Any) -> None:
        """Close and no more: what is said before would keep a broken connection from looking broken."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    upstream: http.client.HTTPConnection | None = None

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        if self.upstream:
            self.upstream.close()

    def log_message(self, *_: object) -> None:
        pass

    def do_any(self) -> None:
        call = Call(self.command, unquote(self.path), {name.lower(): value for name, value in self.headers.items()})
        fault = self.server.faults.take(call)
        if isinstance(fault, Status):
            self._refuse(call, fault)
        elif isinstance(fault, Reset) and not fault.answered:
            self._break()
        else:
            self._pass_on(call, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_any

    def _refuse(self, call: Call, fault: Status) -> None:
        for block in self._body():
            call.sent += len(block)
        call.status = fault.status
        said = f"<Error><Code>{fault.code}</Code><Message>As the test asked.</Message></Error>".encode()
        self.send_response(fault.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    def _break(self) -> None:
        """End the connection as a machine does that loses power: without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _pass_on(self, call: Call, fault: Fault | None) -> None:
        answer = self._ask(call, fault)
        call.status = answer.status
        if isinstance(fault, Reset):
            answer.read()
            self._break()
            return
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() == "etag" and isinstance(fault, WrongETag):
                whole, dash, parts = value.strip('"').partition("-")
                value = f'"{whole[::-1]}{dash}{parts}"'
            if name.lower() not in OF_THE_WAY:
                self.send_header(name, value)
        if isinstance(fault, WrongETag) and fault.encrypted:
            self.send_header("x-amz-server-side-encryption", "aws:kms")
        self._answer_body(call, fault, answer)

    def _ask(self, call: Call, fault: Fault | None) -> http.client.HTTPResponse:
        """Send the request on. A kept connection may have gone stale, so each gets its own."""
        if self.upstream:
            self.upstream.close()
        self.upstream = http.client.HTTPConnection("127.0.0.1", self.server.faults.upstream, timeout=120)
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in OF_THE_WAY - {"transfer-encoding"}:
                self.upstream.putheader(name, value)
        self.upstream.endheaders()
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
        for block in self._body():
            if isinstance(fault, WrongBytes) and fault.sent and not call.sent:
                block = _damaged(block)
            call.sent += len(block)
            self.upstream.send(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
        if chunked:
            self.upstream.send(b"0\r\n\r\n")
        return self.upstream.getresponse()

    def _body(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return
        rest = int(self.headers.get("Content-Length") or 0)
        while rest and (block := self.rfile.read(min(BLOCK, rest))):
            rest -= len(block)
            yield block

    def _answer_body(self, call: Call, fault: Fault | None, answer: http.client.HTTPResponse) -> None:
        chunked = answer.chunked and self.command != "HEAD"
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in iter(lambda: answer.read(BLOCK), b""):
            if isinstance(fault, Slow):
                time.sleep(fault.per_block)
            if isinstance(fault, WrongBytes) and not fault.sent and not call.received:
                block = _damaged(block)
            if isinstance(fault, Truncated):
                block = block[: fault.after - call.received]
            call.received += len(block)  # before: who has the last of it may ask at once how much it was
            _send(self.wfile, block, chunked)
            if isinstance(fault, Truncated) and call.received >= fault.after:
                self.close_connection = True
                return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")


def _send(file: io.BufferedIOBase, block: bytes, chunked: bool) -> None:
    file.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)


def _damaged(block: bytes) -> bytes:
    middle = len(block) // 2
    return block[:middle] + bytes([block[middle] ^ 1]) + block[middle + 1 :]
