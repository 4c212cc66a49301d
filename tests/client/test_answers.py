"""Answers that a client has to bear with: from a busy site, from one that signs its own certificate, from another kind
of server. They come from a small server of the test, as a site cannot be asked for them."""

import datetime
import io
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from requests.adapters import HTTPAdapter

from tests.client.conftest import Client
from videoservice.client.api import Api
from videoservice.client.sites import Site

EMPTY = (200, {"Content-Type": "application/json"}, b'{"items": [], "count": 0}')


class Server(ThreadingHTTPServer):
    """Gives these answers one after the other, the last of them for ever; `heard` are the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers = [EMPTY]
        self.heard: list[tuple[str, dict[str, str]]] = []
        self.scheme = "http"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.heard.append((f"{self.command} {self.path}", dict(self.headers)))
        answers = self.server.answers
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made
        made.shutdown()


@pytest.fixture
def client(server: Server, make_client: Callable[..., Client]) -> Client:
    return make_client(VIDEOSERVICE_URL=server.url, VIDEOSERVICE_TOKEN="secret")


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_a_busy_site_asks_for(server: Server, client: Client, status: int):
    server.answers = [(status, {"Retry-After": "1"}, b""), EMPTY]
    started = time.monotonic()
    client("list")
    assert time.monotonic() - started >= 1
    assert len(server.heard) == 2


def test_a_limit_that_no_waiting_helps_against_is_told_at_once(server: Server, client: Client):
    server.answers = [(429, {}, b'{"error": {"code": "day_used_up", "message": "That was enough for today."}}')]
    assert client("list", status=1).err == "videoservice: That was enough for today.\n"
    assert len(server.heard) == 1


def test_what_makes_something_has_a_key_of_its_own(server: Server, client: Client):
    client("cancel", "0" * 32, status=1)  # the answer is no job
    client("tokens", "add", "x", status=1)
    assert "Idempotency-Key" in server.heard[-1][1]


def test_it_waits_for_a_request_whose_answer_was_lost(server: Server, client: Client):
    busy = (409, {}, b'{"error": {"code": "in_progress", "message": "A request with this key is under way."}}')
    server.answers = [busy, (201, {}, b'{"token": "secret"}')]
    assert client("tokens", "add", "x").out == "secret\n"
    first, second = (headers["Idempotency-Key"] for _, headers in server.heard)
    assert first == second


def test_a_server_of_another_kind_is_told(server: Server, client: Client):
    server.answers = [(200, {"Content-Type": "text/html"}, b"<html>")]
    assert "answers, but not as a video service does" in client("list", status=4).err


def test_the_token_follows_no_redirect(server: Server, client: Client):
    server.answers = [(302, {"Location": "http://127.0.0.1:9/api/v1/videos"}, b"")]
    assert "Sign in at that address." in client("list", status=1).err


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://videos.example.org/api/v1/videos", True),
        ("https://Videos.example.org:443/media/talk.mp4", True),
        ("http://videos.example.org/api/v1/videos", False),
        ("http://videos.example.org:443/api/v1/videos", False),
        ("https://videos.example.org:8443/api/v1/videos", False),
        ("https://elsewhere.example.org/media/talk.mp4", False),
        ("https://videos.example.org@elsewhere.example.org/", False),
    ],
)
@pytest.mark.parametrize("redirected", [False, True])
def test_the_token_goes_to_its_site_alone_by_its_scheme(url: str, told: bool, redirected: bool):
    site = Network("https://videos.example.org/a" if redirected else "", url)
    api = Api(Site("https://videos.example.org", "secret"))
    for scheme in ("http://", "https://"):
        api._session.mount(scheme, site)
    api.send("GET", "https://videos.example.org/a" if redirected else url, allow_redirects=True)
    assert len(site.heard) == 1 + redirected
    assert site.heard[-1].headers.get("Authorization") == ("Bearer secret" if told else None)


class Network(HTTPAdapter):
    """What is outside: it leads from one address to another, and hears what is asked."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.heard: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.heard.append(request)
        response = requests.Response()
        response.request, response.url, response.raw = request, str(request.url), io.BytesIO()
        leads_on = request.url == self.before
        response.status_code = 302 if leads_on else 200
        response.headers.update({"Location": self.after} if leads_on else {})
        return response


def test_a_site_that_signs_its_own_certificate_is_trusted_by_its_file_alone(
    server: Server, make_client: Callable[..., Client], tmp_path: Path
):
    certificate = signed_by_itself(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.scheme = "https"
    client = make_client(VIDEOSERVICE_URL=server.url, VIDEOSERVICE_TOKEN="secret")
    assert "--ca-file" in client("list", status=4).err
    client("list", "--ca-file", certificate)
    assert [heard["Authorization"] for _, heard in server.heard] == ["Bearer secret"], "it was told to no stranger"


def signed_by_itself(folder: Path) -> Path:
    """A certificate for this machine, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "site.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path
