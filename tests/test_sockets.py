"""The web process's side of a socket, spoken to byte by byte."""

import struct
from collections.abc import Iterator

import pytest
from twisted.internet.abstract import FileDescriptor

from tests.page_socket import CLOSE, CONTINUED, FIN, TEXT, Socket
from tests.site import Site
from videoservice.sockets import RECEIVED_BYTES, WebSocketProtocol


@pytest.fixture
def signed_in(site: Site) -> Iterator[Socket]:
    found = Socket(site.url, site.client("ann@example.org").cookies["sessionid"])
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
    nobody = Socket(site.url, "none-of-this-site")
    assert nobody.closed() == 4401
    nobody.end()


def test_what_a_page_has_not_taken_is_counted_wherever_it_lies():
    class Wire(FileDescriptor):
        """A connection that takes as much at a time as it is told."""

        connected, takes = 1, 0

        def startWriting(self):
            pass

        def stopWriting(self):
            pass

        def writeSomeData(self, data):
            return min(self.takes, len(data))

    page = WebSocketProtocol()
    page.transport = wire = Wire()
    assert page.unsent_bytes() == 0
    wire.write(b"x" * 100)
    assert page.unsent_bytes() == 100
    wire.takes = 30
    wire.doWrite()
    wire.write(b"x" * 50)
    assert page.unsent_bytes() == 120
    wire.takes = 200
    for _ in range(3):
        wire.doWrite()
    assert page.unsent_bytes() == 0
