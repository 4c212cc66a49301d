"""A chain on the real parts while these are killed in its middle: nothing is lost, nothing is done twice."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.models import Artifact, Job, Run, Video
from tests import media
from tests.chains.conftest import step
from tests.processes import wait_for
from tests.site import WORKERS, Site

S = Job.Status
SECONDS = 24
OTHERS = next(queues for queues in WORKERS if queues[0] == "fast")
STEPS = [
    step("Trim", "trim", start=1),
    # Encoded as a whole, which can be interrupted.
    step("Small", "convert", "Trim", quality="high", resolution=180),
    step("Stills", "thumbnails", "Small", count=2),
    step("Sound", "extract-audio", "Trim"),
]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "talk.mp4"
    media.run_ffmpeg(
        *media.picture(SECONDS, 30, "640x360"), *media.tone(SECONDS), *media.FAST_X264, "-c:a", "aac", media.url(path)
    )
    return path


def kill_workers(site: Site) -> None:
    for queue in ("fast", "cut"):  # each process by the first of its queues: all four
        for process in site.workers(queue):
            site.kill(process)
    site.start_worker("cut")
    site.start_worker(*OTHERS)


def kill_redis(site: Site) -> None:
    site.restart_redis(signal.SIGKILL)


def kill_web(site: Site) -> None:
    site.restart_web(signal.SIGKILL)


def stop_workers(site: Site) -> None:
    for process in site.workers("fast"):
        site.kill(process, signal.SIGTERM)
    site.start_worker(*OTHERS)


@pytest.mark.parametrize("strike", [kill_workers, stop_workers, kill_redis, kill_web])
def test_a_chain_outlives_what_is_killed_in_its_middle(
    mended_site: Site, recording: Path, strike: Callable[[Site], None]
) -> None:
    site = mended_site
    client = site.client("ann@example.org")
    with recording.open("rb") as file:
        answer = client.post("/api/v1/videos?duplicate=allow", files={"file": (recording.name, file)})
    assert answer.status_code == 201, answer.text
    run = client.post(f"/api/v1/videos/{answer.json()['id']}/pipeline", json={"steps": STEPS})
    assert run.status_code == 201, run.text
    pk = run.json()["id"]
    wait_for(lambda: encoding(site, pk), f"the second step to be at work:\n{site.said()}", 90)
    strike(site)
    wait_for(lambda: state(site, pk) in (S.SUCCEEDED, S.FAILED), f"the chain to end:\n{site.said()}", 120)
    assert_whole(site, pk)


def encoding(site: Site, pk: str) -> bool:
    with site.orm():
        job = Job.objects.get(run=pk, step="Small")
        return job.status == S.RUNNING and job.progress > 0.05


def state(site: Site, pk: str) -> str:
    with site.orm():
        return Run.objects.get(pk=pk).status


def assert_whole(site: Site, pk: str) -> None:
    with site.orm():
        jobs = list(Job.objects.filter(run=pk))
        assert sorted((job.step, job.status) for job in jobs) == sorted((one["name"], S.SUCCEEDED) for one in STEPS)
        assert Run.objects.get(pk=pk).status == S.SUCCEEDED
        files = {site.media / one.key: one.size for one in Artifact.objects.filter(job__run=pk)}
        trimmed = Artifact.objects.get(job__run=pk, job__step="Trim")
        assert {job.source_id for job in jobs if job.step in ("Small", "Sound")} == {trimmed.pk}
        assert Video.objects.filter(artifact__job__run=pk).count() == 2, "of the trim and of the small one"
    assert len(files) == 5
    assert {file: file.stat().st_size for file in files} == files
    found = [path for job in jobs for path in (site.media / "artifacts" / str(job.pk)).rglob("*") if path.is_file()]
    assert sorted(found) == sorted(files), "no file that no row knows"
