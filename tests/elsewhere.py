"""A server that is not ours: real sockets on this machine, which answer as a test says."""

import contextlib
import datetime
import email
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answering = Callable[[socket.socket, bytes], None]
"""What to do with a connection, and the head of the request that came over it."""


class Elsewhere:
    """Listens on a port of 127.0.0.1. `heads` are the requests that came, with what of a body came along."""

    def __init__(self, answering: Answering, *, tls: ssl.SSLContext | None = None) -> None:
        self.answering, self.tls, self.heads = answering, tls, list[bytes]()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.open: list[socket.socket] = []

    def __enter__(self) -> "Elsewhere":
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()
        for one in self.open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            if self.tls:
                connection = opened.enter_context(self.tls.wrap_socket(connection, server_side=True))
                self.open.append(connection)
            opened.enter_context(connection)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (block := connection.recv(65536)):
                    return
                head += block
            self.heads.append(head)
            self.answering(connection, head)


def said(status: str, *headers: str, body: bytes = b"") -> bytes:
    """A whole answer, with the length of its body unless a header says otherwise."""
    length = [] if any(line.lower().startswith(("content-length", "transfer-")) for line in headers) else [len(body)]
    lines = [f"HTTP/1.1 {status}", *headers, *(f"Content-Length: {count}" for count in length)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def always(status: str, *headers: str, body: bytes = b"") -> Answering:
    return lambda connection, head: connection.sendall(said(status, *headers, body=body))


def certified(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """What a server of these names needs, and the file of who vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.DNSName(one) if not one[0].isdigit() else _address(one) for one in names]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(certificate.public_bytes(pem) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file


def _address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


class Recording:
    """A file on another server, as real ones serve it: ranges, an ETag, a date. `breaks` are after how many bytes of an
    answer the connection is dropped, one for each request; `pause` is waited between two pieces of `piece` bytes. A
    range brings at most `largest` bytes, and its answer has a length of its own only with `lengths`; `total` is
    how long it says that all is, and `partial` headers take the place of others there."""

    def __init__(
        self,
        data: bytes,
        *,
        breaks: list[int] | None = None,
        piece: int = 65536,
        pause: float = 0,
        largest: int | None = None,
        lengths: bool = True,
        total: str | None = None,
        partial: dict[str, str | None] | None = None,
        **headers: str | None,
    ) -> None:
        self.data, self.breaks, self.piece, self.pause = data, list(breaks or []), piece, pause
        self.largest, self.lengths, self.partial = largest, lengths, partial or {}
        self.total = total or str(len(data))
        self.headers: dict[str, str | None] = {"ETag": '"1"', "Accept-Ranges": "bytes", "Content-Type": "video/mp4"}
        self.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.ranges: list[str] = []

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        asked = email.message_from_bytes(head.partition(b"\r\n")[2])
        self.ranges.append(asked.get("Range", ""))
        start = int(asked["Range"].removeprefix("bytes=").removesuffix("-")) if asked["Range"] else 0
        if start and asked["If-Range"] not in (self.headers["ETag"], self.headers.get("Last-Modified")):
            start = 0
        if start > len(self.data) - 1:
            connection.sendall(said("416 No", f"Content-Range: bytes */{len(self.data)}"))
            return
        part = self.data[start:][: self.largest if start else None]
        headers = dict(self.headers)
        if "Transfer-Encoding" not in headers and (self.lengths or not start):
            headers["Content-Length"] = str(len(part))
        if start:
            headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{self.total}"
            headers |= self.partial
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        connection.sendall("\r\n".join([f"HTTP/1.1 {'206 Part' if start else '200 OK'}", *lines, "", ""]).encode())
        self._send(connection, part[: self.breaks.pop(0)] if self.breaks else part)

    def _send(self, connection: socket.socket, part: bytes) -> None:
        for first in range(0, len(part), self.piece):
            piece = part[first : first + self.piece]
            if "Transfer-Encoding" in self.headers:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            connection.sendall(piece)
            time.sleep(self.pause)
        if "Transfer-Encoding" in self.headers and not self.breaks:
            connection.sendall(b"0\r\n\r\n")
