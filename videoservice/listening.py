"""The socket that the site listens on. Several web processes may share one, which then outlives each of them: who comes
while one starts again waits in its line."""

import socket

BACKLOG = 4096
"""How many connections may wait to be taken: all pages that come back after a restart. The kernel allows no more."""


def listen(address: str, port: int) -> socket.socket:
    """A socket that listens. Raises OSError."""
    listening = bound(address, port)
    listening.listen(BACKLOG)
    return listening


def bound(address: str, port: int) -> socket.socket:
    """A socket with this address, on which nobody listens yet. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = socket.socket(family)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address, port))
    except OSError:
        found.close()
        raise
    return found


def inherited() -> socket.socket:
    """The one that who started this process has given to it as its standard input. Raises OSError."""
    return socket.socket(fileno=0)
