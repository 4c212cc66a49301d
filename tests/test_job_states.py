from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs.errors import InputError, ToolError
from jobs.models import Job
from jobs.services import queue_position
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status


def test_start_claims_a_queued_job_as_a_new_attempt():
    job = factories.job()
    assert job.start("here 1")
    assert (job.status, job.attempt, job.worker, job.version) == (S.RUNNING, 1, "here 1", 1)
    assert job.started_at and job.heartbeat_at


def test_only_one_of_two_workers_gets_a_job():
    job = factories.job()
    same = Job.objects.get(pk=job.pk)
    assert job.start("first")
    assert not same.start("second")
    assert Job.objects.get(pk=job.pk).worker == "first"


@pytest.mark.parametrize("status", [S.WAITING, S.RUNNING, S.SUCCEEDED, S.FAILED, S.CANCELLED])
def test_only_a_queued_job_can_start(status):
    assert not factories.job(status=status).start("here")


def test_an_attempt_that_is_not_the_current_one_can_change_nothing():
    job = factories.job(status=S.RUNNING)
    stale = Job.objects.get(pk=job.pk)
    assert job.release(1)
    assert job.start("there 2")
    assert job.attempt == 2
    assert not stale.beat(1)
    assert not stale.advance(1, 0.5, "Encoding", None)
    assert not stale.succeed(1)
    assert not stale.fail(ToolError("broken"), 1)
    assert not stale.release(1)
    row = Job.objects.get(pk=job.pk)
    assert (row.status, row.attempt, row.progress) == (S.RUNNING, 2, 0)


@pytest.mark.parametrize("status", [S.SUCCEEDED, S.FAILED, S.CANCELLED])
def test_a_job_that_ended_stays_as_it_is(status):
    job = factories.job(status=status)
    assert not job.cancel()
    assert not job.fail(InputError("no"))
    assert not job.succeed(1)
    assert not job.release(1)
    assert not job.enqueue()
    assert Job.objects.get(pk=job.pk).status == status


@pytest.mark.parametrize("status", [S.WAITING, S.QUEUED, S.RUNNING])
def test_any_job_under_way_can_be_cancelled(status):
    job = factories.job(status=status)
    assert job.cancel()
    assert job.status == S.CANCELLED
    assert job.finished_at
    assert not job.beat(1)


def test_every_change_raises_the_version():
    job = factories.job()
    seen = [job.version]
    job.start("here")
    seen.append(job.version)
    job.advance(1, 0.25, "Listening", 12.0)
    seen.append(job.version)
    job.succeed(1)
    seen.append(job.version)
    assert seen == [0, 1, 2, 3]


def test_a_released_job_keeps_its_place_in_line():
    first, second = factories.job(), factories.job()
    first.start("here")
    assert queue_position.places([first, second])[second.pk].position == 1
    first.release(1)
    places = queue_position.places([first, second])
    assert (places[first.pk].position, places[second.pk].position) == (1, 2)
    assert first.progress == 0


def test_places_count_only_the_same_queue():
    factories.job(queue="cut")
    job = factories.job(queue="fast")
    assert queue_position.places([job])[job.pk].position == 1


def test_a_silent_running_job_counts_as_lost_and_a_beating_one_does_not():
    now = timezone.now()
    silent, beating = factories.job(status=S.RUNNING), factories.job(status=S.RUNNING)
    Job.objects.filter(pk=silent.pk).update(heartbeat_at=now - timedelta(minutes=5))
    assert list(Job.objects.lost()) == [silent]
    assert beating.beat(1)


@pytest.mark.django_db(transaction=True)
def test_times_are_the_databases_in_utc_wherever_its_server_is(mariadb, monkeypatch):
    if mariadb:
        mariadb.execute("SET GLOBAL time_zone = '+05:00'")
        connection.close()
    job, right = factories.job(), timezone.now()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(timezone, "now", lambda: right - timedelta(minutes=30))
            assert job.start("here")
            assert job.beat(1)
            assert not Job.objects.lost().exists()
            assert job.succeed(1)
    finally:
        if mariadb:
            mariadb.execute("SET GLOBAL time_zone = 'SYSTEM'")
            connection.close()
    for moment in (job.started_at, job.heartbeat_at, job.progress_at, job.finished_at, job.active_at):
        assert abs(moment - right) < timedelta(minutes=10)


def test_failure_keeps_the_sentence_and_the_detail():
    job = factories.job(status=S.RUNNING)
    assert job.fail(InputError("There is no sound. Choose another recording.", detail="0 streams", code="no_audio"), 1)
    row = Job.objects.get(pk=job.pk)
    assert (row.error_code, row.error_message, row.error_detail) == (
        "no_audio",
        "There is no sound. Choose another recording.",
        "0 streams",
    )
