"""The web process itself: bounds on what comes in, how it starts and how it stops."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from jobs.models import Account, Token
from tests import factories, media
from tests.processes import BASE_DIR, alive, children, wait_for
from tests.settings import free_port
from tests.site import Client, Site
from tests.tus import TUS, begun, patch, upload

MIB = 1024**2
LIMIT = 256 * MIB
EMAIL = "ann@example.org"


@pytest.fixture(scope="module")
def somebody(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.token(EMAIL)}"}


def connect(site: Site, source: str = "127.0.0.1") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", site.port), source_address=(source, 0))
    connection.settimeout(30)
    return connection


def head(site: Site, method: str, path: str, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{site.port}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def answer_of(connection: socket.socket, *, one: bool = False) -> tuple[int, str]:
    """Status and body of an answer after which the server closes, or of one that says how long it is; of several on one
    connection, with `one`, the next."""
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(1 if one else 65536)
        assert block, "the connection was closed without an answer"
        data += block
    top, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(length - len(body))
    return int(top.split()[1]), body.decode()


def written(pid: int) -> int:
    """Bytes that a process has written so far, to whatever."""
    lines = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(lines["wchar"])


# Bodies --------------------------------------------------------------------------------------------------------------


def test_a_body_over_the_limit_is_refused_before_it_is_sent(site: Site):
    with connect(site) as connection:
        connection.sendall(head(site, "POST", "/submit/", Content_Length=str(LIMIT + 1), Expect="100-continue"))
        status, body = answer_of(connection)
    assert status == 413
    assert json.loads(body)["error"]["code"] == "too_large"
    assert "256 MB" in body


def test_a_browser_is_told_so_on_a_page(site: Site):
    with connect(site) as connection:
        connection.sendall(head(site, "POST", "/submit/", Content_Length=str(LIMIT + 1), Accept="text/html,*/*"))
        status, body = answer_of(connection)
    assert status == 413
    assert body.startswith("<!doctype html>") and "JavaScript" in body
    assert '<a href="/">Go to the library</a>' in body, "there is a way back"
    assert "light-dark(" in body, "it looks like the site"


def test_what_is_sent_of_it_all_the_same_is_thrown_away(site: Site):
    pid = site.processes["web"].pid
    with connect(site) as connection:
        connection.sendall(head(site, "POST", "/submit/", Content_Length=str(LIMIT + 1)))
        before, memory, block = written(pid), resident(pid), bytes(MIB)
        for _ in range(256):
            connection.sendall(block)
        assert resident(pid) - memory < 50 * MIB
        connection.sendall(b"!")
        assert answer_of(connection)[0] == 413, "it can be read by a client that sends first"
        assert connection.recv(1) == b"", "and the connection is over"
    assert written(pid) - before < 10 * MIB


def test_a_body_that_does_not_say_its_length_is_refused_when_it_grows_too_long(site: Site, somebody: dict[str, str]):
    with connect(site) as connection:
        connection.sendall(head(site, "PATCH", "/uploads/x", Transfer_Encoding="chunked", **somebody))
        for _ in range(9):
            connection.sendall(b"%x\r\n" % MIB + bytes(MIB) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert answer_of(connection)[0] == 413


def test_bodies_just_within_the_limit_reach_the_view(site: Site, somebody: dict[str, str]):
    client = site.client("ann@example.org")
    location = begun(client, 100 * MIB)
    assert patch(client, location, 0, bytes(8 * MIB)).status_code == 204
    with connect(site) as connection:
        connection.sendall(head(site, "PATCH", location, Transfer_Encoding="chunked", **somebody))
        connection.sendall(b"%x\r\n" % (8 * MIB) + bytes(8 * MIB) + b"\r\n0\r\n\r\n")
        assert answer_of(connection)[0] == 412, "the view's own answer: no Tus-Resumable"


def announced(site: Site, method: str, path: str, length: int, **headers: str) -> int:
    """The status of the answer to a body that is announced and waits to be asked for."""
    with connect(site) as connection:
        announcement = head(site, method, path, Content_Length=str(length), Expect="100-continue", **headers)
        connection.sendall(announcement)
        return answer_of(connection)[0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/submit/", 401),
        ("POST", "/api/v1/videos?duplicate=allow", 401),
        ("PATCH", "/uploads/x", 401),
        ("POST", "/uploads", 401),
        ("PATCH", "/api/v1/uploads/x", 401),
        ("POST", "/accounts/login/", 413),
        ("POST", "/uploadsomething", 413),
        ("GET", "/submit/", 413),
        ("PATCH", "/healthz", 413),
    ],
)
def test_nobody_sends_more_than_a_sign_in_form(site: Site, method: str, path: str, status: int):
    assert announced(site, method, path, MIB + 1) == status


STRANGERS = [
    {"Cookie": "sessionid=nonsense"},
    {"Cookie": f"sessionid={'a' * 32}"},
    {"Authorization": "Bearer vs_whoever"},
    {"Authorization": "Basic YTpi"},
    {"Authorization": "Bearer"},
]
KIB = 1024


@pytest.mark.parametrize("credentials", STRANGERS)
def test_credentials_are_looked_at_before_the_body(site: Site, credentials: dict[str, str]):
    for length in (64 * KIB + 1, LIMIT):
        assert announced(site, "POST", "/submit/", length, **credentials) == 401
    pid = site.processes["web"].pid
    before = written(pid)
    with connect(site) as connection:
        connection.sendall(head(site, "POST", "/submit/", Content_Length=str(20 * MIB), **credentials))
        for _ in range(20):
            connection.sendall(bytes(MIB))
        assert answer_of(connection)[0] == 401
    assert written(pid) - before < MIB, "nothing of it went to the disk"


def test_who_is_known_is_asked_for_the_body(site: Site, somebody: dict[str, str]):
    session = site.client(EMAIL).cookies[settings.SESSION_COOKIE_NAME]
    for credentials in (somebody, {"Cookie": f"sessionid={session}"}):
        with connect(site) as connection:
            sent = head(site, "POST", "/submit/", Content_Length=str(MIB), Expect="100-continue", **credentials)
            connection.sendall(sent)
            assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(bytes(MIB))
            assert answer_of(connection)[0] in (302, 403), "the view's own answer: no CSRF token, or no session"


def test_a_token_that_only_reads_sends_nothing_long(site: Site):
    site.account(EMAIL)
    with site.orm():
        reading = Token.issue(Account.objects.get(email=EMAIL), scope="read")
    token = {"Authorization": f"Bearer {reading}"}
    assert announced(site, "POST", "/api/v1/videos", MIB, **token) == 403
    assert announced(site, "PATCH", "/uploads/x", MIB, **token) == 403


def test_a_body_that_arrives_with_its_head_waits_for_the_check(site: Site, somebody: dict[str, str]):
    """Two on one connection: what comes behind a body is the next request."""
    body = bytes(100 * KIB)
    call = head(site, "POST", "/api/v1/jobs", Content_Length=str(len(body)), **somebody) + body
    with connect(site) as connection:
        connection.sendall(call + call + head(site, "GET", "/healthz"))
        assert [answer_of(connection, one=True)[0] for _ in range(3)] == [400, 400, 200]


def test_small_bodies_need_nobody(site: Site):
    assert site.client().sign_in(EMAIL, "wrong " + "x" * 60 * KIB).status_code == 200


def test_a_body_stops_where_the_room_kept_on_the_disk_begins(make_web_site: Callable[..., Site]):
    """A margin larger than any disk: as on one that is nearly full. Small forms stay in memory and go on."""
    site = make_web_site(FREE_MARGIN_MB=str(10**9))
    token = {"Authorization": f"Bearer {site.token(EMAIL)}"}
    assert announced(site, "POST", "/submit/", MIB, **token) == 507
    with connect(site) as connection:
        connection.sendall(head(site, "PATCH", "/uploads/x", Transfer_Encoding="chunked", **token))
        connection.sendall(b"%x\r\n" % MIB + bytes(MIB) + b"\r\n0\r\n\r\n")
        status, body = answer_of(connection)
    assert (status, json.loads(body)["error"]["code"]) == (507, "disk_full")
    assert site.client().sign_in(EMAIL).url == f"{site.url}/"


def test_without_a_database_a_large_body_is_for_later(make_web_site: Callable[..., Site], somebody: dict[str, str]):
    site = make_web_site()
    site.kill(site.processes["web"])
    site.env["DATABASE_URL"] = f"mysql://root@127.0.0.1:{free_port()}/gone"
    site.start_web()
    wait_for(lambda: listens(site), "the web process")
    with connect(site) as connection:
        connection.sendall(head(site, "POST", "/submit/", Content_Length=str(MIB), Expect="100-continue", **somebody))
        top = connection.recv(65536)
    assert top.startswith(b"HTTP/1.1 503") and b"Retry-After: 10" in top


def listens(site: Site) -> bool:
    try:
        connect(site).close()
    except OSError:
        return False
    return True


def test_a_body_from_nobody_that_does_not_say_its_length_is_refused_when_it_grows(site: Site):
    with connect(site) as connection:
        connection.sendall(head(site, "PATCH", "/uploads/x", Transfer_Encoding="chunked"))
        for _ in range(2):
            connection.sendall(b"%x\r\n" % MIB + bytes(MIB) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert answer_of(connection)[0] == 401


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/accounts/login/", "/submit"])
def test_who_is_somebody_sends_large_bodies_only_where_recordings_go(site: Site, path: str, somebody: dict[str, str]):
    assert announced(site, "POST", path, MIB + 1, **somebody) == 413


def test_a_plain_form_takes_a_recording(site: Site, tmp_path: Path):
    """Several reads of the body and a file part larger than what is kept in memory."""
    path = media.audio(tmp_path / "long.wav", seconds=40)
    client = site.client(f"{uuid.uuid4().hex}@example.org")
    with path.open("rb") as file:
        answer = client.post("/api/v1/videos", files={"file": ("long.wav", file)})
    assert answer.status_code == 201, answer.text
    assert client.get(f"/videos/{answer.json()['id']}/file").content == path.read_bytes()
    assert not list((site.media / "uploads").glob("tmp*"))


def test_a_form_of_many_bytes_does_not_hold_up_the_others(site: Site):
    client, other = site.client("ann@example.org"), site.client("bob@example.org")
    body = b"--x\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n" + bytes(100 * MIB) + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    posting = threading.Thread(target=client.post, args=("/submit/",), kwargs={"data": body, "headers": headers})
    pid = site.processes["web"].pid
    before, asked, most = resident(pid), 0, 0
    posting.start()
    while posting.is_alive():
        assert other.get("/healthz", timeout=30).status_code == 200
        asked, most = asked + 1, max(most, resident(pid))
        time.sleep(0.02)
    assert asked > 3
    assert most - before < 60 * MIB


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_client_that_leaves_in_the_middle_of_a_chunk_costs_nothing(site: Site):
    client = site.client("ann@example.org")
    location = begun(client, 100 * MIB)
    patch(client, location, 0, b"x" * 1000)
    with connect(site) as connection:
        connection.sendall(head(site, "PATCH", location, Content_Length=str(MIB), Upload_Offset="1000"))
        connection.sendall(bytes(MIB // 2))
    assert client.head(location, headers=TUS).headers["Upload-Offset"] == "1000"
    assert patch(client, location, 1000, b"y").status_code == 204


def test_a_client_that_leaves_in_the_middle_of_a_file_ends_its_sending(site: Site):
    """Nobody would see the end of this one: it is a terabyte of zeros."""
    client = site.client("ann@example.org")
    with site.orm():
        video = factories.video(Account.objects.get(email="ann@example.org"), key="originals/long.mp4", size=1 << 40)
    path = site.media / video.key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, video.size)
    opened = Path(f"/proc/{site.processes['web'].pid}/fd")

    def is_open() -> bool:
        for descriptor in opened.iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since
                if descriptor.readlink() == path.resolve():
                    return True
        return False

    try:
        with connect(site) as connection:
            cookie = f"sessionid={client.cookies['sessionid']}"
            connection.sendall(head(site, "GET", f"/videos/{video.pk}/file", Cookie=cookie))
            assert b" 200 OK" in connection.recv(100)
            assert is_open()
        wait_for(lambda: not is_open(), "the file to be closed")
    finally:
        path.unlink()


# Starting and stopping -----------------------------------------------------------------------------------------------


def serve(site: Site, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "serve", *args]
    return subprocess.run(
        command, cwd=BASE_DIR, env=site.env | env, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_taken_port_is_one_clear_line(site: Site):
    done = serve(site)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        f"Port {site.port} is already in use. Stop the program that uses it, or set PORT to another one."
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bind", "192.0.2.1"], "no address 192.0.2.1"),
        (["--bind", "no.such.host.invalid"], "BIND"),
        (["--port", "99999"], "PORT"),
    ],
)
def test_an_address_that_cannot_be_had_is_one_clear_line(site: Site, arguments: list[str], words: str):
    done = serve(site, *arguments)
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told_to(mended_site: Site, number: signal.Signals):
    idle = connect(mended_site)
    web = mended_site.processes["web"]
    began = time.monotonic()
    assert web.end(number) == 0
    assert time.monotonic() - began < 15
    assert not alive(web.pid)
    idle.close()
    mended_site.start_web()
    mended_site.wait_ready()


def test_requests_under_way_are_ended_in_order(mended_site: Site, tmp_path: Path):
    """The last chunk of an upload, the check of which is held up, is answered after the signal to stop."""
    client: Client = mended_site.client("ann@example.org")
    data = media.video(tmp_path / "talk.mp4", seconds=2).read_bytes()
    web, answers = mended_site.processes["web"], []
    sending = threading.Thread(target=lambda: answers.append(upload(client, data)))
    sending.start()
    check = caught_checking(web.pid)
    os.kill(check, signal.SIGSTOP)
    os.kill(web.pid, signal.SIGTERM)
    time.sleep(1.5)  # less than the time that requests are given, more than it takes to stop without any
    assert web.alive
    os.kill(check, signal.SIGCONT)
    sending.join(30)
    assert answers and answers[0].status_code == 204
    assert answers[0].headers["Video-Id"]
    assert web.end() == 0


def test_a_request_that_has_only_begun_is_answered_before_the_end(mended_site: Site):
    web = mended_site.processes["web"]
    whole = head(mended_site, "GET", "/healthz")
    half, waiting = connect(mended_site), []
    half.sendall(whole[:20])
    time.sleep(0.5)  # it has reached the process
    os.kill(web.pid, signal.SIGSTOP)
    for _ in range(20):  # the kernel takes these for a process that does not
        waiting.append(connect(mended_site))
        waiting[-1].sendall(whole)
    os.kill(web.pid, signal.SIGTERM)
    os.kill(web.pid, signal.SIGCONT)
    time.sleep(0.5)
    half.sendall(whole[20:])
    answers = [answer_of(connection, one=True) for connection in (half, *waiting)]
    assert {status for status, _ in answers} == {200}
    assert web.end() == 0


def caught_checking(web: int) -> int:
    """The process that looks at an upload, which may be over in some hundredths of a second: it is not slept for."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for child in children_of_threads(web):
            line = command_line(child)
            if "-m\0jobs.engine.pipelines.probe" in line:
                return child
            if "jobs.engine.runtime.fork_server" in line and (forks := children(child)):
                return forks[0]
    raise AssertionError("the upload is not checked")


def children_of_threads(pid: int) -> list[int]:
    """What any of its threads has started: the kernel lists them by thread."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        lists = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
        return [int(child) for child in " ".join(lists).split()]
    return []


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
