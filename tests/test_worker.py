"""Workers on the real parts: who they are, and what they make of a Redis that goes away or forgets."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from jobs import machine
from jobs.models import Job
from jobs.services import losses
from jobs.worker import MediaWorker, unique_name
from tests import media
from tests.page_socket import Socket
from tests.processes import alive, wait_for
from tests.site import Site, works
from videoservice.worker_set import QUEUES

S = Job.Status


@pytest.fixture
def site(mended_site) -> Site:
    return mended_site


def ready(site: Site) -> bool:
    return works(site.url)


def registered(site: Site) -> set[str]:
    with site.redis.client() as redis:
        keys = redis.smembers("rq:workers")
        return {key.decode() for key in keys if alive(int(redis.hget(key, "pid") or 0))}


def ordered(site: Site, recording: Path, operation: str, **params) -> str:
    client = site.client("ann@example.org")
    with recording.open("rb") as file:
        video = client.post("/api/v1/videos", files={"file": file}).json()["id"]
    answer = client.post("/api/v1/jobs", json={"video": video, "operation": operation, "params": params})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def assert_quiet(site: Site) -> None:
    """No process has shown a traceback."""
    for process in site.processes.values():
        assert "Traceback" not in process.said(), process.said()


# Redis ---------------------------------------------------------------------------------------------------------------


def test_the_site_is_ready_again_after_redis_lost_its_data(site):
    before = registered(site)
    assert len(before) == len(QUEUES)
    (worker,) = site.workers("cut")
    os.kill(worker.pid, signal.SIGSTOP)  # it would register again before anybody has looked
    with site.redis.client() as redis:
        redis.flushall()
    wait_for(lambda: not ready(site), "the site to see that it lacks workers")
    os.kill(worker.pid, signal.SIGCONT)
    wait_for(lambda: ready(site), "the workers to register again")
    assert registered(site) == before


def test_idle_workers_outlive_a_restart_of_redis(site):
    before = registered(site)
    site.redis.stop()
    time.sleep(3)  # long enough for everybody to notice
    site.redis.start()
    wait_for(lambda: ready(site), "the site to be ready again")
    assert registered(site) == before
    assert all(process.alive for process in site.processes.values())
    assert_quiet(site)


@contextlib.contextmanager
def hung(site: Site) -> Iterator[None]:
    os.kill(site.redis.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(site.redis.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def locked(site: Site) -> Iterator[None]:
    """It asks for a password that nobody was told."""
    with site.redis.client() as redis:
        redis.config_set("requirepass", "secret")
        redis.client_kill_filter(_type="normal", skipme=True)
        redis.client_kill_filter(_type="pubsub")
        try:
            yield
        finally:
            redis.config_set("requirepass", "")


@pytest.mark.parametrize("trouble", [hung, locked])
def test_idle_processes_outlive_a_redis_that_hangs_or_asks_for_a_password(site, tmp_path, trouble):
    page = Socket(site.url, site.client("ann@example.org").cookies["sessionid"])
    before = registered(site)
    with trouble(site):
        assert requests.get(f"{site.url}/readyz", timeout=30).json()["checks"]["redis"] is False
        time.sleep(12)  # longer than anybody waits for an answer
    page.connection.close()
    wait_for(lambda: ready(site), "the site to be ready again")
    assert registered(site) == before
    assert all(process.alive for process in site.processes.values())
    job = ordered(site, media.video(tmp_path / "talk.mp4", seconds=3), "trim", start=0, end=1)
    assert site.wait_for_job(job).status == S.SUCCEEDED
    assert_quiet(site)


@pytest.mark.parametrize("away", [False, True], ids=["flushed", "away"])
def test_work_ends_quietly_when_redis_lost_its_entry_or_is_away(site, tmp_path, away):
    params = {"keep": [[0, 10], [12, 30]], "render": "encode"}
    job = ordered(site, media.video(tmp_path / "talk.mp4", seconds=30), "silence-cut", **params)
    wait_for(lambda: site.job(job).status != S.QUEUED, "the work to begin")
    if away:
        site.redis.stop()
    else:
        with site.redis.client() as redis:
            redis.flushall()
    assert site.wait_for_job(job).status == S.SUCCEEDED
    if away:
        site.redis.start()
    wait_for(lambda: ready(site), "the site to be ready again")
    following = ordered(site, media.video(tmp_path / "next.mp4", seconds=3), "silence-cut", keep=[[0, 1]])
    assert site.wait_for_job(following).status == S.SUCCEEDED
    assert site.job(job).attempt == 1
    assert_quiet(site)


# Ends ----------------------------------------------------------------------------------------------------------------


def test_more_restarts_than_a_job_may_lose_workers_cost_it_nothing(site, settings, tmp_path):
    params = {"keep": [[0, 10], [12, 30]], "render": "encode"}
    job = ordered(site, media.video(tmp_path / "talk.mp4", seconds=30), "silence-cut", **params)
    for attempt in range(1, settings.MAX_ATTEMPTS + 2):
        (worker,) = site.workers("cut")
        # It may be too quick for us, but not each time.
        row = wait_for(lambda n=attempt: (row := site.job(job)).attempt == n and row, f"attempt {attempt}")
        if row.status != S.RUNNING:
            break
        site.kill(worker, signal.SIGTERM)
        row = site.job(job)
        if row.status == S.SUCCEEDED:  # it goes on where it was, so it may be at its end by now
            break
        assert (row.status, row.losses) == (S.QUEUED, 0)
        assert row.stage in (losses.STOPPED.stage, losses.STOPPED.stage_kept)
        site.start_worker("cut")
    assert site.wait_for_job(job, seconds=120).status == S.SUCCEEDED
    assert_quiet(site)


def ended(**how) -> int:
    """The wait status of a process that ended like this."""
    number = how.get("signal")
    process = subprocess.Popen(
        [sys.executable, "-c", f"import os; os.kill(os.getpid(), {number})" if number else "1/0"]
    )
    return os.waitpid(process.pid, 0)[1]


@pytest.mark.parametrize(
    ("how", "oom_kills", "stopping", "loss"),
    [
        ({"signal": int(signal.SIGKILL)}, 0, False, losses.KILLED),
        ({"signal": int(signal.SIGKILL)}, 1, False, losses.MEMORY),
        ({"signal": int(signal.SIGKILL)}, 0, True, losses.STOPPED),
        ({"signal": int(signal.SIGTERM)}, 0, False, losses.STOPPED),
        ({"signal": int(signal.SIGSEGV)}, 1, False, losses.KILLED),
        ({}, 0, False, losses.KILLED),
    ],
)
def test_it_tells_apart_how_a_work_horse_ended(redis_server, monkeypatch, how, oom_kills, stopping, loss):
    worker = MediaWorker(["fast"], name=unique_name("fast"), connection=redis_server.client())
    monkeypatch.setattr(machine, "oom_kills", lambda: oom_kills)  # the kernel's count is out of reach
    worker._status, worker._stop_requested = ended(**how), stopping
    assert worker._loss() is loss


# Life signs ----------------------------------------------------------------------------------------------------------


def test_a_sign_of_life_tells_what_the_work_horse_takes_too(redis_server):
    worker = MediaWorker(["fast"], name=unique_name("fast"), connection=redis_server.client())
    code = "data = bytearray(400_000_000); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as horse:
        horse.stdout.readline()
        worker._horse_pid = horse.pid
        worker.register_birth()
        worker.heartbeat()
        horse.communicate(b"\n")
    memory = int(worker.connection.hget(worker.key, "memory_bytes"))
    worker.register_death()  # other tests count who is there
    assert memory > 400_000_000


# Names ---------------------------------------------------------------------------------------------------------------


def test_workers_on_hosts_of_the_same_name_have_names_of_their_own():
    names = {unique_name("cut") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(f"{os.uname().nodename}-cut-") for name in names)


def test_a_job_names_the_worker_that_does_it(site, tmp_path):
    job = ordered(site, media.video(tmp_path / "talk.mp4", seconds=3), "trim", start=0, end=1)
    row = site.wait_for_job(job)
    name, pid = row.worker.rsplit(" ", 1)
    assert f"rq:worker:{name}" in registered(site)
    assert name.startswith(f"{os.uname().nodename}-{row.queue}-")
    assert int(pid) > 0


def test_pages_come_before_work(site, tmp_path):
    recording = media.video(tmp_path / "talk.mp4", seconds=30)
    job = ordered(site, recording, "silence-cut", keep=[[0, 10], [12, 30]], render="encode")
    running = site.wait_for_job(job, S.RUNNING)
    horse = int(running.worker.rsplit(" ", 1)[1])
    (worker,) = site.workers("cut")
    nicenesses = [os.getpriority(os.PRIO_PROCESS, pid) for pid in (site.processes["web"].pid, worker.pid, horse)]
    assert nicenesses == [nicenesses[0], nicenesses[0], min(19, nicenesses[0] + 10)]
    site.client("ann@example.org").post(f"/api/v1/jobs/{job}/cancel").raise_for_status()


# Before the fork -----------------------------------------------------------------------------------------------------


def test_work_horses_find_loaded_what_they_need(site, monkeypatch, tmp_path):
    for worker in site.workers("fast"):
        site.kill(worker, signal.SIGTERM)
    monkeypatch.setitem(site.env, "PYTHONPROFILEIMPORTTIME", "1")
    known = registered(site)
    worker = site.start_worker("fast")
    wait_for(lambda: registered(site) - known, "the worker to register")
    before = len(worker.said())
    recording = media.video(tmp_path / "talk.mp4", seconds=3)
    for operation, params in (("trim", {"start": 0, "end": 1}), ("thumbnails", {"count": 2})):
        assert site.wait_for_job(ordered(site, recording, operation, **params)).status == S.SUCCEEDED
        recording = media.video(tmp_path / "other.mp4", seconds=4)
    loaded = {line.rpartition("|")[2].strip() for line in worker.said()[before:].splitlines()}
    assert not [name for name in loaded if name.partition(".")[0] in ("jobs", "numpy", "PIL", "channels_redis")]
    site.kill(worker, signal.SIGTERM)  # the next one says no more than others
