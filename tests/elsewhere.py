"""A server that is not ours: real sockets on this machine, which answer as a test says."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
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
