"""Chains at work, on real recordings."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import storage
from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError, NotNow
from jobs.models import DailyUse, Job, Run, Video
from jobs.services import allowance, jobs, line, reconcile, reuse, runs, versions
from jobs.services.steps import StepError
from tests import factories
from tests.chains.conftest import MARK, STILLS, TRIM, aged, chain, passing, states, step, work_off

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status
FAILING = step("Trim again", "trim", "Trim", start=3.5)


def test_each_step_works_on_the_result_of_the_one_before(talk: Video):
    run = runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "All three")
    assert states(run) == {"Trim": S.QUEUED, "Mark": S.WAITING, "Stills": S.WAITING}
    assert run.status == S.QUEUED
    work_off(run)
    assert (run.status, states(run)) == (S.SUCCEEDED, dict.fromkeys(("Trim", "Mark", "Stills"), S.SUCCEEDED))
    found = runs.jobs_of(run)
    assert found["Mark"].source_id == found["Trim"].artifacts.get().pk
    assert {job.video_id for job in found.values()} == {talk.pk}
    assert [found[name].artifacts.get().name for name in ("Trim", "Mark")] == [
        "talk (trimmed).mp4",
        "talk (converted).mp4",
    ]
    marked = inspect(storage.path(found["Mark"].artifacts.get().key))
    assert float(marked.duration) == pytest.approx(3, abs=0.05)


def test_independent_steps_do_not_wait_for_each_other(talk: Video):
    run = runs.start(talk.owner, talk, chain(TRIM, step("Stills", "thumbnails", count=1)), "Two")
    assert states(run) == {"Trim": S.QUEUED, "Stills": S.QUEUED}


def test_what_depends_on_a_failed_step_waits_and_says_so_and_the_rest_goes_on(talk: Video):
    steps = chain(
        TRIM, FAILING, step("Mark", "watermark", "Trim again", text="x"), step("Stills", "thumbnails", "Trim")
    )
    run = work_off(runs.start(talk.owner, talk, steps, "One fails"))
    assert run.status == S.FAILED
    assert states(run) == {"Trim": S.SUCCEEDED, "Trim again": S.FAILED, "Mark": S.WAITING, "Stills": S.SUCCEEDED}
    assert runs.jobs_of(run)["Mark"].stage == "Waits for “Trim again”, which failed"


def test_what_waits_further_behind_says_so_too(talk: Video):
    steps = chain(TRIM, FAILING, {**MARK, "input": "Trim again"}, STILLS)
    run = work_off(runs.start(talk.owner, talk, steps, "One fails"))
    assert runs.jobs_of(run)["Stills"].stage == "Waits for “Mark”"
    assert run.status == S.FAILED


def test_steps_that_are_held_up_use_nothing_up(talk: Video, settings):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM, FAILING, {**MARK, "input": "Trim again"}), "One fails"))
    assert run.jobs.filter(status=S.WAITING).count() == 1
    settings.QUOTA_JOBS = 1
    allowance.claim(talk.owner, talk)


@pytest.mark.each_database
def test_a_retry_goes_on_from_the_failed_step(talk: Video, monkeypatch):
    run = runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "All three")
    with monkeypatch.context() as broken:
        broken.setattr("jobs.operations.convert.Convert.run", lambda *_: 1 / 0)
        work_off(run)
    before = runs.jobs_of(run)
    assert (run.status, before["Mark"].status) == (S.FAILED, S.FAILED)
    runs.retry(run)
    work_off(run)
    after = runs.jobs_of(run)
    assert (run.status, set(states(run).values())) == (S.SUCCEEDED, {S.SUCCEEDED})
    assert after["Trim"] == before["Trim"], "good results stay"
    assert after["Mark"].retry_of == before["Mark"]
    assert after["Stills"] == before["Stills"], "what waited goes on waiting, for the new one"


@pytest.mark.each_database
def test_those_who_try_again_at_once_make_one_new_job_of_each_step(talk: Video):
    run = runs.start(talk.owner, talk, chain(TRIM, MARK), "Two")
    runs.cancel(run)
    failed = runs.jobs_of(run)["Trim"]

    def press(number: int) -> str:
        try:
            if number % 2:
                runs.retry_job(Job.objects.get(pk=failed.pk))
            else:
                runs.retry(Run.objects.get(pk=run.pk))
            return "done"
        except InputError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        said = sorted(threads.map(press, range(4)))
    assert Job.objects.filter(run=run, step="Trim").count() == 2, said
    assert Job.objects.filter(run=run, step="Mark").count() <= 2, said
    # Who asks for all of it right after somebody asked for the first step gets the other one.
    assert said.count("done") in (1, 2), said
    assert set(said) <= {"done", "still_active", "tried_again"}


def test_a_chain_on_a_result_goes_on_with_that_also_when_a_step_was_removed(talk: Video):
    version = versions.of(work_off(runs.start(talk.owner, talk, chain(TRIM), "One")).jobs.get().artifacts.get())
    run = runs.start(talk.owner, version, chain(step("First", "trim", start=1), step("Second", "thumbnails")), "On it")
    runs.cancel(run)
    jobs.erase(runs.jobs_of(run)["First"])
    assert runs.subject_of(run) == version
    again = runs.again(run, {})
    assert {job.source_id for job in again.jobs.all()} == {version.pk}


def test_a_retry_makes_what_was_dropped_again_and_drops_it_again(talk: Video):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM, MARK), "Two"))
    aged(run)
    runs.sweep()
    jobs.erase(runs.jobs_of(run)["Mark"])
    Run.objects.filter(pk=run.pk).update(status=S.FAILED)
    run.refresh_from_db()
    with pytest.raises(InputError, match="nothing to try again"):
        runs.retry(run)
    failed = factories.job(talk.owner, video=talk, run=run, step="Mark", operation="convert", status=S.FAILED)
    failed.source_job = runs.jobs_of(run)["Trim"]
    failed.on_result = True
    failed.save()
    run.follow()
    runs.retry(run)
    assert set(states(run)) == {"Trim", "Mark"}
    assert runs.jobs_of(run)["Trim"].dropped_at is None
    assert work_off(run).status == S.SUCCEEDED
    assert not run.is_tidy
    aged(run)
    runs.sweep()
    assert runs.jobs_of(run)["Trim"].dropped_at


def test_work_that_is_not_offered_any_more_stops_no_sweep(talk: Video):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM, MARK), "Two"))
    aged(run)
    Run.objects.filter(pk=run.pk).update(steps=[{**one, "operation": "gone"} for one in run.steps])
    reconcile.sweep()
    run.refresh_from_db()
    assert passing(run) == {}


def test_the_minutes_of_a_chain_are_given_back_once(talk: Video, settings):
    settings.DAILY_MINUTES_LIMIT = 1
    kept = runs.start(talk.owner, talk, chain(step("Stills", "thumbnails", count=1)), "Kept")
    run = runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "Three")
    runs.cancel(run)
    runs.remove(run)
    used = DailyUse.objects.get(owner=talk.owner).seconds
    assert used == pytest.approx(talk.duration_seconds * kept.jobs.count())


def test_trying_a_failed_step_again_by_itself_goes_on_with_its_chain(talk: Video, monkeypatch):
    run = runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "All three")
    with monkeypatch.context() as broken:
        broken.setattr("jobs.operations.convert.Convert.run", lambda *_: 1 / 0)
        work_off(run)
    again = runs.retry_job(runs.jobs_of(run)["Mark"])
    assert (again.run, again.step) == (run, "Mark")
    assert work_off(run).status == S.SUCCEEDED


def test_a_retry_of_what_runs_or_has_succeeded_is_refused(talk: Video):
    run = runs.start(talk.owner, talk, chain(TRIM), "One")
    with pytest.raises(InputError, match="still under way"):
        runs.retry(run)
    work_off(run)
    with pytest.raises(InputError, match="nothing to try again"):
        runs.retry(run)


@pytest.mark.each_database
def test_other_parameters_do_again_only_what_hangs_on_them(talk: Video):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "All three"))
    again = runs.again(run, {"Mark": {"resolution": 64}})
    assert states(again)["Trim"] == S.SUCCEEDED, "taken at once, without a worker"
    work_off(again)
    found, old = runs.jobs_of(again), runs.jobs_of(run)
    assert again.status == S.SUCCEEDED
    assert found["Trim"].reuse_of == old["Trim"]
    assert found["Mark"].reuse_of is found["Stills"].reuse_of is None
    trimmed, before = found["Trim"].artifacts.get(), old["Trim"].artifacts.get()
    assert (trimmed.sha256, trimmed.key != before.key) == (before.sha256, True)
    jobs.erase(old["Trim"])
    assert storage.path(trimmed.key).is_file(), "each has its own name for the bytes"


def test_the_same_chain_again_takes_all_results(talk: Video):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "All three"))
    again = runs.again(run, {})
    assert (again.status, set(states(again).values())) == (S.SUCCEEDED, {S.SUCCEEDED})
    assert all(job.reuse_of and not job.worker and job.started_at is None for job in runs.jobs_of(again).values())


def test_a_result_whose_file_is_gone_is_made_again(talk: Video):
    run = work_off(runs.start(talk.owner, talk, chain(TRIM), "One"))
    storage.path(run.jobs.get().artifacts.get().key).unlink()
    again = runs.again(run, {})
    assert states(again) == {"Trim": S.QUEUED}


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOENT])
def test_a_result_that_cannot_be_linked_is_made_again_in_its_turn(talk: Video, monkeypatch, refusal):
    work_off(runs.start(talk.owner, talk, chain(TRIM), "One"))

    def refuse(source: Path, target: Path) -> None:
        raise OSError(refusal, os.strerror(refusal), str(source))

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(os, "link", refuse)
        again = runs.start(talk.owner, talk, chain(TRIM), "Again")
    (job,) = runs.jobs_of(again).values()
    assert (job.status, job.attempt, job.started_at) == (Job.Status.QUEUED, 0, None)
    assert not storage.path(storage.results_key(job.pk, 1)).exists()
    turn = line.next_turn(job.queue, 0.0)
    assert turn and turn.job == job.pk and turn.is_new
    work_off(again)
    (job,) = runs.jobs_of(again).values()
    assert (job.status, job.reuse_of) == (Job.Status.SUCCEEDED, None)


def test_looking_for_a_result_reads_no_logs_of_what_was_done_before(talk: Video, django_assert_max_num_queries):
    same, *_ = [
        work_off(runs.start(talk.owner, talk, chain(one), "One")) for one in (TRIM, step("Trim", "trim", start=2))
    ]
    job = runs.start(talk.owner, talk, chain(TRIM), "Again").jobs.get()
    with django_assert_max_num_queries(3), CaptureQueriesContext(connection) as queries:
        found = reuse.twin(job)
    assert found == same.jobs.get()
    assert "log_tail" not in str(queries.captured_queries)


def test_cancel_ends_all(talk: Video):
    run = runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "All three")
    assert runs.cancel(run)
    run.refresh_from_db()
    assert (run.status, set(states(run).values())) == (S.CANCELLED, {S.CANCELLED})
    assert not runs.cancel(run)
    runs.retry(run)
    assert work_off(run).status == S.SUCCEEDED


def test_what_the_recording_does_not_allow_makes_nothing(talk: Video):
    with pytest.raises(InputError):
        runs.start(talk.owner, talk, chain(step("Trim", "trim", start=30)), "Too late")
    silent = factories.video(talk.owner, facts=factories.info(audio=()))
    with pytest.raises(StepError, match="needs sound"):
        runs.start(talk.owner, silent, chain(step("Words", "transcribe")), "No words")
    assert not Run.objects.exists() and not Job.objects.exists()


@pytest.mark.each_database
def test_a_limit_that_a_chain_would_break_makes_none_of_it(talk: Video, settings):
    settings.QUOTA_JOBS = 2
    with pytest.raises(NotNow):
        runs.start(talk.owner, talk, chain(TRIM, MARK, STILLS), "Three")
    assert not Run.objects.exists() and not Job.objects.exists()


def test_a_chain_runs_on_a_result_too(talk: Video):
    first = work_off(runs.start(talk.owner, talk, chain(TRIM), "One"))
    version = versions.of(first.jobs.get().artifacts.get())
    run = work_off(runs.start(talk.owner, version, chain(TRIM, STILLS | {"input": "Trim"}), "On it"))
    assert run.status == S.SUCCEEDED
    assert (run.video, runs.subject_of(run)) == (talk, version)
    trimmed = inspect(storage.path(runs.jobs_of(run)["Trim"].artifacts.get().key))
    assert float(trimmed.duration) == pytest.approx(2, abs=0.05)
