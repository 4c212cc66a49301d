"""Requests to addresses that people give: where they go, and what they put up with."""

import ipaddress
import itertools
import socket
import ssl
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.services import destination, outbound
from jobs.services.outbound import AddressRefused, Limits, TooLarge, TooSlow, Unreachable
from tests.elsewhere import Answering, Elsewhere, always, certified, said

HURRIED = Limits(connect_seconds=2, silence_seconds=0.5, total_seconds=1.5, body_bytes=100_000)


def got(url: str, *, private: bool = True, limits: Limits = HURRIED, redirects: int = 3) -> bytes:
    with outbound.request("GET", url, private=private, limits=limits, redirects=redirects) as answer:
        return b"".join(answer.blocks())


def refused(url: str, *, private: bool = False) -> str:
    with pytest.raises(AddressRefused) as caught:
        got(url, private=private)
    return caught.value.message


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let the resolver give one answer after the other, the last one for ever. Returns the names that it is asked."""
    asked: list[str] = []
    rest = itertools.chain(answers, itertools.repeat(answers[-1]))
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: object, **options: object) -> list[tuple[object, ...]]:
        if host[0].isdigit() or ":" in host:
            return real(host, port, *args, **options)  # type: ignore[arg-type]
        asked.append(host)
        return [entry for address in next(rest) for entry in real(address, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


# Addresses as they are written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/a.mp4",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "//example.org/a",
        "example.org/a.mp4",
        "http://",
        "http:///a",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org@127.0.0.1/",
        "http://127.0.0.1\\@example.org/",
        "http://exa mple.org/",
        "http://example.org/a\r\nHost: other",
        "http://example.org:port/",
        "http://example.org:0/",
        "http://example.org:22/",
        "http://example.org:25/",
        "http://example.org:6379/",
        "http://example.org:99999/",
        "http://[::1",
        "http://[not-one]/",
        "http://exam_ple..org/",
        "http://-example.org/",
        f"http://example.org/{'a' * 2000}",
        f"http://example.org/{'é' * 1900}",
        f"http://example.org/?{'é' * 1900}",
        f"http://{'a' * 64}.org/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://127.0.0.1.5/",
        "http://1.2.3.999/",
    ],
)
def test_an_address_that_is_no_plain_http_address_is_refused_with_a_sentence_before_anybody_is_asked(url, monkeypatch):
    asked = resolving(monkeypatch, ["127.0.0.1"])
    assert refused(url, private=True).endswith(".")
    assert not asked


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://Example.ORG", "https://example.org/"),
        ("https://example.org:443/a?b#c", "https://example.org/a?b"),
        ("http://example.org:8080/Kurs 1.mp4".replace(" ", "%20"), "http://example.org:8080/Kurs%201.mp4"),
        ("https://bücher.example/größe?q=ü", "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe?q=%C3%BC"),
        ("http://[2001:4860::8888]:8000/", "http://[2001:4860::8888]:8000/"),
        (" https://example.org/a%2Fb ", "https://example.org/a%2Fb"),
    ],
)
def test_an_address_is_asked_as_it_was_written_with_what_needs_it_escaped(url, asked):
    assert outbound.check(url) == asked


@given(st.one_of(st.text(max_size=60), st.text(max_size=60).map(lambda text: f"http://{text}")))
def test_whatever_is_typed_is_asked_as_it_was_looked_at_or_refused(text):
    try:
        asked = outbound.check(text)
    except AddressRefused as refusal:
        assert refusal.message.endswith(".")
    else:
        assert asked.isascii() and not set(asked) & set(" \r\n\\")
        assert outbound.check(asked) == asked


# Where they lead -----------------------------------------------------------------------------------------------------

NOT_PUBLIC = (
    *("127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1"),
    *("100.100.100.199", "fd20:ce::253"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
)
NEVER = (
    *("0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.0.1"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "168.63.129.16"),
    *("::", "fe80::1", "ff02::1", "fec0::1", "2001:db8::1", "3fff::1", "2002:7f00:1::", "2001::1", "5f00::1", "100::1"),
    *("64:ff9b:1::1", "64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("192.0.0.9", "192.0.0.192", "100.100.100.200", "::ffff:192.0.0.192", "64:ff9b::6464:64c8"),
    *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:100::100:200", "fd00:42::42"),
    "fd00:a9fe:a9fe::1",
)


@pytest.mark.parametrize("address", NOT_PUBLIC + NEVER)
def test_what_is_not_on_the_public_internet_is_refused(address):
    assert "public internet" in refused(f"http://[{address}]/" if ":" in address else f"http://{address}/")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_what_is_public_is_allowed(address):
    assert destination.is_allowed(ipaddress.ip_address(address), private=False)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_private_networks_and_this_machine_are_allowed_by_the_setting(address):
    assert destination.is_allowed(ipaddress.ip_address(address), private=True)


@pytest.mark.parametrize("address", NEVER)
def test_links_groups_and_addresses_of_no_machine_are_never_allowed(address):
    assert not destination.is_allowed(ipaddress.ip_address(address), private=True)


def test_a_name_is_refused_when_one_of_its_addresses_is_not_public(monkeypatch):
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    assert "public internet" in refused("http://mixed.example/")


def test_a_name_that_stands_for_another_address_a_moment_later_leads_nowhere_else(monkeypatch):
    """DNS rebinding: what was looked at is what is connected to."""
    with Elsewhere(always("200 OK", body=b"inside")) as inside:
        asked = resolving(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
        with pytest.raises(Unreachable):
            got(f"http://rebinding.example:{inside.port}/")
        assert asked == ["rebinding.example"]
        assert inside.heads == []


def test_a_name_is_asked_under_its_own_name(monkeypatch):
    with Elsewhere(always("200 OK", body=b"found")) as server:
        resolving(monkeypatch, ["127.0.0.1"])
        assert got(f"http://files.example:{server.port}/talk.mp4?x=1") == b"found"
        assert server.heads[0].startswith(b"GET /talk.mp4?x=1 HTTP/1.1\r\n")
        assert f"\r\nHost: files.example:{server.port}\r\n".encode() in server.heads[0]


def test_the_next_address_is_tried_when_nobody_listens_at_the_first(monkeypatch):
    with Elsewhere(always("200 OK", body=b"second")) as server:
        resolving(monkeypatch, ["127.0.0.9", "127.0.0.1"])
        assert got(f"http://two.example:{server.port}/") == b"second"


def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    with Elsewhere(always("200 OK", body=b"proxy")) as proxy, Elsewhere(always("200 OK", body=b"itself")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert got(server.url) == b"itself"
        assert proxy.heads == []


def test_a_name_that_nobody_knows_and_a_resolver_that_hangs_are_told(monkeypatch):
    def fail(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(Unreachable, match="no server of the name"):
        got("http://nowhere.example/")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: time.sleep(30) or [])
    with pytest.raises(Unreachable, match="no server of the name"):
        got("http://hanging.example/", limits=Limits(connect_seconds=0.2))


# Redirects -----------------------------------------------------------------------------------------------------------


def leading(*places: str) -> Answering:
    """Lead on to one place after the other, then to the body "end"."""

    def answer(connection: socket.socket, head: bytes) -> None:
        step = int(head.split()[1].rpartition(b"/")[2] or 0)
        answer = said("302 Found", f"Location: {places[step]}") if step < len(places) else said("200 OK", body=b"end")
        connection.sendall(answer)

    return answer


@pytest.mark.parametrize("place", ["http://127.0.0.1:{port}/1", "http://169.254.169.254/latest/", "http://localhost/"])
def test_a_redirect_to_the_inside_is_refused(place, monkeypatch):
    """The first address is taken for public; what it leads to is looked at as if it had been given."""
    with Elsewhere(always("200 OK", body=b"secret")) as inside:
        target = place.format(port=inside.port)
        with Elsewhere(leading(target)) as server:
            allowed = destination.is_allowed
            first = [True]

            def is_allowed(address: destination.Address, *, private: bool) -> bool:
                return bool(first and first.pop()) or allowed(address, private=private)

            monkeypatch.setattr(destination, "is_allowed", is_allowed)
            assert "public internet" in refused(f"{server.url}/0")
            assert len(server.heads) == 1
            assert inside.heads == []


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://a:b@127.0.0.1/", "gopher://127.0.0.1/", "http://["])
def test_a_redirect_to_no_plain_http_address_is_refused(place):
    with Elsewhere(leading(place)) as server:
        assert "leads on elsewhere" in refused(f"{server.url}/0", private=True)


def test_redirects_are_followed_up_to_a_number_also_relative_ones():
    with Elsewhere(leading("/1", "./2", "3")) as server:
        assert got(f"{server.url}/0") == b"end"
        with pytest.raises(Unreachable, match="more than 2 times"):
            got(f"{server.url}/0", redirects=2)


def test_without_redirects_the_answer_is_the_redirect():
    with (
        Elsewhere(leading("/1")) as server,
        outbound.request("POST", f"{server.url}/0", private=True, body=b"{}", headers={"X-Own": "1"}) as answer,
    ):
        assert (answer.status, answer.location) == (302, "/1")
    assert b"X-Own: 1\r\n" in server.heads[0]


# What it puts up with ------------------------------------------------------------------------------------------------


def dripping(first: bytes, piece: bytes) -> Answering:
    """Never long without a byte, and never done."""

    def answer(connection: socket.socket, head: bytes) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(piece)
            time.sleep(0.1)

    return answer


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        said("200 OK", "Content-Length: 90000"),
        said("200 OK", "Transfer-Encoding: x"),
    ],
)
def test_an_answer_that_comes_a_byte_at_a_time_ends_with_the_time_in_all(first):
    with Elsewhere(dripping(first, b"1")) as server:
        began = time.monotonic()
        with pytest.raises(TooSlow, match=r"longer than 2 s|longer than 1 s"):
            got(server.url)
        assert time.monotonic() - began < 10  # it would go on for hours


def test_a_server_that_says_nothing_is_given_up():
    with Elsewhere(lambda connection, head: time.sleep(30)) as server, pytest.raises(TooSlow, match="does not answer"):
        got(server.url)


@pytest.mark.parametrize(
    "headers", [["Transfer-Encoding: chunked"], ["Connection: close", "Content-Length: 999999999"]]
)
def test_an_endless_body_ends_at_the_limit(headers):
    piece = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"

    def answer(connection: socket.socket, head: bytes) -> None:
        connection.sendall(said("200 OK", *headers))
        while True:
            connection.sendall(piece)

    with Elsewhere(answer) as server, pytest.raises(TooLarge, match="sends more than"):
        got(server.url, limits=Limits(body_bytes=100_000))


def test_only_the_beginning_of_a_body_is_read_where_no_more_is_wanted():
    with (
        Elsewhere(always("500 Oh", body=b"x" * 90_000)) as server,
        outbound.request("POST", server.url, private=True, limits=HURRIED) as answer,
    ):
        assert (answer.status, answer.beginning(100)) == (500, b"x" * 100)


@pytest.mark.parametrize(
    "head", [b"X-Long: " + b"x" * 50_000, b"\r\n".join(b"X-%d: %s" % (n, b"y" * 900) for n in range(60))]
)
def test_a_head_that_is_too_long_is_refused(head):
    with (
        Elsewhere(lambda connection, _: connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")) as server,
        pytest.raises(Unreachable, match="not answer as web servers do"),
    ):
        got(server.url)


def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one():
    for headers, body in (["Content-Length: 100"], b"x" * 50), (["Transfer-Encoding: chunked"], b"64\r\nxxx"):
        with Elsewhere(always("200 OK", *headers, body=body)) as server, pytest.raises(Unreachable) as caught:
            got(server.url)
        assert caught.value.code == "broken_off"


@pytest.mark.parametrize("answer", [b"", b"\x00\x01\x02\x03\r\n", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 OK\r\n\r\n"])
def test_what_does_not_speak_http_is_told(answer):
    with Elsewhere(lambda connection, _: connection.sendall(answer)) as server, pytest.raises(Unreachable):
        got(server.url)


# Certificates --------------------------------------------------------------------------------------------------------


@pytest.fixture
def vouched(tmp_path, monkeypatch) -> Callable[..., ssl.SSLContext]:
    """Make a server's certificate for names, from somebody whom this process trusts."""

    def make(*names: str) -> ssl.SSLContext:
        context, authority = certified(tmp_path, *names)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        return context

    return make


def test_a_name_is_asked_with_its_certificate_at_the_address_that_was_looked_at(vouched, monkeypatch):
    with Elsewhere(always("200 OK", body=b"safe"), tls=vouched("files.example")) as server:
        resolving(monkeypatch, ["127.0.0.1"])
        asked: list[str | None] = []
        server.tls.sni_callback = lambda one, name, context: asked.append(name)  # type: ignore[union-attr]
        assert got(f"https://files.example:{server.port}/") == b"safe"
        assert asked == ["files.example"]


def test_a_certificate_of_another_name_is_refused(vouched, monkeypatch):
    with Elsewhere(always("200 OK", body=b"safe"), tls=vouched("other.example")) as server:
        resolving(monkeypatch, ["127.0.0.1"])
        with pytest.raises(Unreachable, match=r"certificate of files\.example") as caught:
            got(f"https://files.example:{server.port}/")
        assert caught.value.code == "certificate"
        assert server.heads == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    with (
        Elsewhere(always("200 OK"), tls=certified(tmp_path, "127.0.0.1")[0]) as server,
        pytest.raises(Unreachable) as caught,
    ):
        got(server.url)
    assert caught.value.code == "certificate"
    assert server.heads == []


def test_a_server_without_tls_behind_https_is_told():
    with Elsewhere(always("200 OK")) as server, pytest.raises(Unreachable):
        got(server.url.replace("http:", "https:"))
