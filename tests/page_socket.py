"""The socket of a page, spoken byte by byte."""

import base64
import os
import socket
import struct
from urllib.parse import urlsplit

FIN, CONTINUED, TEXT, CLOSE = 0x80, 0, 1, 8


class Socket:
    """A WebSocket (RFC 6455) that can say what no browser would."""

    def __init__(self, url: str, cookie: str, view: str = "bar") -> None:
        """That of a page of the site at this address."""
        parts = urlsplit(url)
        self.connection = socket.create_connection((parts.hostname or "", parts.port or 80))
        self.connection.settimeout(30)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET /ws/queue/?view={view} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Origin: {url}",
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

    def until(self, words: bytes) -> bytes:
        """The next message with these words in it."""
        while True:
            opcode, payload = self.frame()
            assert opcode != CLOSE, payload
            if words in payload:
                return payload

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
