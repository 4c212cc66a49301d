"""Several workers under one parent: `manage.py work fast speech`."""

import os
import signal

import pytest

from jobs.models import Job
from jobs.worker_pool import LATE_SECONDS, Place
from tests import media
from tests.processes import alive, children, wait_for
from tests.site import WORKERS, Site
from tests.test_worker import ordered


@pytest.fixture
def site(mended_site: Site) -> Site:
    return mended_site


def listening(site: Site) -> dict[int, str]:
    """The queue of each registered worker by its process id."""
    found = {}
    with site.redis.client() as redis:
        for key in redis.smembers("rq:workers"):
            pid, queues = redis.hmget(key, "pid", "queues")
            if pid and alive(int(pid)):
                found[int(pid)] = queues.decode()
    return found


def test_each_name_gets_a_process_that_listens_to_one_queue_and_is_started_again(site):
    others = set(listening(site))
    pool = site.start_worker("fast", "fast", "speech")

    def own() -> dict[int, str] | None:
        found = {pid: queue for pid, queue in listening(site).items() if pid not in others}
        return found if sorted(found.values()) == ["fast", "fast", "speech"] else None

    pids = wait_for(own, "three workers")
    assert set(pids) == set(children(pool.pid))
    killed = next(pid for pid, queue in pids.items() if queue == "speech")
    os.kill(killed, signal.SIGKILL)
    again = wait_for(lambda: (found := own()) and killed not in found and found, "it to be started again")
    assert set(pids) - {killed} < set(again)
    site.kill(pool, signal.SIGTERM)
    assert not any(map(alive, again)), "it ends when all have ended"
    with site.redis.client() as redis:
        assert not [key for key in redis.smembers("rq:workers") if int(redis.hget(key, "pid") or 0) in again]
    assert "Traceback" not in pool.said()


def test_workers_die_with_their_parent(site):
    (pool,) = site.workers("fast")
    pids = children(pool.pid)
    assert len(pids) == len(WORKERS[1])
    os.kill(pool.pid, signal.SIGKILL)
    wait_for(lambda: not any(map(alive, pids)), "the end of all")


def test_workers_that_are_drained_finish_what_they_do_and_take_nothing_new(site, tmp_path):
    site.kill(site.workers("cut")[0])
    pool = site.start_worker("cut", "cut")
    wait_for(lambda: list(listening(site).values()).count("cut") == 2, "both workers")
    cut = {"keep": [[0, 10], [12, 30]], "render": "encode"}
    job = ordered(site, media.video(tmp_path / "talk.mp4", seconds=30), "silence-cut", **cut)
    site.wait_for_job(job, Job.Status.RUNNING)
    os.kill(pool.pid, signal.SIGUSR1)
    wait_for(lambda: len(children(pool.pid)) == 1, "the idle one to end")
    following = ordered(site, media.video(tmp_path / "next.mp4", seconds=3), "silence-cut", keep=[[0, 1]])
    row = site.wait_for_job(job, seconds=120)
    assert (row.status, row.attempt, row.losses) == (Job.Status.SUCCEEDED, 1, 0)
    wait_for(lambda: not pool.alive, "the end of all")
    assert (pool.end(), site.job(following).status) == (0, Job.Status.QUEUED)
    site.mend()
    assert site.wait_for_job(following).status == Job.Status.SUCCEEDED


def test_one_that_dies_at_once_is_started_again_less_and_less_often(monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    place, pauses = Place("cut"), []
    for _ in range(8):
        place.started = now
        place.ended()
        pauses.append(place.due - now)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    place.started, now = now, now + LATE_SECONDS + 1
    place.ended()
    assert place.due == now
