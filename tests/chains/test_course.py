"""What becomes of chains: files on the way, deaths in between, audio that is handed over, work at an upload."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from jobs import storage, tasks
from jobs.errors import InputError
from jobs.models import Artifact, Job, Run, Video
from jobs.services import jobs, lifecycle, reconcile, runs
from tests.chains.conftest import MARK, STILLS, TRIM, aged, chain, passing, states, step, work_off

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


# Files on the way ----------------------------------------------------------------------------------------------------


@pytest.mark.each_database
def test_results_on_the_way_are_dropped_when_the_chain_has_been_done_for_a_while(talk: Video):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "All three"))
    trimmed = runs.jobs_of(run)["Trim"].artifacts.get()
    assert passing(run) == {"Trim": trimmed.size}
    runs.sweep()
    assert storage.path(trimmed.key).is_file(), "somebody may still want to change a step"
    aged(run)
    runs.sweep()
    assert not storage.path(trimmed.key).exists()
    found = runs.jobs_of(run)
    assert found["Trim"].dropped_at and not found["Trim"].artifacts.exists()
    assert found["Mark"].artifacts.exists() and found["Stills"].artifacts.exists()
    assert passing(run) == {}
    again = work_off(runs.again(run, {"Mark": {"resolution": 64}}))
    assert again.status == S.SUCCEEDED, "what was dropped is made again"


def test_results_that_are_kept_by_choice_stay(talk: Video):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM, MARK), "Two"))
    runs.keep(run, "Trim")
    aged(run)
    runs.sweep()
    assert runs.jobs_of(run)["Trim"].artifacts.exists()


def test_a_result_that_other_work_still_needs_is_not_dropped(talk: Video):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM, MARK), "Two"))
    trimmed = runs.jobs_of(run)["Trim"]
    other = jobs.create_on_result(trimmed, "trim", trimmed.kind.params({"start": 1, "end": None}))
    aged(run)
    runs.sweep()
    assert trimmed.artifacts.exists()
    tasks.run_job(str(other.pk))
    runs.sweep()
    assert not trimmed.artifacts.exists()


# Dying in between ----------------------------------------------------------------------------------------------------


def test_a_chain_whose_maker_died_right_after_its_rows_goes_on(talk: Video, monkeypatch):
    monkeypatch.setattr(runs, "_set_off", lambda *_: None)
    run = runs.start(talk.owner, talk, chain(TRIM, MARK), "Two")
    monkeypatch.undo()
    tasks.run_job(str(runs.jobs_of(run)["Trim"].pk))
    reconcile.sweep()
    assert work_off(run).status == S.SUCCEEDED


def test_the_end_of_a_step_that_nobody_heard_of_is_made_good(talk: Video, monkeypatch):
    run = runs.start(talk.owner, talk, chain(TRIM, MARK), "Two")
    with monkeypatch.context() as dead:
        dead.setattr(lifecycle, "ended", lambda job: None)
        tasks.run_job(str(runs.jobs_of(run)["Trim"].pk))
    assert states(run) == {"Trim": S.SUCCEEDED, "Mark": S.WAITING}
    reconcile.sweep()
    assert states(run)["Mark"] == S.QUEUED
    with monkeypatch.context() as dead:
        dead.setattr(lifecycle, "ended", lambda job: None)
        work_off(run)
    assert run.status != S.SUCCEEDED
    reconcile.sweep()
    run.refresh_from_db()
    assert run.status == S.SUCCEEDED


@pytest.mark.each_database
def test_the_run_has_ended_when_its_last_steps_end_at_the_same_moment(talk: Video):
    steps = [step(f"Stills {number}", "thumbnails", count=1) for number in range(6)]
    run = runs.start(talk.owner, talk, chain(*steps), "At once")
    for job in run.jobs.all():
        assert job.start("here") and job.succeed(1)

    def end(job: Job) -> None:
        try:
            lifecycle.ended(Job.objects.get(pk=job.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(end, run.jobs.all()))
    run.refresh_from_db()
    assert run.status == S.SUCCEEDED


# Handing over --------------------------------------------------------------------------------------------------------


def test_only_what_nobody_hears_but_an_encoding_step_is_handed_over_without_loss(talk: Video):
    clean, cut = step("Clean", "clean-audio"), step("Cut", "silence-cut", "Clean", loudness_lufs=-16)
    run = runs.start(talk.owner, talk, chain(clean, cut), "Podcast")
    assert {name: job.handover for name, job in runs.jobs_of(run).items()} == {"Clean": True, "Cut": False}
    kept = runs.start(talk.owner, talk, chain({**clean, "keep": True}, cut), "Podcast")
    assert not runs.jobs_of(kept)["Clean"].handover
    copied = step("Copied", "watermark", "Clean", text="x")
    run = runs.start(talk.owner, talk, chain(clean, cut, copied), "Two ways")
    assert not runs.jobs_of(run)["Clean"].handover


# At an upload --------------------------------------------------------------------------------------------------------


def test_operations_chosen_at_an_upload_are_one_chain(arrive):
    work = {one.operation: dict(one.params) for one in chain(TRIM, {**STILLS, "input": None})}
    video = arrive(work=work)
    run = Run.objects.get(video=video)
    assert [(one.operation, one.input) for one in runs.chain_of(run)] == [("trim", None), ("thumbnails", "Trim")]
    assert work_off(run).status == S.SUCCEEDED
    assert passing(run) == {}


def test_a_single_operation_chosen_at_an_upload_is_a_job(arrive):
    ((one,),) = (chain(TRIM),)
    video = arrive(work={"trim": dict(one.params)})
    assert not Run.objects.exists()
    assert video.jobs.get().status == S.QUEUED


def test_a_chain_that_cannot_be_run_any_more_costs_no_upload(arrive, settings):
    settings.QUOTA_JOBS = 1
    work = {one.operation: dict(one.params) for one in chain(TRIM, {**STILLS, "input": None})}
    run = Run.objects.get(video=arrive(work=work))
    assert (run.status, states(run)) == (S.FAILED, {"Trim": S.FAILED, "Thumbnails": S.WAITING})
    assert runs.jobs_of(run)["Trim"].error_code == "too_many_jobs"


@pytest.mark.each_database
def test_removing_a_chain_removes_all_it_made(talk: Video):
    run = runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "All three")
    with pytest.raises(InputError, match="still under way"):
        runs.remove(run)
    work_off(run)
    runs.remove(run)
    assert not Run.objects.exists() and not Job.objects.exists() and not Artifact.objects.exists()
