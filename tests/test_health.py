"""/healthz, /readyz, who counts as a worker in /status, and the start-up checks."""

import errno
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import AsyncClient, Client, override_settings
from django.utils import timezone

from jobs import machine
from jobs.engine.runtime import network_filter, subprocess_runner
from jobs.services import parts
from jobs.views import health
from tests.servers import Redis
from videoservice import tables
from videoservice.single import Single
from videoservice.worker_set import QUEUES

UNKNOWN = {"HTTP_HOST": "10.0.0.7:8000"}


def register(redis_server: Redis, queue: str, pid: int, **fields: str) -> None:
    """A worker as RQ notes it in Redis."""
    key = f"rq:worker:{queue}-{pid}"
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with redis_server.client() as client:
        client.hset(key, mapping={"machine": machine.identity(), "last_heartbeat": now, "pid": pid, **fields})
        client.sadd(f"rq:workers:{queue}", key)


@pytest.fixture
def workers(redis_server: Redis):
    """A worker on each queue, played by this process."""
    for queue in QUEUES:
        register(redis_server, queue, os.getpid())


@pytest.fixture
def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def checks(client: Client) -> dict[str, bool]:
    response = client.get("/readyz", **UNKNOWN)
    answer = response.json()
    assert response.status_code == (200 if answer["ok"] else 503)
    assert answer["ok"] == all(answer["checks"].values()) == (not answer["missing"])
    return answer["checks"]


def on_queue(client: Client, queue: str) -> int:
    return client.get("/status", **UNKNOWN).json()["queues"][queue]["workers"]


async def test_healthz_answers_without_asking_anything(async_client: AsyncClient):
    """No database mark here: a query would fail this test."""
    response = await async_client.get("/healthz", headers={"host": "10.0.0.7"})
    assert response.status_code == 200
    assert response.json() == {"ok": True}


# Ready: this process can serve ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_readyz_is_well_when_everything_is_there_whether_or_not_anybody_works(client: Client):
    assert checks(client) == {"database": True, "tables": True, "redis": True, "storage": True}


@pytest.mark.django_db(transaction=True)
def test_a_missing_media_folder_is_named(client: Client, tmp_path: Path):
    with override_settings(MEDIA_ROOT=tmp_path / "gone"):
        assert not checks(client)["storage"]
        assert "gone" not in client.get("/readyz").content.decode(), "strangers are told no path"


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_is_away_is_named(client: Client, redis_server: Redis):
    redis_server.stop()
    try:
        found = checks(client)
        assert found["database"] and not found["redis"]
    finally:
        redis_server.start()


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_hangs_is_named_and_does_not_make_the_answer_hang(
    client: Client, redis_server: Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parts, "IN_ALL_SECONDS", 0.5)
    assert redis_server.process
    os.kill(redis_server.process.pid, signal.SIGSTOP)
    try:
        assert checks(client) == {"database": True, "tables": True, "redis": False, "storage": True}
        assert not checks(client)["redis"], "again, although the first one still hangs there"
    finally:
        os.kill(redis_server.process.pid, signal.SIGCONT)


@pytest.fixture
def unknown_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just started."""
    monkeypatch.setattr(tables, "_found", None)
    monkeypatch.setattr(tables, "PAUSE_SECONDS", 0)


@pytest.mark.django_db(transaction=True)
def test_until_the_database_is_migrated_the_site_says_so(client: Client, unknown_tables: None):
    page = {"HTTP_ACCEPT": "text/html"}
    newest = max(tables.MigrationExecutor(connection).loader.disk_migrations)
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied(*newest)
    try:
        assert tables.missing() == [".".join(newest)]
        assert checks(client) == {"database": True, "tables": False, "redis": True, "storage": True}
        assert client.get("/readyz").json()["missing"] == [f"Tables: {parts.BEHIND}"]
        assert client.get("/healthz").status_code == 200
        for path in ("/", "/accounts/login/", "/api/v1/videos", "/uploads"):
            answer = client.get(path)
            assert (answer.status_code, answer["Retry-After"]) == (503, "10"), path
            assert answer.json()["error"]["code"] == "upgrading"
        told = client.get("/", **page).content.decode()
        assert "being upgraded" in told and "manage.py" not in told, "who may do something about it reads the log"
    finally:
        recorder.record_applied(*newest)
    assert checks(client)["tables"]
    assert client.get("/accounts/login/", **page).status_code == 200


def test_a_database_that_is_away_is_asked_for_its_tables_by_one_and_once_a_second(
    unknown_tables: None, monkeypatch: pytest.MonkeyPatch
):
    let_go, asked = threading.Event(), threading.Semaphore(0)

    def away() -> list[str]:
        asked.release()
        assert let_go.wait(30)
        raise OperationalError(2013, "Lost connection")

    def refused(_: object = None) -> bool:
        with pytest.raises(OperationalError, match="Lost connection"):
            tables.are_there()
        return True

    monkeypatch.setattr(tables, "PAUSE_SECONDS", 60)
    monkeypatch.setattr(tables, "_asked_at", -float("inf"))
    monkeypatch.setattr(tables, "missing", away)
    with ThreadPoolExecutor(4) as threads:
        first = threads.map(refused, range(4))
        assert asked.acquire(timeout=30)
        let_go.set()
        assert all(first) and refused()
        assert not asked.acquire(blocking=False), "what came of it holds for all, and for a while"
        monkeypatch.setattr(tables, "PAUSE_SECONDS", 0)
        let_go.clear()
        later = threads.submit(refused)
        assert asked.acquire(timeout=30)
        assert refused(), "known already, so nobody waits for who asks"
        assert not later.done()
        let_go.set()
        assert later.result(30)


# Status: who works ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("asked_at_once")
def test_a_queue_without_a_worker_is_named(client: Client, redis_server: Redis):
    register(redis_server, "fast", os.getpid())
    assert (on_queue(client, "fast"), on_queue(client, "cut")) == (1, 0)
    assert not client.get("/status").json()["ok"]


@pytest.mark.django_db
@pytest.mark.usefixtures("asked_at_once")
def test_the_registration_of_a_killed_worker_does_not_count(client: Client, redis_server: Redis, dead_pid: int):
    register(redis_server, "cut", dead_pid)
    assert not on_queue(client, "cut")


@pytest.mark.django_db
@pytest.mark.usefixtures("asked_at_once")
def test_a_killed_worker_that_nobody_reaped_yet_does_not_count(client: Client, redis_server: Redis):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    register(redis_server, "cut", child.pid)
    assert on_queue(client, "cut")
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but still in the table of processes
    assert not on_queue(client, "cut")
    child.communicate()


@pytest.mark.django_db
@pytest.mark.usefixtures("asked_at_once")
def test_a_worker_that_said_goodbye_does_not_count(client: Client, redis_server: Redis):
    register(redis_server, "cut", os.getpid(), death="2026-01-01T00:00:01.000000Z")
    assert not on_queue(client, "cut")


@pytest.mark.django_db
@pytest.mark.usefixtures("asked_at_once")
def test_a_worker_on_another_machine_counts_until_its_registration_expires(
    client: Client, redis_server: Redis, dead_pid: int
):
    register(redis_server, "cut", dead_pid, machine="another")
    assert on_queue(client, "cut")
    with redis_server.client() as redis:
        redis.delete(f"rq:worker:cut-{dead_pid}")
    assert not on_queue(client, "cut")


@pytest.mark.django_db
@pytest.mark.usefixtures("asked_at_once")
def test_the_site_is_well_with_a_worker_on_each_queue(client: Client, workers: None):
    assert client.get("/status").json()["ok"]


@pytest.mark.django_db(transaction=True)
def test_however_many_ask_how_much_there_is_to_do_it_is_looked_up_once(client: Client, monkeypatch: pytest.MonkeyPatch):
    let_go, looked = threading.Event(), []

    def loads() -> list[object]:
        looked.append(None)
        assert let_go.wait(30)
        return []

    monkeypatch.setattr(health, "LOADS", Single("status", loads, kept_seconds=60))
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.1)
    assert [client.get("/status").status_code for _ in range(3)] == [503] * 3, "nobody waits for as long as that takes"
    let_go.set()
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 30)
    with override_settings(RQ_QUEUES={}):
        assert [client.get("/status").status_code for _ in range(3)] == [200] * 3
    assert len(looked) == 1


# Checks at the start -------------------------------------------------------------------------------------------------


def said(**settings: object) -> list[str]:
    with override_settings(**settings):
        return [f"{message.id} {message.msg}" for message in run_checks(include_deployment_checks=True)]


def test_checks_name_an_ffmpeg_that_is_not_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    assert "jobs.E001 ffmpeg is not there or cannot be run: /nowhere/ffmpeg." in said()


def test_checks_name_a_folder_that_cannot_be_written():
    assert f"jobs.E002 The media folder /proc/media cannot be written by user {os.geteuid()}." in said(
        MEDIA_ROOT=Path("/proc/media")
    )


def test_checks_name_a_part_of_the_storage_on_another_filesystem(tmp_path: Path):
    (tmp_path / "uploads").symlink_to("/proc")
    assert any(line.startswith("jobs.E003") and "uploads" in line for line in said(MEDIA_ROOT=tmp_path))


def test_checks_warn_when_nothing_keeps_the_network_from_strangers_bytes(monkeypatch: pytest.MonkeyPatch):
    assert not [line for line in said() if line.startswith("jobs.W002")]
    monkeypatch.setattr(subprocess_runner, "no_network", lambda: ())  # as in a container without namespaces
    assert not [line for line in said() if line.startswith("jobs.W002")], "the filter does it alone"
    monkeypatch.setattr(network_filter, "possible", lambda: False)
    assert [line for line in said() if line.startswith("jobs.W002") and "unshare" in line]


def test_checks_warn_of_a_filesystem_that_knows_one_name_a_file_only(monkeypatch: pytest.MonkeyPatch):
    def refused(*names: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    assert not [line for line in said() if line.startswith("jobs.W003")]
    monkeypatch.setattr(Path, "hardlink_to", refused)
    assert [line for line in said() if line.startswith("jobs.W003")]


def test_checks_warn_of_any_host():
    assert any(line.startswith("jobs.W001") for line in said(ALLOWED_HOSTS=["*"]))


def test_checks_have_nothing_to_say_of_this_install():
    assert [line for line in said() if line.startswith("jobs.")] == []
