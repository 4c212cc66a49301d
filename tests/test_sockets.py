"""The web process's side of a socket, spoken to byte by byte."""

import base64
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.site import Site
from videoservice.sockets import RECEIVED_BYTES

FIN, CONTINUED, TEXT, CLOSE = 0x80, 0, 1, 8


class Socket:
    """A WebSocket (RFC 6455) that can say what no browser would."""

    def __init__(self, site: Site, cookie: str) -> None:
        self.connection = socket.create_connection(("127.0.0.1", site.port))
        self.connection.settimeout(30)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /ws/queue/?view=bar HTTP/1.1",
            f"Host: 127.0.0.1:{site.port}",
            f"Origin: {site.url}",
            f"Cookie: sessionid={cookie}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        ]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        self.file = self.connection.makefile("rb")
        assert b"101" in self.file.readline()
        while self.file.readline().strip():
            pass

    def send(self, opcode: int, length: int, payload: bytes | None = None) -> None:
        """A frame that says to have this length, with its payload or less."""
        mask = bytes(4)  # as good as any for bytes that are all the same
        head = struct.pack("!BBH", opcode, 0x80 | 126, length) if length > 125 else bytes([opcode, 0x80 | length])
        self.connection.sendall(head + mask + (b"x" * length if payload is None else payload))

    def frame(self) -> tuple[int, bytes]:
        first, length = self.file.read(2)
        if length == 126:
            (length,) = struct.unpack("!H", self.file.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.file.read(8))
        return first & 0x0F, self.file.read(length)

    def closed(self) -> int:
        """The code that it is closed with, whatever comes before."""
        while True:
            opcode, payload = self.frame()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0]

    def dropped(self) -> bool:
        """Whether the other side hangs up without another word."""
        try:
            while self.frame()[0] != CLOSE:
                pass
        except (ConnectionError, ValueError):  # reset, or at its end
            return True
        return False

    def end(self) -> None:
        self.file.close()
        self.connection.close()


@pytest.fixture
def signed_in(site: Site) -> Iterator[Socket]:
    found = Socket(site, site.client("ann@example.org").cookies["sessionid"])
    yield found
    found.end()


def test_a_message_over_the_limit_is_refused_before_it_is_sent(signed_in: Socket):
    signed_in.send(FIN | TEXT, RECEIVED_BYTES + 1, b"")
    assert signed_in.dropped()


def test_a_message_in_many_small_pieces_is_refused_when_it_grows_too_long(signed_in: Socket):
    signed_in.send(TEXT, 1024)
    for _ in range(RECEIVED_BYTES // 1024 - 1):
        signed_in.send(CONTINUED, 1024)
    signed_in.send(CONTINUED, 1, b"")
    assert signed_in.dropped()


def test_a_message_within_the_limit_is_let_in_and_means_nothing(signed_in: Socket):
    assert b"queue-count" in signed_in.frame()[1]
    signed_in.send(FIN | TEXT, RECEIVED_BYTES)
    signed_in.send(FIN | CLOSE, 2, struct.pack("!H", 1000))
    assert signed_in.closed() == 1000


def test_who_is_not_signed_in_is_told_so_by_the_code(site: Site):
    nobody = Socket(site, "none-of-this-site")
    assert nobody.closed() == 4401
    nobody.end()
