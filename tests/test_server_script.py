"""script/server for real: what a person at a terminal sees, and what is left when it ends."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests

from tests.processes import BASE_DIR, PATIENCE_SECONDS, Process, alive, belonging_to, parent, wait_for
from tests.servers import Redis
from tests.settings import free_port
from tests.site import Sites, works
from videoservice import preparing


class Server:
    """script/server on a folder and a port of its own."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        foreign = ("DATABASE_URL", "SECRET_KEY", "TEST_DATA_DIR")
        self.env = {name: value for name, value in os.environ.items() if name not in foreign}
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "videoservice.settings",
            "DATA_DIR": str(data),
            "WEB": "2",
            "WORKERS": "1",
        }
        self.env["PORT"] = str(self.port)
        self.process: Process | None = None

    def start(self) -> None:
        (self.data.parent / "terminal").unlink(missing_ok=True)
        self.process = Process("server", [BASE_DIR / "script" / "server"], self.data.parent / "terminal", self.env)
        wait_for(self._says_ready, f"the address\n{self.said()}", 180)

    def said(self) -> str:
        assert self.process
        return self.process.said()

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        return self.process.end(number, PATIENCE_SECONDS)

    def ready(self) -> bool:
        return works(f"http://127.0.0.1:{self.port}")

    def redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.data / "redis.sock"))

    def redis_pid(self) -> int:
        with self.redis() as client:
            return client.info("server")["process_id"]

    def pids(self) -> dict[int, str]:
        """Everything that runs for it. Redis overwrites its environment, so it is asked."""
        found = belonging_to("DATA_DIR", str(self.data))
        return found | {self.redis_pid(): "redis-server"}

    def pid_of(self, part: str) -> int | None:
        """The first of these that none of these has started; None while there is none."""
        try:
            pids = [pid for pid, command in self.pids().items() if part in command]
        except redis.ConnectionError:  # it was asked for its own
            return None
        return min((pid for pid in pids if parent(pid) not in pids), default=None)

    def refusal(self, **env: str) -> str:
        """Start it where it has to refuse; what it says then."""
        done = subprocess.run(
            [BASE_DIR / "script" / "server"], env=self.env | env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stdout in ("", "Preparing the database and the static files.\n")
        assert done.stderr.count("\n") == 1, "one line"
        return done.stderr

    def _says_ready(self) -> bool:
        assert self.process and self.process.alive, self.said()
        return "Ready: " in self.said()


@pytest.fixture
def server(tmp_path: Path, sites: Sites) -> Iterator[Server]:
    """A server that has been started before, so that its database and static files are there."""
    data = tmp_path / "a folder"
    sites.copy_template(data)
    (data / "prepared").write_text(preparing.tables_digest(""))
    server = Server(data)
    try:
        yield server
    finally:
        if server.process:
            server.end()


def gone(pids: dict[int, str], seconds: float = PATIENCE_SECONDS) -> None:
    wait_for(lambda: not any(alive(pid) for pid in pids), f"the end of {pids}", seconds)


pytestmark = pytest.mark.skipif(
    os.environ.get("TEST_DATABASE") == "mysql", reason="starts a site with its own SQLite, whatever the database is"
)


def test_a_signal_ends_every_process_and_loses_nothing(server: Server):
    server.start()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        assert f"Ready: http://localhost:{server.port}/" in server.said()
        assert server.ready()
        with server.redis() as client:
            client.set("kept", int(number))
        pids = server.pids()
        assert len(pids) >= 12, f"supervisor, Redis, web, reconciler, seven workers and their parent: {pids}"
        assert server.end(number) == 0, number
        gone(pids)
        assert not (server.data / "redis.sock").exists()
        assert "Traceback" not in server.said()

        server.start()
        with server.redis() as client:
            assert client.get("kept") == b"%d" % number


def test_what_dies_is_started_again(server: Server):
    server.start()
    for part in ("redis-server", "manage.py work", "manage.py serve"):
        pid = server.pid_of(part)
        os.kill(pid, signal.SIGKILL)
        # That it is ready says nothing for a second: workers are counted no oftener, and the other web process answers.
        wait_for(lambda part=part, pid=pid: server.pid_of(part) not in (pid, None), f"another {part}")
        wait_for(server.ready, f"all to be well with another {part}\n{server.said()}")
    said = re.compile(r"^web[12]      \| ended unexpectedly and is started again", re.MULTILINE)
    wait_for(lambda: said.search(server.said()), "the terminal to say so: the other one answers at once")


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(server: Server):
    server.start()
    with server.redis() as client:
        client.set("kept", "yes")
    pids = server.pids()
    server.end(signal.SIGKILL)
    server.start()  # at once, while the others may still be ending
    gone(pids)
    assert server.ready()
    with server.redis() as client:
        assert client.get("kept") == b"yes"


def test_a_second_server_on_the_same_folder_is_refused(server: Server):
    server.start()
    said = server.refusal(PORT=str(free_port()))
    assert f"A server already runs on {server.data} (process {server.process.pid})." in said
    assert server.ready()


def test_a_taken_port_is_refused(server: Server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        assert f"Port {server.port} is taken." in server.refusal()


def test_a_folder_that_cannot_be_written_is_refused(server: Server):
    assert "DATA_DIR /proc/here cannot be written" in server.refusal(DATA_DIR="/proc/here")


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "eighty"), ("PORT", "70000"), ("WORKERS", "0"), ("HTTPS", "maybe")]
)
def test_a_setting_that_cannot_be_used_is_named(server: Server, name: str, value: str):
    assert f"{name} is " in server.refusal(**{name: value})


def test_a_missing_tool_is_named(server: Server, tmp_path: Path):
    """Past script/bootstrap, which would install it."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "setpriv").symlink_to(shutil.which("setpriv"))
    command = [sys.executable, "-m", "videoservice.supervise"]
    done = subprocess.run(command, cwd=BASE_DIR, env=server.env | {"PATH": str(tools)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "script/server: The program redis-server is missing. Install it, then start again.\n"


def test_a_database_that_is_not_there_is_one_line(server: Server):
    said = server.refusal(DATABASE_URL=f"mysql://nobody@127.0.0.1:{free_port()}/none")
    assert "manage.py prepare failed: " in said
    assert "Can't connect" in said


def test_with_a_redis_of_somebody_else_it_starts_none(server: Server, tmp_path: Path):
    theirs = Redis(tmp_path, tmp_path / "redis.sock")
    theirs.start()
    try:
        server.env["REDIS_URL"] = f"unix://{theirs.socket}?db=3"
        server.start()
        assert server.ready()
        assert not (server.data / "redis.sock").exists()
    finally:
        server.end()
        theirs.stop()


def test_the_first_start_prepares_database_and_static_files(tmp_path: Path):
    server = Server(tmp_path / "new")
    try:
        server.start()
        assert "Preparing the database and the static files." in server.said().splitlines()
        page = requests.get(f"http://127.0.0.1:{server.port}/accounts/login/", timeout=60)
        assert page.status_code == 200
        assert (server.data / "static" / "staticfiles.json").exists()
        assert server.data.stat().st_mode & 0o777 == 0o700
        secret = (server.data / "secret_key").read_text()
        logs = list((server.data / "log").glob("*.log"))
        assert {log.stem for log in logs} >= {"web1", "web2", "workers", "reconcile", "redis"}
        assert not any(secret in log.read_text() for log in logs)
    finally:
        server.end()
