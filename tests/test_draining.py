"""Workers that are told to go, on the real parts: they finish what they do or give it back, and it costs nothing."""

import os
import signal
from pathlib import Path

import pytest

from jobs.models import Flow, Job
from jobs.services import losses
from tests import media
from tests.processes import Process, alive, children, wait_for
from tests.site import Site
from tests.test_recovery import OWNER, encoding, ffmpegs, scratch, submitted, uploaded, work_horse

S = Job.Status
LONG = "600"
"""Seconds of grace that no test waits for."""


@pytest.fixture
def site(mended_site: Site) -> Site:
    return mended_site


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """On two cores its encode takes long enough to be interrupted."""
    path = tmp_path_factory.mktemp("recording") / "talk.mp4"
    media.run_ffmpeg(
        *media.picture(40, 30, "640x360"), *media.tone(40), *media.FAST_X264, "-c:a", "aac", media.url(path)
    )
    return path


@pytest.fixture
def cutting(site: Site, monkeypatch):
    """Starts workers of cuts that have so many seconds of grace, in one process, instead of the site's own."""
    started: list[Process] = []

    def start(grace: str, *queues: str) -> Process:
        for process in site.workers("cut"):
            site.kill(process)
        monkeypatch.setitem(site.env, "STOP_GRACE_SECONDS", grace)
        started.append(site.start_worker(*(queues or ("cut",))))
        return started[-1]

    yield start
    for process in started:
        site.kill(process)


def flows(site: Site) -> list[tuple[int, float]]:
    """What each owner has had of cuts, as the fair line counts it."""
    with site.orm():
        return list(Flow.objects.filter(queue="cut").order_by("owner_id").values_list("owner_id", "finish_tag"))


def assert_given_back(site: Site, before: Job) -> None:
    """The job waits in the place that it had, nothing counts against it, and nothing of the attempt is left."""
    row = site.job(before.pk)
    assert (row.status, row.losses, row.worker) == (S.QUEUED, 0, ""), site.said()
    assert row.stage in (losses.STOPPED.stage, losses.STOPPED.stage_kept)
    assert row.queued_at == before.queued_at
    assert not ffmpegs(site)
    assert not scratch(site, str(row.pk))


def test_sigterm_lets_a_worker_finish_what_it_does_and_it_takes_nothing_new(site, cutting, recording):
    worker = cutting(LONG)
    video = uploaded(site, recording)
    job, following = submitted(site, video), submitted(site, video)
    encoding(site, job)
    os.kill(worker.pid, signal.SIGTERM)
    row = site.wait_for_job(job, seconds=120)
    assert (row.status, row.attempt, row.losses) == (S.SUCCEEDED, 1, 0), site.said()
    wait_for(lambda: not worker.alive, "the end of the worker")
    assert (worker.end(), site.job(following).attempt) == (0, 0)
    site.client(OWNER).post(f"/api/v1/jobs/{following}/cancel").raise_for_status()


def test_a_second_signal_has_the_job_given_back_and_it_is_the_next_to_be_done(site, cutting, recording):
    pool = cutting(LONG, "cut", "cut")
    video = uploaded(site, recording)
    before = encoding(site, submitted(site, video))
    os.kill(pool.pid, signal.SIGTERM)
    wait_for(lambda: len(children(pool.pid)) == 1, "the idle one to end")
    following = submitted(site, video)
    assert site.job(before.pk).status == S.RUNNING
    owed = flows(site)
    os.kill(pool.pid, signal.SIGTERM)
    assert pool.ended(60) == 0
    assert_given_back(site, before)
    cutting("0")
    assert encoding(site, str(before.pk), attempt=2).queued_at == before.queued_at
    assert site.job(following).status == S.QUEUED, "the queue keeps its order"
    assert flows(site) == owed, "and its owner pays nothing again"
    for pk in (following, before.pk):
        site.client(OWNER).post(f"/api/v1/jobs/{pk}/cancel").raise_for_status()


def test_ctrl_c_has_the_job_given_back_at_once(site, cutting, recording):
    worker = cutting(LONG)
    before = encoding(site, submitted(site, uploaded(site, recording)))
    os.kill(worker.pid, signal.SIGINT)
    assert worker.ended(60) == 0
    assert_given_back(site, before)


def test_when_its_time_is_up_a_work_horse_that_hears_nothing_is_ended_and_its_job_given_back(site, cutting, recording):
    site.kill(site.processes["reconcile"])  # here it takes 5 s of silence for death
    worker = cutting("1")
    before = encoding(site, submitted(site, uploaded(site, recording)))
    horse = work_horse(site, before)
    os.kill(horse, signal.SIGSTOP)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.ended(60) == 0
    assert not alive(horse)
    assert_given_back(site, before)
