"""Work that was interrupted goes on from what is kept of it: on the real parts, and what becomes of what is kept."""

import os
import time
from pathlib import Path

import pytest

from jobs import storage
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts
from jobs.models import Experience, Job
from jobs.progress import LifeSigns
from jobs.services import going_on, losses, reconcile
from tests import factories, media
from tests.processes import wait_for
from tests.site import Site
from tests.test_recovery import assert_one_whole_result, client, submitted, uploaded

S = Job.Status
SECONDS = 60


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "talk.mp4"
    media.run_ffmpeg(
        *media.picture(SECONDS, 30, "640x360"), *media.tone(SECONDS), *media.FAST_X264, "-c:a", "aac", media.url(path)
    )
    return path


def parts(site: Site, job: str) -> dict[str, float]:
    """What is kept of a job, and when each part was made."""
    found = (site.media / "cache" / "parts" / job).glob("*/*-*")
    return {file.name: file.stat().st_mtime for file in found if not file.name.startswith(".")}


def learnt(site: Site) -> int:
    with site.orm():
        return sum(len(row.runs) for row in Experience.objects.exclude(kind="busy"))


def test_a_killed_worker_costs_only_what_it_had_in_hand(mended_site: Site, recording: Path):
    site = mended_site
    runs = learnt(site)
    job = submitted(site, uploaded(site, recording), keep=[[0, SECONDS]], render="encode", margin_before_ms=0)
    wait_for(lambda: len(parts(site, job)) >= 3, f"three parts to be kept:\n{site.said()}")
    site.kill(site.workers("cut")[0])
    made = parts(site, job)
    assert len(made) < SECONDS / 10, "it was killed in the middle"
    back = losses.SILENT.stage_kept  # in two steps: a worker that was there already might be quicker than the second
    wait_for(lambda: site.job(job).stage == back, f"the job to be back in line:\n{site.said()}")
    site.start_worker("cut")
    said = set()

    def goes_on() -> bool:
        row = site.job(job)
        said.add(row.stage)
        assert row.status != S.FAILED, row.error_detail
        return row.status == S.SUCCEEDED

    wait_for(goes_on, "the job to be done", 120)
    assert any(stage.startswith("Going on at ") for stage in said), said
    row = site.job(job)
    assert (row.attempt, row.losses) == (2, 1)
    assert_one_whole_result(site, job, SECONDS)
    wait_for(lambda: not (site.media / "cache" / "parts" / job).exists(), "what was kept to be gone")
    assert learnt(site) == runs, "half of the work says nothing of the whole"


def test_what_is_kept_of_cancelled_work_goes(mended_site: Site, recording: Path):
    site = mended_site
    job = submitted(site, uploaded(site, recording), keep=[[0, SECONDS]], render="encode")
    wait_for(lambda: parts(site, job), "a part to be kept")
    client(site).post(f"/api/v1/jobs/{job}/cancel").raise_for_status()
    wait_for(lambda: not (site.media / "cache" / "parts" / job).exists(), "what was kept to be gone")


# What is kept --------------------------------------------------------------------------------------------------------


def keep(job: Job) -> Path:
    kept = going_on.parts_of(job)
    kept.of("encode").save("0-10", b"packets")
    return going_on.folder() / str(job.pk)


@pytest.mark.django_db
def test_what_ended_jobs_have_left_is_swept_and_what_others_need_stays():
    left = {state: keep(factories.job(status=state)) for state in S}
    for folder in left.values():
        assert folder.is_dir()
    going_on.sweep()
    assert {state for state, folder in left.items() if folder.exists()} == {S.WAITING, S.QUEUED, S.RUNNING}


@pytest.mark.django_db
def test_what_waits_for_too_long_is_swept(monkeypatch):
    folders = [keep(factories.job(status=state)) for state in (S.QUEUED, S.RUNNING)]
    for folder in folders:
        long_ago = time.time() - going_on.OLD_SECONDS - 60
        os.utime(folder, (long_ago, long_ago))
    going_on.sweep()
    assert [folder.exists() for folder in folders] == [False, True]


@pytest.mark.django_db
def test_a_full_disk_takes_what_is_kept_of_waiting_jobs_and_nothing_more_is_kept(settings):
    folders = [keep(factories.job(status=state)) for state in (S.QUEUED, S.RUNNING)]
    settings.FREE_MARGIN_BYTES = 2 * storage.free_bytes()
    going_on.sweep()
    assert [folder.exists() for folder in folders] == [False, True]
    assert not keep(factories.job(status=S.RUNNING)).joinpath("0-10").exists()


@pytest.mark.django_db
def test_a_job_that_was_released_says_whether_it_begins_anew():
    for keeps in (True, False):
        job = factories.job(status=S.RUNNING)
        if keeps:
            keep(job)
        reconcile.recover(job, losses.STOPPED)
        job.refresh_from_db()
        assert (job.status, job.losses) == (S.QUEUED, 0)
        assert job.stage == (losses.STOPPED.stage_kept if keeps else losses.STOPPED.stage)


@pytest.mark.django_db(transaction=True)
def test_progress_says_where_it_goes_on_and_then_what_it_does(tmp_path, monkeypatch):
    job, kept = factories.job(status=S.RUNNING), KeptParts(FolderPlace(tmp_path / "parts"))
    with LifeSigns(job, 60, kept) as signs:
        signs.progress(0.0, "Encoding 1 part")
        assert not signs.went_on
        kept.found = 64
        signs._reported = (0.0, 0.0, "")
        signs.progress(0.64, "Encoding 1 part")
        job.refresh_from_db()
        assert (job.progress, job.stage) == (0.64, "Going on at 64 %")
        assert signs.went_on
        signs._skipped_at -= 60
        signs._reported = (0.0, 0.0, "")
        signs.progress(0.65, "Encoding 1 part")
        job.refresh_from_db()
        assert job.stage == "Encoding 1 part"
