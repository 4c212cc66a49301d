"""Recordings and results sent to those who own them, by the real web process."""

import contextlib
import hashlib
import os
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from django.test import RequestFactory

from jobs import file_response, storage
from jobs.file_response import Sent, Unsatisfiable, byte_range
from jobs.models import Artifact, Job, Video
from tests import factories
from tests.processes import wait_for
from tests.site import Client, Site

DATA = bytes(range(256)) * 4000
SIZE = len(DATA)


@pytest.fixture
def ann(site: Site) -> Client:
    return site.client(f"{uuid.uuid4().hex}@example.org")


@pytest.fixture
def add_video(site: Site) -> Callable[..., Video]:
    """Makes a recording with these bytes, or as many zeros, for an account."""

    def add(email: str, content: bytes | int = DATA, **fields: str) -> Video:
        owner = site.account(email)
        key = f"videos/{uuid.uuid4()}/source.mp4"
        path = site.media / key
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            if isinstance(content, int):
                file.truncate(content)
            else:
                file.write(content)
        with site.orm():
            return factories.video(owner, key=key, **({"sha256": hashlib.sha256(DATA).hexdigest()} | fields))

    return add


@pytest.fixture
def video(site: Site, add_video: Callable[..., Video]) -> Video:
    return add_video("ann@example.org", name="K\u00f6nigin, \u201etalk\u201c.mp4")


@pytest.fixture
def client(site: Site) -> Client:
    return site.client("ann@example.org")


def file_of(video: Video) -> str:
    return f"/videos/{video.pk}/file"


# Ranges --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, 999),
        ("bytes=999-", 999, 999),
        ("bytes=990-5000", 990, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-5000", 0, 999),
        ("Bytes = 5 - 9", 5, 9),
    ],
)
def test_a_range_is_understood(header: str, first: int, last: int):
    assert byte_range(header, 1000) == range(first, last + 1)


@pytest.mark.parametrize(
    "header",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=9-5", "bytes=a-b", "items=0-5", "bytes=0-1,5-9", "bytes=--5"),
        *("bytes=1 2-3", "bytes=\u0661-", f"bytes={'9' * 30}-"),
    ],
)
def test_what_is_no_single_range_is_passed_over(header: str):
    assert byte_range(header, 1000) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=1000-", 1000), ("bytes=-0", 1000), ("bytes=0-", 0), ("bytes=-5", 0)]
)
def test_a_range_beyond_the_end_is_not_satisfiable(header: str, size: int):
    with pytest.raises(Unsatisfiable):
        byte_range(header, size)


@pytest.mark.parametrize(
    "header", ["bytes=0-0", "bytes=700000-", "bytes=-300", "bytes=524287-524290", "bytes=1-1023998"]
)
def test_a_part_is_sent(client: Client, video: Video, header: str):
    wanted = byte_range(header, SIZE)
    assert wanted is not None
    answer = client.get(file_of(video), headers={"Range": header})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {wanted.start}-{wanted.stop - 1}/{SIZE}"
    assert answer.headers["Content-Length"] == str(len(wanted))
    assert answer.content == DATA[wanted.start : wanted.stop]


def test_a_part_that_is_not_there_is_refused(client: Client, video: Video):
    answer = client.get(file_of(video), headers={"Range": f"bytes={SIZE}-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert answer.content == b""


def test_a_part_of_other_bytes_is_not_sent(client: Client, video: Video):
    whole = client.get(file_of(video))
    for known in (whole.headers["ETag"], whole.headers["Last-Modified"]):
        answer = client.get(file_of(video), headers={"Range": "bytes=0-9", "If-Range": known})
        assert (answer.status_code, answer.content) == (206, DATA[:10])
    for stale in ('"other"', "W/" + whole.headers["ETag"], "Sat, 01 Jan 2000 00:00:00 GMT", "nonsense"):
        answer = client.get(file_of(video), headers={"Range": "bytes=0-9", "If-Range": stale})
        assert (answer.status_code, answer.content) == (200, DATA)


# Whole ---------------------------------------------------------------------------------------------------------------


def test_the_whole_file_is_sent(client: Client, video: Video):
    answer = client.get(file_of(video))
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_head_tells_everything_but_the_bytes(client: Client, video: Video):
    whole, head = client.get(file_of(video)), client.head(file_of(video))
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition"):
        assert head.headers[name] == whole.headers[name]
    part = client.head(file_of(video), headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["Content-Length"]) == (206, "10")


def test_what_the_browser_has_is_not_sent_again(client: Client, video: Video):
    whole = client.get(file_of(video))
    for known in ({"If-None-Match": whole.headers["ETag"]}, {"If-Modified-Since": whole.headers["Last-Modified"]}):
        answer = client.get(file_of(video), headers=known)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["ETag"] == whole.headers["ETag"]
    assert client.get(file_of(video), headers={"If-Match": '"other"'}).status_code == 412
    assert client.get(file_of(video), headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_picture_whose_address_names_its_bytes_is_asked_for_once_a_day(site: Site, client: Client, video: Video):
    (site.media / "videos" / str(video.pk)).mkdir()
    key = f"videos/{video.pk}/poster-of-mine.jpg"
    (site.media / key).write_bytes(b"a picture")
    with site.orm():
        Video.objects.filter(pk=video.pk).update(poster=key)
        video.refresh_from_db()
    named, plain = client.get(video.poster_url), client.get(video.poster_url.partition("?")[0])
    assert named.content == plain.content == b"a picture"
    assert named.headers["Cache-Control"] == "private, max-age=86400, immutable"
    assert plain.headers["Cache-Control"] == "private, no-cache", "another poster will have this address too"
    assert client.get(f"{video.poster_url}x").headers["Cache-Control"] == "private, no-cache"
    for answer in (named, plain):
        assert "Cookie" in answer.headers["Vary"], "not for who signs in after"


def test_who_has_the_bytes_is_told_so_without_a_look_at_the_storage(site: Site, client: Client, video: Video):
    tag = client.get(file_of(video)).headers["ETag"]
    (site.media / video.key).unlink()
    assert client.get(file_of(video), headers={"If-None-Match": tag}).status_code == 304
    assert client.get(file_of(video), headers={"If-None-Match": '"other"'}).status_code == 404


def test_a_download_carries_the_name(client: Client, video: Video):
    shown = client.get(file_of(video)).headers["Content-Disposition"]
    kept = client.get(file_of(video) + "?download").headers["Content-Disposition"]
    assert shown.startswith("inline;") and kept.startswith("attachment;")
    name = "filename*=utf-8''K%C3%B6nigin%2C%20%E2%80%9Etalk%E2%80%9C.mp4"
    assert shown.endswith(name) and kept.endswith(name)


def test_an_empty_file_is_sent_as_such(client: Client, add_video: Callable[..., Video]):
    video = add_video("ann@example.org", b"")
    answer = client.get(file_of(video))
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


def test_a_lost_file_is_not_found(site: Site, client: Client, video: Video):
    (site.media / video.key).unlink()
    assert client.get(file_of(video)).status_code == 404


def test_the_poster_is_sent(site: Site, client: Client, video: Video):
    assert client.get(f"/videos/{video.pk}/poster").status_code == 404
    with site.orm():
        Video.objects.filter(pk=video.pk).update(poster=f"videos/{video.pk}/poster.jpg")
    path = site.media / f"videos/{video.pk}/poster.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\xff\xd8\xff picture")
    answer = client.get(f"/videos/{video.pk}/poster")
    assert (answer.content, answer.headers["Content-Type"]) == (b"\xff\xd8\xff picture", "image/jpeg")
    before = answer.headers["ETag"]
    path.write_bytes(b"\xff\xd8\xff another picture")
    assert client.get(f"/videos/{video.pk}/poster").headers["ETag"] != before


# Results -------------------------------------------------------------------------------------------------------------


def artifact(
    site: Site, video: Video, name: str, media_type: str, content: bytes = b"<script>alert(1)</script>"
) -> str:
    with site.orm():
        job = factories.job(video.owner, video=video, status=Job.Status.SUCCEEDED)
        made = Artifact(job=job, kind="data", name=name, media_type=media_type, size=len(content), sha256="1" * 64)
        made.key = f"artifacts/{job.pk}/{made.pk}"
        made.save()
    path = site.media / made.key
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return f"/artifacts/{made.pk}/file"


def test_a_result_is_sent(site: Site, client: Client, video: Video):
    answer = client.get(artifact(site, video, "cut.mp4", "video/mp4", DATA), headers={"Range": "bytes=5-9"})
    assert (answer.status_code, answer.content) == (206, DATA[5:10])


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/xml", "application/pdf", "text/xml"])
def test_what_a_browser_might_run_is_locked_in(site: Site, client: Client, video: Video, media_type: str):
    answer = client.get(artifact(site, video, "page.html", media_type))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("media_type", ["video/mp4", "audio/mpeg", "image/jpeg", "image/webp", "text/vtt"])
def test_what_it_can_only_show_is_shown_in_place(site: Site, client: Client, video: Video, media_type: str):
    answer = client.get(artifact(site, video, "result", media_type))
    assert answer.headers["Content-Disposition"].startswith("inline")


# Who may -------------------------------------------------------------------------------------------------------------


def test_files_of_others_are_not_there(site: Site, ann: Client, client: Client, video: Video):
    result = artifact(site, video, "cut.mp4", "video/mp4")
    token = {"Authorization": f"Bearer {site.token('bob@example.org')}"}
    for path in (file_of(video), f"/videos/{video.pk}/poster", result):
        assert ann.get(path).status_code == 404
        assert ann.head(path, headers={"Range": "bytes=0-0"}).status_code == 404
        assert site.client().get(path, headers=token).status_code == 404
    assert client.get(file_of(video)).status_code == 200


def test_an_operator_is_an_other_too(site: Site, video: Video):
    operator = site.client("operator@example.org", is_staff=True, is_superuser=True)
    assert operator.get(file_of(video)).status_code == 404


def test_nobody_is_asked_to_sign_in(site: Site, video: Video):
    nobody = site.client()
    assert nobody.get(file_of(video)).status_code == 401
    answer = nobody.get(file_of(video), headers={"Accept": "text/html"}, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/?next=/videos/")


def test_a_token_opens_files(site: Site, video: Video):
    token = {"Authorization": f"Bearer {site.token('ann@example.org')}"}
    assert requests.get(site.url + file_of(video), headers=token, timeout=60).content == DATA


def test_files_are_only_read(client: Client, video: Video):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, file_of(video)).status_code == 405


# Slow and gone clients -----------------------------------------------------------------------------------------------

LARGE = 200 * 1024**2


def web_process(site: Site) -> int:
    return site.processes["web"].pid


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def holds(pid: int, path: Path) -> bool:
    """Whether the process has the file open."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed while it was looked at
            if link.readlink() == path:
                return True
    return False


def asked(client: Client, path: str) -> socket.socket:
    """A connection on which the file was asked for and nothing read yet."""
    address = urlsplit(client.url)
    connection = socket.create_connection((address.hostname, address.port))
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookies}\r\n\r\n".encode())
    return connection


def test_a_slow_reader_does_not_fill_the_memory(site: Site, client: Client, add_video: Callable[..., Video]):
    video, pid = add_video("ann@example.org", LARGE), web_process(site)
    client.get(file_of(video), headers={"Range": "bytes=0-9"})
    before = resident(pid)
    with asked(client, file_of(video)) as connection:
        wait_for(lambda: holds(pid, site.media / video.key), "the file to be opened")
        for _ in range(20):  # the others go on, and one reader gets no further than what the sockets hold
            assert client.get("/healthz").status_code == 200
        assert resident(pid) - before < 30 * 1024**2
        left = LARGE
        while left > 0:
            block = connection.recv(1024**2)
            assert block, f"{left} bytes are missing"
            left -= len(block)
    assert resident(pid) - before < 60 * 1024**2


def test_the_file_is_closed_when_the_client_leaves(site: Site, client: Client, add_video: Callable[..., Video]):
    video, pid = add_video("ann@example.org", LARGE), web_process(site)
    path = site.media / video.key
    with asked(client, file_of(video)) as connection:
        wait_for(lambda: holds(pid, path), "the file to be opened")
        connection.recv(1000)
    wait_for(lambda: not holds(pid, path), "the file to be closed")


# Behind nginx --------------------------------------------------------------------------------------------------------


def test_a_server_in_front_can_send_it(settings):
    settings.SENDFILE = "nginx"
    sent = Sent("videos/a b/source.mp4", "talk.mp4", "video/mp4", "0" * 64)
    stat = storage.Stat(len(DATA), 0, "1")
    answer, wanted = file_response.answer(RequestFactory().get("/", headers={"Range": "bytes=0-9"}), sent, stat)
    assert wanted is None and answer.content == b""
    assert answer["X-Accel-Redirect"] == "/protected-media/videos/a%20b/source.mp4"
    assert answer["Content-Type"] == "video/mp4"
    assert "talk.mp4" in answer["Content-Disposition"]
