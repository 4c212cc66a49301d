"""A real MariaDB that may only be read, hangs, or takes no connection, and comes back: what everybody is told."""

import os
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import media
from tests.page_socket import Socket
from tests.processes import wait_for
from tests.servers import MariaDB
from tests.settings import ON_MARIADB, free_port
from tests.site import Client, Site, Sites
from tests.tus import TUS, begun, offset, patch

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(not ON_MARIADB, reason="about MariaDB; what SQLite says is tried by test_outages"),
]
ANN = "ann@example.org"
PAGE = {"Accept": "text/html,*/*"}
CLOSE, AWAY_SOCKET = 8, 4503


@pytest.fixture
def database(tmp_path: Path) -> Iterator[MariaDB]:
    """A server of its own, to be hung and killed."""
    server = MariaDB(tmp_path / "mariadb", free_port(), durable=True)
    try:
        server.start()
        yield server
    finally:
        if server.process and server.process.alive:
            os.kill(server.process.pid, signal.SIGCONT)
        server.stop()


@pytest.fixture
def site(tmp_path: Path, database: MariaDB, django_db_blocker: Any) -> Iterator[Site]:
    sites = Sites(tmp_path, django_db_blocker.unblock, database)
    try:
        site = sites.make(only_web=True, DATABASE_TIMEOUT_SECONDS="2")
        # As root it would be let past `read_only`.
        database.execute("CREATE USER site@localhost")
        database.execute("CREATE USER site@'127.0.0.1'")
        for host in ("localhost", "127.0.0.1"):
            database.execute(f"GRANT ALL ON {site.name}.* TO site@'{host}'")
        site.env["DATABASE_URL"] = f"mysql://site@127.0.0.1:{database.port}/{site.name}"
        site.restart_web()
        yield site
    finally:
        sites.stop()


class Asker:
    """Everything that can be asked of the web process, by somebody with a session and one with a token."""

    def __init__(self, site: Site, recording: Path) -> None:
        self.site, self.browser = site, site.client(ANN)
        self.token = {"Authorization": f"Bearer {site.token(ANN)}"}
        with recording.open("rb") as file:
            self.video = self.browser.post("/api/v1/videos", files={"file": file}).json()["id"]
        self.location, self.other = (begun(self.browser, 2**20, filename="other.mp4") for _ in range(2))

    @property
    def reads(self) -> dict[str, Callable[[], requests.Response]]:
        ann, nobody = self.browser, Client(self.site.url)
        return {
            "page": lambda: ann.get("/", headers=PAGE),
            "part of a page": lambda: ann.get("/queue/rows/?view=queue", headers={"HX-Request": "true"}),
            "call": lambda: nobody.get("/api/v1/videos", headers=self.token),
            "recording": lambda: ann.get(f"/videos/{self.video}/file", headers={"Range": "bytes=0-99"}),
            "offset": lambda: ann.head(self.location, headers=TUS),
        }

    @property
    def writes(self) -> dict[str, Callable[[], requests.Response]]:
        ann, nobody = self.browser, Client(self.site.url)
        job = {"video": self.video, "operation": "thumbnails", "params": {"count": 1}}
        return {
            "call": lambda: nobody.post("/api/v1/jobs", json=job, headers=self.token),
            "upload": lambda: ann.post("/uploads", headers=TUS | {"Upload-Length": "10"}),
            "chunk": lambda: patch(ann, self.location, 0, b"1" * 2**17),
            "small chunk": lambda: patch(ann, self.other, 0, b"1" * 100),
            "sign-in": lambda: nobody.sign_in(ANN),
        }

    def socket_closes_with(self) -> int:
        socket = Socket(self.site.url, self.browser.cookies["sessionid"])
        opcode, payload = socket.frame()
        assert opcode == CLOSE, (opcode, payload)
        return int(struct.unpack("!H", payload[:2])[0])

    def health(self, path: str) -> int:
        return requests.get(f"{self.site.url}{path}", timeout=30).status_code


def assert_told(answer: requests.Response, what: str) -> None:
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "10"), (
        what,
        answer.status_code,
        answer.text,
    )


def assert_away(asker: Asker) -> None:
    for what, ask in {**asker.reads, **asker.writes}.items():
        assert_told(ask(), what)
    assert asker.socket_closes_with() == AWAY_SOCKET
    assert (asker.health("/healthz"), asker.health("/readyz"), asker.health("/status")) == (200, 503, 503)
    assert 'videoservice_part_up{part="database"} 0.0' in requests.get(f"{asker.site.url}/metrics", timeout=30).text


def test_everybody_is_told_that_it_is_away_and_goes_on_when_it_is_back(site: Site, database: MariaDB, tmp_path: Path):
    asker = Asker(site, media.video(tmp_path / "talk.mp4", seconds=2))
    assert database.process

    database.execute("SET GLOBAL read_only = 1")
    for what, ask in asker.reads.items():
        assert ask().status_code in (200, 206), what
    for what in ("call", "upload", "chunk", "small chunk", "sign-in"):
        assert_told(asker.writes[what](), what)
    database.execute("SET GLOBAL read_only = 0")

    os.kill(database.process.pid, signal.SIGSTOP)
    assert_away(asker)
    os.kill(database.process.pid, signal.SIGCONT)
    wait_for(lambda: asker.health("/readyz") == 200, "the site to be ready again")

    database.stop(signal.SIGKILL)
    assert_away(asker)
    database.start()
    wait_for(lambda: asker.health("/readyz") == 200, "the site to be ready again")

    for what, ask in asker.reads.items():
        assert ask().status_code in (200, 206), what
    at = offset(asker.browser, asker.location)
    assert at in (0, 2**17), "what has arrived is told, so that it is not sent twice"
    assert patch(asker.browser, asker.location, at, b"1" * 2**17).status_code == 204
    assert asker.writes["call"]().status_code == 201
    said = site.processes["web"].said()
    assert "Traceback" not in said, said[-4000:]
