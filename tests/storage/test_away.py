"""Work under way, and in line, while the bucket is away: nothing of it is lost, and nothing fails."""

import errno
import time
from pathlib import Path

import pytest
from django.db import connection

from jobs import fetching, storage, tasks
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.models import Import, Job
from jobs.operations.base import Draft
from jobs.progress import LifeSigns
from jobs.services import going_on, imports, inputs, losses, reconcile
from jobs.storage import s3, s3_client
from tests import factories
from tests.bucket.faults import Status

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(s3_client, "TRIES", 1)
    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(tasks, "STORAGE_PAUSE_SECONDS", 0)


def drafts(folder: Path) -> list[Draft]:
    files = [folder / f"{number}.txt" for number in range(2)]
    for file in files:
        file.write_text(file.name)
    return [Draft(file, "text", file.name, "text/plain") for file in files]


def test_work_that_begins_meanwhile_keeps_its_place_and_what_is_done_of_it(site_in_bucket):
    job = factories.job(attempt=1)
    going_on.parts_of(job).of("encode").save("0-10", b"packets")
    with site_in_bucket.inject(Status(503), times=999) as injected:
        tasks.run_job(str(job.pk))
    assert injected.hits
    after = Job.objects.get(pk=job.pk)
    assert (after.status, after.attempt, after.losses) == (S.QUEUED, 2, 0)
    assert after.stage == losses.AWAY.stage and "the storage is away" in after.stage
    assert after.queued_at == job.queued_at
    assert going_on.is_there(job.pk)


def test_a_worker_takes_nothing_for_a_moment_after_it(site_in_bucket, monkeypatch):
    slept = []
    monkeypatch.setattr(tasks, "STORAGE_PAUSE_SECONDS", 7)
    monkeypatch.setattr(tasks.time, "sleep", slept.append)
    with site_in_bucket.inject(Status(503), times=999):
        tasks.run_job(str(factories.job().pk))
    assert 7 in slept


def test_a_result_waits_for_it_and_the_time_is_not_the_work_s(site_in_bucket, tmp_path, monkeypatch):
    job, said = factories.job(status=S.RUNNING), []
    sleep = time.sleep

    def pause(seconds):
        if not seconds:
            said.append(Job.objects.get(pk=job.pk).stage)
        sleep(seconds)

    monkeypatch.setattr(tasks.time, "sleep", pause)
    with (
        LifeSigns(job, 60) as signs,
        site_in_bucket.inject(Status(503), "PUT", "artifacts/", times=s3.TRIES + 1) as injected,
    ):
        before = signs.deadline
        tasks.publish_results(job, 1, drafts(tmp_path), CommandLog(), signs)
        assert signs.deadline > before
    assert injected.hits == s3.TRIES + 1
    assert said == [f"Waiting: {losses.AWAY.what}"]
    job.refresh_from_db()
    assert job.status == S.SUCCEEDED
    assert [storage.read(one.key).decode() for one in job.artifacts.order_by("position")] == ["0.txt", "1.txt"]


def test_a_result_that_waited_too_long_is_made_again(site_in_bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "PATIENCE_SECONDS", -1)
    job = factories.job()

    def work(job, commands):
        with LifeSigns(job, 60) as signs:
            tasks.publish_results(job, job.attempt, drafts(tmp_path), commands, signs)

    monkeypatch.setattr(tasks, "work", work)
    with site_in_bucket.inject(Status(503), "PUT", times=999):
        tasks.run_job(str(job.pk))
    assert Job.objects.get(pk=job.pk).status == S.QUEUED
    tasks.run_job(str(job.pk))
    assert Job.objects.get(pk=job.pk).status == S.SUCCEEDED


def test_a_part_that_cannot_be_kept_meanwhile_takes_no_other_along(site_in_bucket):
    job = factories.job(status=S.RUNNING, attempt=2)
    parts = going_on.parts_of(job).of("encode")
    parts.save("0-10", b"packets")
    with site_in_bucket.inject(Status(503), "PUT", times=999):
        parts.save("10-20", b"more")
    assert parts.load("0-10") == b"packets"
    assert parts.load("10-20") is None


def test_a_bucket_that_is_full_is_not_waited_for(site_in_bucket, tmp_path):
    file = tmp_path / "one.txt"
    file.write_text("one")
    with site_in_bucket.inject(Status(507, "InsufficientStorage"), "PUT", times=99), pytest.raises(OSError) as refused:
        storage.publish(file, "artifacts/1/one.txt")
    assert refused.value.errno == errno.ENOSPC
    assert not isinstance(refused.value, storage.StorageAway)


def test_work_beats_while_it_looks_for_what_it_needs(monkeypatch, settings):
    settings.HEARTBEAT_SECONDS = 0.005
    job, beaten = factories.job(), []

    def find(*given):
        first = Job.objects.get(pk=job.pk).heartbeat_at
        for _ in range(500):
            time.sleep(0.01)
            if Job.objects.get(pk=job.pk).heartbeat_at > first:
                beaten.append(True)
                break
        raise ZeroDivisionError

    monkeypatch.setattr(inputs, "find", find)
    tasks.run_job(str(job.pk))
    assert beaten


def test_a_job_is_back_in_line_before_the_storage_is_asked(monkeypatch):
    job, states = factories.job(status=S.RUNNING), []

    def asked(*given):
        states.append(Job.objects.get(pk=job.pk).status)
        return True

    monkeypatch.setattr(going_on, "is_there", asked)
    monkeypatch.setattr(storage, "delete_tree", asked)
    reconcile.recover(job, losses.SILENT)
    assert states and set(states) == {S.QUEUED}
    assert Job.objects.get(pk=job.pk).stage == losses.SILENT.stage_kept


def test_an_import_that_has_come_waits_for_it(monkeypatch):
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    assert row.start("fetch 1")

    def work(row, part):
        raise storage.StorageAway(errno.EIO, "it is away")

    monkeypatch.setattr(fetching, "work", work)
    fetching.attempt_import(row)
    assert Import.objects.get(pk=row.pk).status == Import.Status.QUEUED
    assert not Import.objects.due().exists()
    connection.close()
