import os
import time
from datetime import timedelta

import django_rq
import pytest
from django.db import OperationalError
from django.utils import timezone

from jobs import storage
from jobs.models import Job
from jobs.services import jobs as services
from jobs.services import line, losses, part_files, queues, reconcile
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture(autouse=True)
def empty_queues():
    for name in queues.names():
        django_rq.get_queue(name).empty()


def lost(**fields):
    job = factories.job(status=S.RUNNING, **fields)
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    return Job.objects.get(pk=job.pk)


def entries(name="fast"):
    """How many workers are woken."""
    return line.rung(name)


@pytest.mark.django_db(transaction=True)
def test_a_job_whose_worker_is_silent_goes_back_in_line():
    job = lost()
    reconcile.sweep()
    job.refresh_from_db()
    assert (job.status, job.worker, job.progress) == (S.QUEUED, "", 0)
    assert entries() == 1


def test_a_job_whose_worker_beats_is_left_alone():
    job = factories.job(status=S.RUNNING)
    reconcile.sweep()
    assert Job.objects.get(pk=job.pk).status == S.RUNNING
    assert entries() == 0


def test_silence_tells_nothing_until_all_could_beat_again(settings):
    """Rounds are 5 s apart here, and 15 s of silence count as death; the database was away, or the machine slept."""
    settings.RECONCILE_SECONDS, settings.LOST_AFTER_SECONDS = 5, 15
    watch, trusted = reconcile.Watch(100), {}
    for now in (100, 105, 110, 140, 145, 150, 155, 160):
        trusted[now] = watch.trusts_silence(now)
        watch.saw(now)
    assert trusted == {100: True, 105: True, 110: True, 140: False, 145: False, 150: False, 155: True, 160: True}


def test_a_round_that_trusts_no_silence_leaves_silent_jobs_alone():
    job = lost()
    reconcile.sweep(silence_tells=False)
    job.refresh_from_db()
    assert job.status == S.RUNNING


DUTIES = ("runs.sweep", "trash.sweep", "retention.sweep", "transcripts.catch_up", "accounts.sweep")


@pytest.mark.parametrize("duty", DUTIES)
def test_a_duty_that_fails_keeps_the_round_from_nothing_else(monkeypatch, caplog, duty):
    done = []
    monkeypatch.setattr(reconcile, "clear_storage", lambda: done.append("storage"))
    monkeypatch.setattr(f"jobs.services.reconcile.{duty}", failing(PermissionError("the disk refuses")))
    reconcile.sweep()
    assert done == ["storage"]
    assert "the disk refuses" in caplog.text


def test_without_the_database_a_round_ends(monkeypatch):
    monkeypatch.setattr(reconcile.trash, "sweep", failing(OperationalError("gone away")))
    with pytest.raises(OperationalError):
        reconcile.sweep()


def test_a_lost_job_that_cannot_be_put_back_keeps_none_of_the_others(monkeypatch):
    bad, good = lost(), lost()
    real = reconcile.recover
    fail = failing(PermissionError("the disk refuses"))
    monkeypatch.setattr(reconcile, "recover", lambda job, loss: (fail if job.pk == bad.pk else real)(job, loss))
    reconcile.sweep()
    assert [Job.objects.get(pk=job.pk).status for job in (bad, good)] == [S.RUNNING, S.QUEUED]


def failing(error):
    def fail(*args):
        raise error

    return fail


def test_a_job_that_lost_too_many_workers_is_given_up_with_a_sentence(settings):
    job = lost(attempt=9, losses=settings.MAX_ATTEMPTS - 1)
    reconcile.sweep()
    job.refresh_from_db()
    assert (job.status, job.error_code, job.losses) == (S.FAILED, "lost", settings.MAX_ATTEMPTS)
    assert job.error_message == (
        "This work was lost 5 times, the last time because its worker went away, so it was given up. "
        "Tell the operator: the machine of a worker, or the network to it, may have failed."
    )


def test_stops_of_workers_do_not_count_however_many(settings):
    job = factories.job(status=S.RUNNING)
    for attempt in range(1, 3 * settings.MAX_ATTEMPTS):
        reconcile.recover_of("somewhere 1", str(job.pk), losses.STOPPED)
        job.refresh_from_db()
        assert (job.status, job.attempt, job.losses) == (S.QUEUED, attempt, 0)
        assert job.stage == "Starting again: its worker was restarted"
        job.start("somewhere 1")


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (losses.KILLED, "its process was killed"),
        (losses.MEMORY, "the server ran out of memory"),
        (losses.SILENT, "its worker went away"),
    ],
)
def test_a_loss_counts_and_says_what_happened(settings, loss, reason):
    job = factories.job(status=S.RUNNING, losses=settings.MAX_ATTEMPTS - 2)
    reconcile.recover_of("somewhere 1", str(job.pk), loss)
    job.refresh_from_db()
    assert (job.status, job.losses, job.stage) == (S.QUEUED, settings.MAX_ATTEMPTS - 1, f"Starting again: {reason}")
    job.start("somewhere 1")
    reconcile.recover_of("somewhere 1", str(job.pk), loss)
    job.refresh_from_db()
    assert (job.status, job.losses) == (S.FAILED, settings.MAX_ATTEMPTS)
    assert f"the last time because {reason}, so it was given up" in job.error_message


def test_a_work_horse_that_dies_late_takes_the_job_from_nobody():
    job = lost()
    reconcile.sweep()
    job.refresh_from_db()
    job.start("elsewhere 1")
    reconcile.recover_of("somewhere 1", str(job.pk), losses.KILLED)
    job.refresh_from_db()
    assert (job.status, job.attempt, job.worker) == (S.RUNNING, 2, "elsewhere 1")


@pytest.mark.django_db(transaction=True)
def test_a_queued_job_that_redis_forgot_is_rung_for_again():
    factories.job(active_at=timezone.now() - timedelta(minutes=1))
    reconcile.sweep()
    assert entries() == 1
    reconcile.sweep()
    assert entries() == 1


def test_a_job_that_was_only_just_queued_is_not_rung_for_twice():
    factories.job()
    reconcile.sweep()
    assert entries() == 0


def test_scratch_of_attempts_that_are_over_goes_and_that_of_running_ones_stays():
    running = factories.job(status=S.RUNNING)
    gone = storage.path(storage.scratch_key(running.pk, 7))
    kept = storage.path(storage.scratch_key(running.pk, 1))
    for folder in (gone, kept):
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"x")
    reconcile.sweep()
    assert not gone.exists()
    assert kept.exists()


def test_scratch_that_belongs_to_no_attempt_goes_only_when_it_is_long_left():
    """The web process works there too, on what people change in a transcript."""
    young, old = storage.path("scratch/tmpyoung"), storage.path("scratch/tmpold")
    for folder in (young, old):
        folder.mkdir(parents=True)
    long_ago = time.time() - 2 * part_files.ORPHANED_SECONDS
    os.utime(old, (long_ago, long_ago))
    reconcile.clear_scratch()
    assert young.exists()
    assert not old.exists()


def test_a_draft_that_somebody_died_over_goes_when_it_is_long_left():
    young, old = storage.room("scratch") / "young.mp4.part", storage.room("scratch") / "old.mp4.part"
    for draft in (young, old):
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    reconcile.clear_scratch()
    assert young.exists() and not old.exists()


def published(job, attempt):
    file = storage.path(f"{storage.results_key(job.pk, attempt)}/one.jpg")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    return file


@pytest.mark.django_db(transaction=True)
def test_what_a_lost_attempt_published_goes_with_it():
    job = lost()
    file = published(job, 1)
    reconcile.sweep()
    assert not file.exists()


@pytest.mark.parametrize("status", [S.QUEUED, S.RUNNING, S.SUCCEEDED, S.FAILED, S.CANCELLED])
def test_after_a_work_horse_died_only_what_its_job_still_needs_stays(status):
    job = factories.job(status=status)
    Job.objects.filter(pk=job.pk).update(attempt=2, heartbeat_at=timezone.now())
    old, current = published(job, 1), published(job, 2)
    recorded_long_ago = storage.path(f"{storage.artifacts_key(job.pk)}/old.jpg")
    recorded_long_ago.write_bytes(b"x")
    reconcile.storage_left_by(str(job.pk))
    assert not old.exists()
    assert current.exists() == (status in (S.RUNNING, S.SUCCEEDED))
    assert recorded_long_ago.exists()


def test_a_waiting_job_is_put_in_line_when_what_it_waits_for_is_done():
    first = factories.job(status=S.RUNNING)
    second = factories.job(first.owner, status=S.WAITING, video=first.video)
    second.after.add(first)
    reconcile.sweep()
    assert Job.objects.get(pk=second.pk).status == S.WAITING
    first.succeed(1)
    reconcile.sweep()
    assert Job.objects.get(pk=second.pk).status == S.QUEUED


def test_a_waiting_job_fails_with_a_sentence_when_what_it_waits_for_did_not_succeed():
    first = factories.job(status=S.QUEUED)
    second = factories.job(first.owner, status=S.WAITING, video=first.video)
    third = factories.job(first.owner, status=S.WAITING, video=first.video)
    second.after.add(first)
    third.after.add(second)
    assert services.cancel(first)
    for job in (second, third):
        job.refresh_from_db()
        assert (job.status, job.error_code) == (S.FAILED, "prerequisite_failed")


def test_of_a_long_line_that_redis_has_forgotten_so_many_are_rung_for_as_keep_workers_busy(redis_server):
    owner, now = factories.account(), timezone.now()
    video = factories.video(owner)
    Job.objects.bulk_create(
        Job(owner=owner, video=video, operation="trim", queue="fast", queued_at=now, active_at=now - timedelta(hours=1))
        for _ in range(line.MOST_RUNG + 50)
    )
    reconcile.ring_forgotten()
    assert line.rung("fast") == line.MOST_RUNG
    with redis_server.client() as client:
        client.rpop("rq:queue:fast", 20)
    reconcile.ring_forgotten()
    assert line.rung("fast") == line.MOST_RUNG
