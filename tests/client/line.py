"""A line between client and site that may be slow, and that a test may cut."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

BLOCK = 16 << 10


class Line:
    """Passes on what comes to `url`. `rate` is in bytes a second each way (None: as fast as it goes); `up` and `down`
    count the bytes that have passed. Of the next request that begins with `lose` the answer gets lost."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.rate: int | None = None
        self.up = self.down = 0
        self.lose = b""
        self._unanswered: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(self._target)
                self._open |= {here, there}
                threading.Thread(target=self._pass, args=(here, there, "up"), daemon=True).start()
                threading.Thread(target=self._pass, args=(there, here, "down"), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(BLOCK):
                if way == "up" and self.lose and block.startswith(self.lose):
                    self.lose = b""
                    self._unanswered.add(target)
                if source in self._unanswered:
                    break
                if self.rate:
                    time.sleep(len(block) / self.rate)
                target.sendall(block)
                setattr(self, way, getattr(self, way) + len(block))
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def cut(self) -> None:
        """Break what goes over it now; it can be called again at once."""
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()


@contextlib.contextmanager
def line(target: str) -> Iterator[Line]:
    made = Line(target)
    try:
        yield made
    finally:
        made.close()
