"""/healthz, /readyz and the start-up checks."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import OperationalError, connection
from django.test import AsyncClient, Client, override_settings

from jobs import machine
from jobs.engine.runtime import network_filter, subprocess_runner
from tests.servers import Redis
from videoservice.worker_set import QUEUES

WORKER = {"machine": machine.identity(), "last_heartbeat": "2026-01-01T00:00:00.000000Z"}


def register(redis_server: Redis, queue: str, pid: int, **fields: str) -> None:
    """A worker as RQ notes it in Redis."""
    key = f"rq:worker:{queue}-{pid}"
    with redis_server.client() as client:
        client.hset(key, mapping={**WORKER, "pid": pid, **fields})
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
    response = client.get("/readyz")
    answer = response.json()
    assert response.status_code == (200 if answer["ok"] else 503)
    assert answer["ok"] == all(answer["checks"].values())
    return answer["checks"]


async def test_healthz_answers_without_asking_anything(async_client: AsyncClient):
    """No database mark here: a query would fail this test."""
    response = await async_client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"ok": True}


@pytest.mark.django_db
def test_readyz_is_well_when_everything_is_there(client: Client, workers: None):
    assert checks(client) == {
        "database": True,
        "redis": True,
        "storage": True,
        "fast worker": True,
        "cut worker": True,
        "encode worker": True,
        "speech worker": True,
        "hooks worker": True,
        "fetch worker": True,
    }


@pytest.mark.django_db
def test_a_queue_without_a_worker_is_named(client: Client, redis_server: Redis):
    register(redis_server, "fast", os.getpid())
    found = checks(client)
    assert found["fast worker"] and not found["cut worker"]


@pytest.mark.django_db
def test_the_registration_of_a_killed_worker_does_not_count(
    client: Client, workers: None, redis_server: Redis, dead_pid: int
):
    with redis_server.client() as redis:
        redis.delete(f"rq:worker:cut-{os.getpid()}")
    register(redis_server, "cut", dead_pid)
    assert not checks(client)["cut worker"]


@pytest.mark.django_db
def test_a_killed_worker_that_nobody_reaped_yet_does_not_count(client: Client, workers: None, redis_server: Redis):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with redis_server.client() as redis:
        redis.delete(f"rq:worker:cut-{os.getpid()}")
    register(redis_server, "cut", child.pid)
    assert checks(client)["cut worker"]
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but still in the table of processes
    assert not checks(client)["cut worker"]
    child.communicate()


@pytest.mark.django_db
def test_a_worker_that_said_goodbye_does_not_count(client: Client, workers: None, redis_server: Redis):
    register(redis_server, "cut", os.getpid(), death="2026-01-01T00:00:01.000000Z")
    assert not checks(client)["cut worker"]


@pytest.mark.django_db
def test_a_worker_on_another_machine_counts_until_its_registration_expires(
    client: Client, workers: None, redis_server: Redis, dead_pid: int
):
    with redis_server.client() as redis:
        redis.delete(f"rq:worker:cut-{os.getpid()}")
    register(redis_server, "cut", dead_pid, machine="another")
    assert checks(client)["cut worker"]
    with redis_server.client() as redis:
        redis.delete(f"rq:worker:cut-{dead_pid}")
    assert not checks(client)["cut worker"]


@pytest.mark.django_db
def test_a_missing_media_folder_is_named(client: Client, workers: None, tmp_path: Path):
    with override_settings(MEDIA_ROOT=tmp_path / "gone"):
        assert not checks(client)["storage"]


@pytest.mark.django_db
def test_a_database_that_is_away_is_named(client: Client, workers: None, monkeypatch: pytest.MonkeyPatch):
    def away() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", away)
    found = checks(client)
    assert not found["database"] and found["redis"]


@pytest.mark.django_db
def test_a_redis_that_is_away_is_named(client: Client, workers: None, redis_server: Redis):
    redis_server.stop()
    try:
        found = checks(client)
        assert found["database"] and not found["redis"] and not found["cut worker"]
    finally:
        redis_server.start()


def said(**settings: object) -> list[str]:
    with override_settings(**settings):
        return [f"{message.id} {message.msg}" for message in run_checks(include_deployment_checks=True)]


def test_checks_name_an_ffmpeg_that_is_not_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    assert "jobs.E001 ffmpeg is not there or cannot be run: /nowhere/ffmpeg." in said()


def test_checks_name_a_folder_that_cannot_be_written():
    assert "jobs.E002 The media folder /proc/media cannot be written." in said(MEDIA_ROOT=Path("/proc/media"))


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
