"""A running attempt: it stops when it has to, goes on when it can, and its end is told by one UPDATE."""

import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, transaction

from jobs import storage, tasks
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import Cancelled, TimedOut
from jobs.models import Artifact, Job
from jobs.operations.base import Draft
from jobs.progress import LifeSigns
from jobs.services import losses, reconcile
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


@pytest.fixture(autouse=True)
def quick_beat(settings):
    settings.HEARTBEAT_SECONDS = 0.005


def draft(folder) -> Draft:
    path = folder / "one.txt"
    path.write_text("done")
    return Draft(path, "text", "one.txt", "text/plain")


def elsewhere(doing):
    """Do it on a connection of its own, as the page does: a signal must not come in the middle of a query of ours."""

    def work():
        try:
            doing()
        finally:
            connection.close()

    threading.Thread(target=work).start()


def test_work_that_takes_too_long_is_interrupted():
    with pytest.raises(TimedOut, match="much longer"), LifeSigns(factories.job(status=S.RUNNING), 0.1):
        time.sleep(30)


def test_work_whose_job_was_cancelled_is_interrupted_while_it_waits():
    job = factories.job(status=S.RUNNING)
    with pytest.raises(Cancelled), LifeSigns(job, 60):
        elsewhere(lambda: Job.objects.get(pk=job.pk).cancel())
        time.sleep(30)


def test_work_whose_job_was_deleted_is_interrupted():
    job = factories.job(status=S.RUNNING)
    with pytest.raises(Cancelled), LifeSigns(job, 60):
        elsewhere(lambda: Job.objects.filter(pk=job.pk).delete())
        time.sleep(30)


def test_progress_never_goes_back():
    job = factories.job(status=S.RUNNING)
    with LifeSigns(job, 60) as signs:
        signs.progress(0.5, "Encoding")
        signs.progress(0.2, "Encoding")
    assert signs.fraction == 0.5


def test_work_goes_on_while_the_database_is_away(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("gone away")

    job = factories.job(status=S.RUNNING)
    with LifeSigns(job, 60) as signs:
        with monkeypatch.context() as patched:
            patched.setattr(Job, "advance", away)
            patched.setattr(Job, "beat", away)
            signs.progress(0.3, "Encoding")
            time.sleep(0.1)
        signs._reported = (0.0, 0.0, "")
        signs.progress(0.6, "Encoding")
    assert Job.objects.get(pk=job.pk).progress == 0.6


@pytest.mark.parametrize("_", range(10))
def test_a_beat_at_the_very_end_does_not_take_the_result_away(tmp_path, monkeypatch, _):
    """The answer to the last commit takes its time, so that many beats find the row succeeded."""
    job = factories.job(status=S.RUNNING)
    succeed = Job.succeed

    def slow(self, *args, **kwargs):
        won = succeed(self, *args, **kwargs)
        time.sleep(0.03)
        return won

    monkeypatch.setattr(Job, "succeed", slow)
    with LifeSigns(job, 60) as signs:
        tasks.publish_results(job, 1, [draft(tmp_path)], CommandLog(), signs)
    artifact = Artifact.objects.get(job=job)
    assert storage.path(artifact.key).read_text() == "done"


def test_a_result_is_recorded_when_the_database_is_back(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0)
    job, tries = factories.job(status=S.RUNNING), []
    succeed = Job.succeed

    def away_twice(self, *args, **kwargs):
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("gone away")
        return succeed(self, *args, **kwargs)

    monkeypatch.setattr(Job, "succeed", away_twice)
    with LifeSigns(job, 60) as signs:
        tasks.publish_results(job, 1, [draft(tmp_path)], CommandLog(), signs)
    assert Job.objects.get(pk=job.pk).status == S.SUCCEEDED


def test_it_beats_on_while_its_end_waits_for_the_database(tmp_path, monkeypatch):
    """Else the reconciler gives the job away as soon as the database is back."""
    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0)
    job = factories.job(status=S.RUNNING)
    succeed, beats = Job.succeed, []

    def away_until_it_has_beaten(self, *args, **kwargs):
        beats.append(Job.objects.get(pk=job.pk).heartbeat_at)
        if beats[-1] - beats[0] < timedelta(seconds=0.1):
            time.sleep(0.01)
            raise OperationalError("gone away")
        return succeed(self, *args, **kwargs)

    monkeypatch.setattr(Job, "succeed", away_until_it_has_beaten)
    with LifeSigns(job, 60) as signs:
        tasks.publish_results(job, 1, [draft(tmp_path)], CommandLog(), signs)
    assert Job.objects.get(pk=job.pk).status == S.SUCCEEDED


def test_files_stay_when_nobody_knows_whether_their_end_was_recorded(tmp_path, monkeypatch):
    """The database took the result, went away before it could say so, and stayed away."""
    monkeypatch.setattr(tasks, "PATIENCE_SECONDS", 0)
    job = factories.job(status=S.RUNNING)

    class LostAnswer(transaction.Atomic):
        def __exit__(self, *exc):
            super().__exit__(*exc)
            raise OperationalError("gone away")

    monkeypatch.setattr(tasks, "transaction", SimpleNamespace(atomic=lambda: LostAnswer(None, True, False)))
    with LifeSigns(job, 60) as signs, pytest.raises(OperationalError):
        tasks.publish_results(job, 1, [draft(tmp_path)], CommandLog(), signs)
    reconcile.recover_of(job.worker, str(job.pk), losses.KILLED)
    assert Job.objects.get(pk=job.pk).status == S.SUCCEEDED
    assert storage.path(Artifact.objects.get(job=job).key).read_text() == "done"


def test_a_database_that_goes_away_leaves_the_job_to_the_reconciler(monkeypatch):
    def away(*args):
        raise OperationalError("gone away")

    monkeypatch.setattr(tasks, "work", away)
    job = factories.job()
    tasks.run_job(str(job.pk))
    assert Job.objects.get(pk=job.pk).status == S.RUNNING


def test_an_attempt_that_lost_its_job_publishes_nothing_and_takes_nothing_from_the_next(tmp_path):
    job = factories.job(status=S.RUNNING)
    with LifeSigns(job, 60) as signs:
        signs.end()
        next_one = Job.objects.get(pk=job.pk)
        next_one.release(1)
        next_one.start("elsewhere 2")
        signs_of_next = LifeSigns(next_one, 60)
        tasks.publish_results(next_one, 2, [draft(tmp_path)], CommandLog(), signs_of_next)
        with pytest.raises(Cancelled):
            tasks.publish_results(job, 1, [draft(tmp_path)], CommandLog(), signs)
    artifact = Artifact.objects.get()
    assert storage.path(artifact.key).read_text() == "done"
    assert [file for file in storage.path(storage.artifacts_key(job.pk)).rglob("*") if file.is_file()] == [
        storage.path(artifact.key)
    ]


def test_work_that_is_not_offered_any_more_fails_with_a_sentence():
    job = factories.job(operation="teleport")
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code) == (S.FAILED, "unknown_operation")


def test_a_job_that_is_gone_is_passed_over():
    job = factories.job()
    pk = str(job.pk)
    job.delete()
    tasks.run_job(pk)
