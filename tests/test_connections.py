"""Connections to the web process: how long they may take, how many one visitor may have, what is too long in a head."""

import contextlib
import json
import resource
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.http import Request

from tests.processes import wait_for
from tests.site import Site
from tests.test_serve import answer_of, connect, head
from videoservice import channel
from videoservice.channel import Channel, Crowd

FEW = 8
HTML = {"Accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def small(sites: Any) -> Iterator[Site]:
    """A site that lets few connections of one address in."""
    site = sites.make(only_web=True, CONNECTIONS_PER_ADDRESS=str(FEW))
    yield site
    site.stop()


# Heads ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/" + "a" * 17_000, {}, 414, ""),
        ("/api/v1/" + "a" * 17_000, {}, 414, "address_too_long"),
        ("/api/v1/videos", {"Cookie": "a" * 17_000}, 431, "headers_too_long"),
        ("/", {"Accept": "*/*"} | {f"X-{number}": "a" * 1000 for number in range(17)}, 431, "headers_too_long"),
        ("/", {"Accept": "*/*"} | {f"X-{number}": "a" for number in range(501)}, 431, "headers_too_long"),
        ("/", HTML | {"Cookie": "a" * 17_000}, 431, ""),
        ("/", {"No colon": "", "Accept": "*/*"}, 400, ""),
        ("/", {"Accept": "*/*", "Content-Length": "many"}, 400, "bad_request"),
    ],
)
def test_a_head_that_cannot_be_taken_is_answered(
    site: Site, path: str, headers: dict[str, str], status: int, code: str
):
    with connect(site) as connection:
        connection.sendall(head(site, "GET", path, **headers))
        found, body = answer_of(connection)
        assert found == status
        if code:
            assert json.loads(body)["error"]["code"] == code
        else:
            assert body.startswith("<!doctype html>"), "a page, where nothing else was asked for yet"
        assert connection.recv(1) == b"", "the connection is over"


def test_the_answer_arrives_however_much_is_sent(site: Site):
    with connect(site) as connection:
        with contextlib.suppress(BrokenPipeError):
            for _ in range(64):
                connection.sendall(b"a" * 65536)
        assert answer_of(connection)[0] in (400, 414)


def test_a_long_address_within_the_limit_goes_on(site: Site):
    assert site.client().get("/healthz?" + "a" * 8000, headers={"X-Long": "b" * 7000}).status_code == 200


# Time ----------------------------------------------------------------------------------------------------------------


def test_a_head_that_comes_drop_by_drop_is_ended(site: Site):
    """Each byte comes long before a connection counts as idle."""
    with connect(site) as connection, connect(site) as silent:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        connection.settimeout(1)
        answer = b""
        for _ in range(120):
            with contextlib.suppress(TimeoutError):
                if answer := connection.recv(65536):
                    break
            connection.sendall(b"X-Drop: 1\r\n")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert silent.recv(1) == b"", "and so is one that says nothing at all"


class Transport(StringTransport):
    crowd, hostname = Crowd(0, 10), "127.0.0.1"

    def loseWriteConnection(self) -> None:
        pass


class Body(Request):
    """As much of a request as its channel needs."""

    is_refused = False

    def process(self) -> None:
        raise AssertionError("it is never whole")


@pytest.fixture
def clocked() -> tuple[Channel, StringTransport, Clock]:
    """A channel on a clock that the test moves, in the middle of a body."""
    clock, transport, made = Clock(), Transport(), Channel()
    made.callLater, made.timeOut = clock.callLater, channel.HEAD_SECONDS
    made.factory = SimpleNamespace(is_closing=False)
    made.makeConnection(transport)
    return made, transport, clock


def test_a_body_has_to_keep_a_pace(clocked: tuple[Channel, StringTransport, Clock]):
    made, transport, clock = clocked
    made.requestFactory = Body
    made.dataReceived(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(100):  # fast enough
        made.dataReceived(bytes(channel.PACE_BYTES // 2))
        clock.advance(channel.IDLE_SECONDS * 0.45)
    assert transport.value() == b""
    for _ in range(120):  # a byte each second
        made.dataReceived(b"1")
        clock.advance(1)
    assert transport.value().startswith(b"HTTP/1.1 408 ")


# Numbers -------------------------------------------------------------------------------------------------------------


def test_one_address_cannot_shut_out_the_others(small: Site):
    with contextlib.ExitStack() as stack:
        mine = [stack.enter_context(connect(small)) for _ in range(FEW)]
        for connection in mine:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        more = stack.enter_context(connect(small))
        status, body = answer_of(more)
        assert status == 429 and "your address" in body
        assert more.recv(1) == b""
        other = stack.enter_context(connect(small, source="127.0.0.2"))
        other.sendall(head(small, "GET", "/healthz"))
        assert answer_of(other)[0] == 200
        mine[0].close()
        wait_for(lambda: is_served(small), "a place to be free again")


def test_live_pages_count_until_they_are_closed(small: Site):
    session = small.client("ann@example.org").cookies[settings.SESSION_COOKIE_NAME]
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
        "Origin": small.url,
        "Cookie": f"sessionid={session}",
    }
    wait_for(lambda: is_served(small), "places to be free")
    with contextlib.ExitStack() as stack:
        for _ in range(FEW):
            page = stack.enter_context(connect(small))
            page.sendall(head(small, "GET", "/ws/queue/", **upgrade))
            assert page.recv(12) == b"HTTP/1.1 101"
        assert not is_served(small)
    wait_for(lambda: is_served(small), "places to be free again")


def is_served(site: Site) -> bool:
    with connect(site) as connection:
        connection.sendall(head(site, "GET", "/healthz", Connection="close"))
        try:
            return answer_of(connection)[0] == 200
        except ConnectionResetError:
            return False


def test_behind_a_proxy_its_address_is_not_one_visitor(make_web_site: Callable[..., Site]):
    site = make_web_site(CONNECTIONS_PER_ADDRESS="2", BEHIND_PROXY="1")
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(site))
        assert is_served(site)


def test_all_files_that_the_kernel_allows_may_be_open(site: Site):
    soft, hard = resource.prlimit(site.processes["web"].pid, resource.RLIMIT_NOFILE)
    assert soft == hard


def test_a_crowd_counts_networks_of_ipv6_and_leaves_room_for_files():
    crowd = Crowd(most_of_one=2, most=4)
    for address in ("2001:db8::1", "2001:db8::2", "fe80::1%eth0"):
        crowd.enter(address)
    assert crowd.refusal("2001:db8::3") is None
    crowd.enter("2001:db8::3")
    assert crowd.refusal("2001:db8::3") is channel.CROWD_OF_ONE
    crowd.leave("2001:db8::1")
    assert crowd.refusal("2001:db8::3") is None
    for address in ("::ffff:192.0.2.1", "::ffff:192.0.2.2"):
        crowd.enter(address)
    assert crowd.refusal("192.0.2.2") is channel.CROWD
    for address in ("2001:db8::2", "2001:db8::3"):
        crowd.leave(address)
    crowd.enter("::ffff:192.0.2.3")
    assert crowd.refusal("::ffff:192.0.2.3") is None, "one of three visitors by IPv4"
