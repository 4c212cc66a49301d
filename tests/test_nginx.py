"""nginx in front of the site (deploy/nginx): what it lets through, what it makes of files, webs that come and go."""

import hashlib
import os
import re
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.urls import reverse

from tests import factories
from tests.nginx import START, Web, environment, missing, nginx, refusal, rendered
from tests.page_socket import Socket
from tests.settings import free_port
from tests.site import Client, Site
from tests.tus import begun, patch

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
DATA = bytes(range(256)) * 4000
MIB = 1024**2
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


# The configuration ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return {"NGINX_CERTIFICATE": str(folder / "certificate.pem"), "NGINX_KEY": str(folder / "key.pem")}


def test_every_switch_leads_to_a_configuration_that_nginx_takes(tmp_path: Path, certificate: dict[str, str]):
    everything = {"NGINX_MEDIA": "/srv/media", "NGINX_STATIC": "/srv/static", "NGINX_ACME": "/srv/acme"}
    everything |= {"NGINX_TRUSTED_PROXIES": "10.0.0.0/8 2001:db8::/32", "CONNECTIONS_PER_ADDRESS": "0"}
    for variables in ({}, {"CONNECTIONS_PER_ADDRESS": "10"}, certificate, everything, everything | certificate):
        text = rendered(tmp_path, "10.0.0.1:8000 10.0.0.2:8000", **variables)
        assert "limit_conn of_one" not in text or variables.get("CONNECTIONS_PER_ADDRESS") != "0"
        assert not any(line.lstrip().startswith("@") for line in text.splitlines()), text


def test_names_are_looked_up_again_where_nginx_can_do_it(tmp_path: Path):
    if said := refusal(tmp_path, "web:8000", NGINX_RESOLVER="127.0.0.11"):
        assert "Use 1.27.3 or newer, or leave NGINX_RESOLVER empty" in said
    else:
        assert "server web:8000 resolve " in rendered(tmp_path, "web:8000", NGINX_RESOLVER="127.0.0.11")


@pytest.mark.parametrize("value", ["a; b", "$host", "a|b", "a\nb"])
def test_a_value_that_means_something_to_nginx_is_refused(tmp_path: Path, value: str):
    assert "NGINX_MEDIA is" in refusal(tmp_path, "web:8000", NGINX_MEDIA=value)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path):
    said = refusal(tmp_path, "web:8000", NGINX_CERTIFICATE="/nowhere/c.pem", NGINX_KEY="/nowhere/k.pem")
    assert "/nowhere/c.pem cannot be read" in said


@pytest.mark.parametrize("how", ["another user's", "a link"])
def test_a_folder_that_another_user_may_change_is_refused(tmp_path: Path, how: str):
    folder = tmp_path / "run"
    if how == "a link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif os.geteuid() == 0:
        folder.mkdir()
        os.chown(folder, 65534, 65534)
    else:
        folder = Path("/usr")
    env = environment(tmp_path, "127.0.0.1:8000", {"NGINX_RUN": str(folder), "NGINX_PORT": str(free_port())})
    done = subprocess.run(["sh", START], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and f"{folder} belongs to somebody else" in done.stderr
    assert not (folder / "nginx.conf").exists()


# Webs that come and go -----------------------------------------------------------------------------------------------


def asked(address: str, path: str = "/", **options: Any) -> dict[str, Any]:
    """What a web process has seen of a request."""
    answer = requests.request(options.pop("method", "GET"), address + path, timeout=30, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def webs() -> Iterator[list[Web]]:
    made = [Web("one", unknown=frozenset({"/static/app.new.css"})), Web("two")]
    yield made
    for web in made:
        web.stop()


def test_what_a_stranger_says_about_itself_counts_for_nothing(tmp_path: Path, webs: list[Web]):
    told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Forwarded": "for=203.0.113.9"}
    told |= {"X-Forwarded-Host": "evil.example.org", "Host": "videos.example.org:8443"}
    told |= {"traceparent": TRACE, "tracestate": "a=b"}
    with nginx(tmp_path, webs[0].place) as address:
        seen = asked(address, headers=told)["headers"]
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["host"] == "videos.example.org:8443"
    assert not {"forwarded", "x-forwarded-host", "traceparent", "tracestate"} & seen.keys()


def test_a_proxy_that_is_trusted_tells_who_asks(tmp_path: Path, webs: list[Web]):
    told = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "https", "traceparent": TRACE}
    with nginx(tmp_path, webs[0].place, NGINX_TRUSTED_PROXIES="127.0.0.0/8") as address:
        seen = asked(address, headers=told)["headers"]
    assert seen["x-forwarded-for"] == "203.0.113.9", "not what a stranger wrote before it"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["traceparent"] == TRACE, "a trace that begins there goes on"


@pytest.mark.parametrize("is_there", [True, False])
def test_what_comes_in_letters_is_in_no_log(tmp_path: Path, webs: list[Web], is_there: bool):
    place = webs[0].place if is_there else f"127.0.0.1:{free_port()}"
    paths = [reverse("invitation", args=["secret"]), reverse("account_confirm_email", args=["secret"])]
    paths += [reverse("account_reset_password_from_key", args=["1", "secret"]), "/accounts/login/?code=secret"]
    with nginx(tmp_path, place) as address:
        for path in paths:
            assert requests.get(address + path, timeout=30).status_code == (200 if is_there else 503)
    log = (tmp_path / "nginx.log").read_text()
    told = ["/invitations/-", "/accounts/confirm-email/-", "/accounts/password/reset/key/-", "/accounts/login/"]
    assert re.findall(r'"GET (.*?)"', log) == (told if is_there else ["/-away/person"] * 4)
    assert "secret" not in log


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_web_that_is_gone_is_passed_over(tmp_path: Path, webs: list[Web], method: str):
    with nginx(tmp_path, " ".join(web.place for web in webs)) as address:
        assert {asked(address, method=method)["name"] for _ in range(8)} == {"one", "two"}
        webs[0].stop()
        assert {asked(address, method=method)["name"] for _ in range(8)} == {"two"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_web_that_is_back_is_asked_at_once_when_the_others_go(tmp_path: Path, webs: list[Web], method: str):
    """As when each is started again as soon as the one before is there."""
    port = free_port()
    with nginx(tmp_path, f"127.0.0.1:{port} {webs[1].place}") as address:
        for _ in range(8):  # the first one is found to be away, for as long as that is believed
            asked(address, method=method)
        back = Web("back", port=port)
        webs[1].stop()
        assert [asked(address, method=method)["name"] for _ in range(4)] == ["back"] * 4
        back.stop()


def test_when_no_web_is_there_scripts_and_people_are_told_so(tmp_path: Path):
    with nginx(tmp_path, f"127.0.0.1:{free_port()}") as address:
        page = requests.get(f"{address}/queue/", timeout=30)
        call = requests.post(f"{address}/api/v1/jobs", json={}, timeout=30)
        chunk = requests.patch(f"{address}/uploads/{uuid.uuid4()}", data=b"x", timeout=30)
    for answer in (page, call, chunk):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert page.headers["Content-Type"].startswith("text/html") and "Nothing is lost" in page.text
    assert call.json()["error"]["code"] == chunk.json()["error"]["code"] == "away"


def test_a_file_of_the_newer_version_comes_from_the_web_that_has_it(tmp_path: Path, webs: list[Web]):
    with nginx(tmp_path, " ".join(web.place for web in webs)) as address:
        assert {asked(address, "/static/app.new.css")["name"] for _ in range(6)} == {"two"}
        assert {asked(address, "/static/app.css")["name"] for _ in range(6)} == {"one", "two"}


def test_with_a_certificate_plain_requests_are_led_to_tls(tmp_path: Path, webs: list[Web], certificate: dict[str, str]):
    port = free_port()
    ports = {"NGINX_TLS_PORT": str(port), "NGINX_PUBLIC_TLS_PORT": str(port)}
    with nginx(tmp_path, webs[0].place, **certificate, **ports) as address:
        answer = requests.post(f"{address}/submit/?a=1", allow_redirects=False, timeout=30)
        assert answer.status_code == 308, "the method stays"
        assert answer.headers["Location"] == f"https://127.0.0.1:{port}/submit/?a=1"
        seen = asked(f"https://localhost:{port}", verify=certificate["NGINX_CERTIFICATE"])
    assert seen["headers"]["x-forwarded-proto"] == "https"


def test_one_address_may_have_so_many_requests_at_once(tmp_path: Path, webs: list[Web]):
    with nginx(tmp_path, webs[0].place, CONNECTIONS_PER_ADDRESS="1") as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nx".encode())
            found = {requests.get(address, timeout=30).status_code for _ in range(20)}
    assert 429 in found


# The site behind it --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def behind(sites: Any) -> Iterator[Site]:
    made = sites.make(only_web=True, BEHIND_PROXY="1", SENDFILE="nginx")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def front(behind: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("front")
    variables = {"NGINX_MEDIA": str(behind.media), "NGINX_STATIC": str(behind.data / "static")}
    with nginx(folder, f"127.0.0.1:{behind.port}", **variables) as address:
        yield address


@pytest.fixture
def ann(behind: Site, front: str) -> Client:
    client = behind.client(f"{uuid.uuid4().hex}@example.org")
    client.url = front
    return client


@pytest.fixture
def add_video(behind: Site) -> Callable[..., Any]:
    def add(client: Client, **fields: Any) -> Any:
        email = client.get("/api/v1/me").json()["email"]
        key = f"videos/{uuid.uuid4()}/source.mp4"
        path = behind.media / key
        path.parent.mkdir(parents=True, mode=0o700)
        path.write_bytes(DATA)
        path.chmod(0o600)
        with behind.orm():
            return factories.video(behind.account(email), key=key, sha256=hashlib.sha256(DATA).hexdigest(), **fields)

    return add


def test_an_owner_gets_files_from_nginx_with_what_protects_a_browser(ann: Client, add_video: Callable[..., Any]):
    video = add_video(ann, name="talk ü.mp4")
    whole = ann.get(f"/videos/{video.pk}/file?download")
    assert whole.content == DATA
    assert "talk%20%C3%BC.mp4" in whole.headers["Content-Disposition"]
    part = ann.get(f"/videos/{video.pk}/file", headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, DATA[1000:2000])
    assert part.headers["Content-Type"] == "video/mp4"
    assert part.headers["X-Content-Type-Options"] == "nosniff"
    assert part.headers["Cache-Control"] == "private, no-cache"
    again = ann.get(f"/videos/{video.pk}/file", headers={"If-None-Match": part.headers["ETag"]})
    assert again.status_code == 304
    bounded = {"If-Range": part.headers["ETag"], "Range": "bytes=-5"}
    assert ann.get(f"/videos/{video.pk}/file", headers=bounded).content == DATA[-5:]
    past = ann.get(f"/videos/{video.pk}/file", headers={"Range": f"bytes={len(DATA)}-"})
    assert past.status_code == 416


def test_what_a_browser_might_take_for_a_page_is_locked_in(ann: Client, add_video: Callable[..., Any]):
    video = add_video(ann, name="evil.html")
    with_policy = ann.get(f"/videos/{video.pk}/file")
    assert "Content-Security-Policy" in with_policy.headers


def test_nobody_else_gets_them_and_nobody_by_their_path(
    behind: Site, front: str, ann: Client, add_video: Callable[..., Any]
):
    video = add_video(ann)
    assert requests.get(f"{front}/protected-media/{video.key}", timeout=30).status_code == 404
    other = behind.client(f"{uuid.uuid4().hex}@example.org")
    other.url = front
    assert other.get(f"/videos/{video.pk}/file").status_code == 404


def test_a_chunk_of_eight_megabytes_gets_through_and_a_larger_one_is_answered_by_the_site(ann: Client):
    chunk = b"x" * (8 * MIB)
    location = begun(ann, 20 * MIB, filename="talk.mp4")
    assert patch(ann, location, 0, chunk).headers["Upload-Offset"] == str(len(chunk))
    refused = patch(ann, location, len(chunk), chunk + b"x")
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")


def test_a_form_over_the_limit_is_refused_by_the_site(ann: Client, tmp_path: Path):
    with (tmp_path / "large.mp4").open("w+b") as file:
        file.truncate(300 * MIB)
        refused = ann.post("/api/v1/videos", data=file)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")


def test_a_live_page_is_sent_its_state_through_nginx(behind: Site, front: str, ann: Client):
    page = Socket(front, ann.cookies["sessionid"])
    _, state = page.frame()
    page.end()
    assert b"queue-count" in state


def test_static_files_come_from_nginx_compressed_and_for_good(ann: Client, front: str, behind: Site):
    page = ann.get("/").text
    path = next(part.split('"')[0] for part in page.split('href="') if part.startswith("/static/") and ".css" in part)
    answer = requests.get(front + path, headers={"Accept-Encoding": "gzip"}, timeout=30)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.content == (behind.data / path.lstrip("/")).read_bytes()
