"""Jobs on the real parts while these are killed, restarted and starved: never lost or doubled, stopped when told."""

import hashlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from django.utils import timezone

from jobs.models import Artifact, Job
from tests import media
from tests.processes import BASE_DIR, Process, alive, belonging_to, wait_for
from tests.site import Site

S = Job.Status
OWNER = "ann@example.org"
SECONDS = 40
# Encoded as a whole: copying would be over before it could be interrupted.
CUTS = {"keep": [[0, 10], [12, SECONDS - 1]], "render": "encode"}
LENGTH = 10 + SECONDS - 1 - 12


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """On two cores its cut takes long enough to be interrupted."""
    path = tmp_path_factory.mktemp("recording") / "talk.mp4"
    media.run_ffmpeg(
        *media.picture(SECONDS, 30, "640x360"), *media.tone(SECONDS), *media.FAST_X264, "-c:a", "aac", media.url(path)
    )
    return path


@pytest.fixture
def site(mended_site) -> Site:
    return mended_site


def client(site: Site):
    return site.client(OWNER)


def uploaded(site: Site, recording: Path) -> str:
    with recording.open("rb") as file:
        answer = client(site).post("/api/v1/videos", files={"file": (recording.name, file)})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def submitted(site: Site, video: str, **params) -> str:
    body = {"video": video, "operation": "silence-cut", "params": params or CUTS}
    answer = client(site).post("/api/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def encoding(site: Site, job: str, attempt: int = 1) -> Job:
    """Wait until this attempt is in the middle of its work."""

    def reached() -> Job | None:
        row = site.job(job)
        assert row.status in (S.QUEUED, S.RUNNING), row.error_detail
        # What comes before the encoding is a tenth of it.
        return row if row.status == S.RUNNING and row.attempt == attempt and row.progress > 0.1 else None

    return wait_for(reached, f"attempt {attempt} to be encoding:\n{site.said()}")  # type: ignore[return-value]


def work_horse(site: Site, job: Job) -> int:
    """The process that does the job; the row names it."""
    return int(job.worker.split()[-1])


def ffmpegs(site: Site) -> dict[int, str]:
    return {pid: line for pid, line in belonging_to("DATA_DIR", str(site.data)).items() if "ffmpeg" in line}


def scratch(site: Site, job: str = "") -> list[Path]:
    folder = site.media / "scratch"
    return [found for found in folder.iterdir() if job in found.name] if folder.is_dir() else []


def assert_one_whole_result(site: Site, job: str, seconds: int = LENGTH) -> None:
    answer = client(site).get(f"/api/v1/jobs/{job}").json()
    assert answer["status"] == "succeeded"
    (artifact,) = answer["artifacts"]
    assert artifact["metadata"]["output_duration"] == pytest.approx(seconds, abs=0.001)
    file = site.media / "artifacts" / job / str(answer["attempt"]) / f"{artifact['id']}.mp4"
    assert [found for found in (site.media / "artifacts" / job).rglob("*") if found.is_file()] == [file]
    with site.orm():
        row = Artifact.objects.get(pk=artifact["id"])
    assert (row.size, row.sha256) == (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())
    # Another job may be at work by now, and that one's folder is there.
    wait_for(lambda: not scratch(site, job), "its scratch folder to be gone")


def test_a_killed_worker_costs_no_job(make_site, recording):
    """With the times of a real site: running again within 60 s."""
    site = make_site()
    job = submitted(site, uploaded(site, recording))
    horse = work_horse(site, encoding(site, job))
    killed_at = time.monotonic()
    site.kill(site.workers("cut")[0])
    wait_for(lambda: not alive(horse), "the work-horse to die with its worker")
    wait_for(lambda: not ffmpegs(site), "ffmpeg to die with the work-horse")
    site.start_worker("cut")
    again = wait_for(lambda: (row := site.job(job)).attempt == 2 and row, "the second attempt", 60)
    print(f"running again {time.monotonic() - killed_at:.1f} s after its worker was killed")
    assert again.status in (S.RUNNING, S.SUCCEEDED)
    site.wait_for_job(job, S.SUCCEEDED, seconds=120)
    assert_one_whole_result(site, job)


def test_a_killed_work_horse_costs_no_job(site, recording):
    job = submitted(site, uploaded(site, recording))
    os.kill(work_horse(site, encoding(site, job)), signal.SIGKILL)
    killed_at = time.monotonic()
    wait_for(lambda: site.job(job).attempt == 2, "the second attempt", 60)
    print(f"running again {time.monotonic() - killed_at:.1f} s after its work-horse was killed")
    site.wait_for_job(job, S.SUCCEEDED, seconds=120)
    assert site.job(job).attempt == 2
    assert_one_whole_result(site, job)


def test_a_worker_that_is_told_to_stop_puts_its_job_back_in_line_at_once(site, recording):
    job = submitted(site, uploaded(site, recording))
    encoding(site, job)
    site.kill(site.workers("cut")[0], signal.SIGTERM)
    assert site.job(job).status == S.QUEUED
    assert not ffmpegs(site)
    assert not scratch(site)
    site.start_worker("cut")
    site.wait_for_job(job, S.SUCCEEDED, seconds=120)
    assert_one_whole_result(site, job)


@pytest.fixture
def replace(site):
    """Let another command run in the place of one of the site's processes, for this test only."""
    replaced = []

    def start(process: Process, *argv: object) -> Process:
        site.kill(process, signal.SIGTERM)
        other = Process(process.name, argv, process.log, site.env)
        site.processes[process.name] = other
        replaced.append(other)
        return other

    yield start
    for other in replaced:
        site.kill(other, signal.SIGTERM)


def test_machines_whose_clocks_differ_take_no_work_from_each_other(site, recording, replace):
    """The worker's is half a minute behind, the reconciler's as much ahead, and 8 s of silence count as death."""
    assert site.env["LOST_AFTER_SECONDS"] == "8"
    video = uploaded(site, recording)
    (worker,) = site.workers("cut")
    replace(worker, sys.executable, "-m", "tests.wrong_clock", -30, "work", "cut")
    replace(site.processes["reconcile"], sys.executable, "-m", "tests.wrong_clock", 30, "reconcile")
    job = submitted(site, video)
    row = site.wait_for_job(job, seconds=180)
    assert (row.status, row.attempt) == (S.SUCCEEDED, 1), site.said()
    assert row.queued_at < row.started_at < row.finished_at
    assert_one_whole_result(site, job)


@pytest.mark.one_database
def test_a_worker_whose_machine_vanishes_is_counted_for_two_minutes_at_most(site):
    with site.redis.client() as redis:
        seconds = [redis.ttl(key) for key in redis.keys("rq:worker:*")]
    assert len(seconds) >= 2  # beside those that work there may be some that were killed a moment ago
    assert all(0 < left <= 120 for left in seconds)


@pytest.mark.one_database
def test_jobs_outlive_a_restart_of_redis(site, recording):
    video = uploaded(site, recording)
    running, queued = submitted(site, video), submitted(site, video, keep=[[0, 1]])
    encoding(site, running)
    site.restart_redis()
    for job, seconds in ((running, LENGTH), (queued, 1)):
        site.wait_for_job(job, S.SUCCEEDED, seconds=400)
        assert_one_whole_result(site, job, seconds)
    assert site.job(running).attempt == 1


@pytest.mark.one_database
def test_jobs_outlive_a_redis_that_lost_everything(site, recording):
    video = uploaded(site, recording)
    running, queued = submitted(site, video), submitted(site, video, keep=[[0, 1]])
    encoding(site, running)
    site.redis.stop(signal.SIGKILL)
    shutil.rmtree(site.data / "appendonlydir")
    site.redis.start()
    for job, seconds in ((running, LENGTH), (queued, 1)):
        site.wait_for_job(job, S.SUCCEEDED, seconds=400)
        assert_one_whole_result(site, job, seconds)


@pytest.mark.one_database
def test_a_submit_while_redis_is_down_is_kept_and_done_later(site, recording):
    video = uploaded(site, recording)
    site.redis.stop()
    job = submitted(site, video, keep=[[0, 1]])
    assert site.job(job).status == S.QUEUED
    site.redis.start()
    site.wait_for_job(job, S.SUCCEEDED, seconds=60)


def long_before_its_end(row: Job) -> float:
    """Seconds in which what was told to stop is gone: half of those that it would still work, as fast as so far."""
    worked = (timezone.now() - row.started_at).total_seconds()
    return max(2.0, worked * (1 - row.progress) / row.progress / 2)


def test_cancelling_stops_the_work(site, recording):
    video = uploaded(site, recording)
    job, following = submitted(site, video), submitted(site, video, keep=[[0, 1]])
    row = encoding(site, job)
    horse, seconds = work_horse(site, row), long_before_its_end(row)
    assert alive(horse)
    started = time.monotonic()
    answer = client(site).post(f"/api/v1/jobs/{job}/cancel")
    assert answer.json()["status"] == "cancelled"
    wait_for(lambda: not ffmpegs(site) and not scratch(site), "ffmpeg and scratch to be gone", seconds)
    wait_for(lambda: not alive(horse), "the work-horse to end", seconds)
    print(f"gone {time.monotonic() - started:.1f} s after it was cancelled")
    assert not (site.media / "artifacts" / job).exists()
    site.wait_for_job(following, S.SUCCEEDED)
    assert site.job(job).status == S.CANCELLED


@pytest.mark.one_database
def test_cancelling_works_while_redis_is_down(site, recording):
    job = submitted(site, uploaded(site, recording))
    seconds = long_before_its_end(encoding(site, job))
    site.redis.stop()
    assert client(site).post(f"/api/v1/jobs/{job}/cancel").json()["status"] == "cancelled"
    wait_for(lambda: not ffmpegs(site) and not scratch(site), "ffmpeg and scratch to be gone", 1 + seconds)
    site.redis.start()


def test_a_queued_job_is_cancelled_without_a_worker(site, recording):
    video = uploaded(site, recording)
    site.kill(site.workers("cut")[0], signal.SIGTERM)
    job = submitted(site, video)
    assert client(site).post(f"/api/v1/jobs/{job}/cancel").json()["status"] == "cancelled"
    following = submitted(site, video, keep=[[0, 1]])
    site.start_worker("cut")
    site.wait_for_job(following, S.SUCCEEDED)
    assert (site.job(job).status, site.job(job).attempt) == (S.CANCELLED, 0)


def test_deleting_the_recording_stops_the_work_on_it(site, recording):
    video = uploaded(site, recording)
    job = submitted(site, video)
    seconds = long_before_its_end(encoding(site, job))
    assert client(site).delete(f"/api/v1/videos/{video}?permanently=1").status_code == 200
    wait_for(lambda: not ffmpegs(site) and not scratch(site), "ffmpeg and scratch to be gone", 1 + seconds)
    assert client(site).get(f"/api/v1/jobs/{job}").status_code == 404
    assert not list((site.media / "videos").glob("*"))
    assert not list((site.media / "artifacts").glob("*"))


@pytest.mark.one_database
def test_a_full_disk_fails_the_job_with_a_sentence_and_gives_the_space_back(site, recording, replace):
    """The worker sees a scratch folder of 2 MB: a file system of its own, in a mount namespace of its own."""
    video = uploaded(site, recording)
    folder = site.media / "scratch"
    folder.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o size=2m tmpfs "{folder}" && exec "{sys.executable}" manage.py work cut encode'
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    (worker,) = site.workers("cut")
    site.kill(site.workers("fast")[0])  # one of them encodes
    crowded = replace(worker, *namespace, "sh", "-c", f"cd {BASE_DIR} && {script}")
    inside = Path(f"/proc/{crowded.pid}/root{folder}")
    body = {"video": video, "operation": "extract-audio", "params": {"format": "wav"}}
    extraction = client(site).post("/api/v1/jobs", json=body).json()["id"]  # by a program, the cut by libraries
    for job in (submitted(site, video), extraction):
        row = site.wait_for_job(job, seconds=120)
        assert (row.status, row.error_code) == (S.FAILED, "disk_full"), (row.error_message, site.said())
        assert "disk is full" in row.error_message
        assert "No space left" in row.error_detail
        assert not list(inside.iterdir())
        assert not (site.media / "artifacts" / job).exists()
    assert "ffmpeg" in row.command_log  # for the operator: what was run
    assert "No space left" in row.log_tail


def test_a_failure_tells_the_owner_a_sentence_and_nothing_else(site, recording):
    video = uploaded(site, recording)
    source = next((site.media / "videos" / video).rglob("source.*"))
    source.write_bytes(source.read_bytes()[:1000])  # the disk lost the rest after the upload
    row = site.wait_for_job(submitted(site, video), seconds=120)
    assert row.status == S.FAILED
    assert row.error_message.endswith(".")
    answer = client(site).get(f"/api/v1/jobs/{row.pk}").json()
    assert answer["error"] == {"code": row.error_code, "message": row.error_message}
    assert "Traceback" not in str(answer)
    assert str(site.media) not in str(answer)


@pytest.mark.one_database
def test_a_recording_of_huge_pictures_fails_with_a_sentence_and_the_next_one_is_worked_on(make_site, tmp_path):
    """A few bytes that take much memory: held to what one job may have, whichever program asks for it."""
    site = make_site(JOB_MEMORY_MB="400")
    huge, small = tmp_path / "huge.mp4", tmp_path / "small.mp4"
    for path, size in ((huge, "8192x8192"), (small, "160x90")):
        media.run_ffmpeg(*media.picture(1, 5, size), *media.FAST_X264, media.url(path))
    body = {"operation": "convert", "params": {"target": "mp4", "resolution": 80}}
    ended = []
    for path in (huge, small):
        answer = client(site).post("/api/v1/jobs", json={**body, "video": uploaded(site, path)})
        job = answer.json()["id"]
        with site.orm():
            wait_for(lambda job=job: not Job.objects.get(pk=job).is_active, f"the end of {path.name}", seconds=180)
            ended.append(Job.objects.get(pk=job))
    assert [job.status for job in ended] == [S.FAILED, S.SUCCEEDED], [job.error_detail for job in ended]
    assert (ended[0].error_code, ended[0].attempt) == ("too_heavy", 1)
    assert "more memory" in ended[0].error_message and "again" not in ended[0].error_message
