"""Work under way, and in line, while the bucket is away: nothing of it is lost, and nothing fails."""

import errno
import threading
import time
from pathlib import Path

import pytest
from django.db import connection

from jobs import fetching, storage, tasks
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.live.recording import Parts
from jobs.models import Artifact, Import, IndexedTranscript, Job
from jobs.operations.base import Draft
from jobs.progress import LifeSigns
from jobs.services import export, going_on, imports, inputs, losses, reconcile, reuse, transcripts
from jobs.storage import s3, s3_client
from tests import factories, transcribed
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
    monkeypatch.setattr(storage, "tidy", asked)
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


def with_result(**fields) -> Job:
    """A job that has succeeded, with one file."""
    job = factories.job(status=S.SUCCEEDED, source_sha256="1" * 64, **fields)
    key = f"{storage.results_key(job.pk, 1)}/one.txt"
    storage.put_new(b"done", key)
    facts = {"kind": "text", "name": "one.txt", "size": 4, "media_type": "text/plain", "sha256": "2" * 64}
    Artifact.objects.create(job=job, position=0, key=key, **facts)
    return job


@pytest.mark.parametrize("call", ["stat", "link"])
def test_a_step_that_was_done_before_is_left_to_a_worker_then(site_in_bucket, monkeypatch, call):
    def away(*given):
        raise storage.StorageAway(errno.EIO, "it is away")

    before = with_result()
    job = factories.job(video=before.video, source_sha256="1" * 64)
    with monkeypatch.context() as patched:
        patched.setattr(s3.S3Store, call, away)
        assert not reuse.take(job)
    after = Job.objects.get(pk=job.pk)
    assert (after.status, after.attempt, after.losses) == (S.QUEUED, 0, 0)
    assert reuse.take(after)


def test_what_was_done_before_beats_while_it_is_copied(monkeypatch, settings):
    settings.HEARTBEAT_SECONDS = 0.005
    before, beaten = with_result(), threading.Event()
    job = factories.job(video=before.video, source_sha256="1" * 64)
    beat, link = Job.beat, storage.link
    monkeypatch.setattr(Job, "beat", lambda *given: (beat(*given), beaten.set())[0])
    monkeypatch.setattr(storage, "link", lambda *keys: beaten.wait(20) and link(*keys))
    assert reuse.take(job)


def test_an_export_leaves_nothing_out(site_in_bucket):
    owner = factories.account()
    factories.video(owner)
    assert export.of(owner, str).told["recordings"][0]["file"] is None  # nobody has it
    with site_in_bucket.inject(Status(503), times=999), pytest.raises(storage.StorageAway):
        export.of(owner, str)


def test_the_reconciler_does_not_ask_a_bucket_in_each_round(site_in_bucket, monkeypatch):
    monkeypatch.setattr(reconcile, "_look", storage.Look(reconcile.CLEAR_SECONDS))
    reconcile.clear_storage()
    assert site_in_bucket.calls
    site_in_bucket.forget()
    reconcile.clear_storage()
    assert not site_in_bucket.calls


def test_a_transcript_that_cannot_be_read_now_is_indexed_later(settings, monkeypatch):
    video = factories.video()
    job = transcribed.keep(video, transcribed.transcript((1, "we seize the day")), Path(settings.MEDIA_ROOT))

    def away(key):
        raise storage.StorageAway(errno.EIO, "it is away")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "read", away)
        tasks.index(job)
        assert Parts(video.owner, video).stored is None
    assert not IndexedTranscript.objects.exists()
    transcripts.catch_up()
    assert IndexedTranscript.objects.get().lines.count() == 1


def test_no_transaction_is_open_while_the_storage_is_at_work(settings, monkeypatch):
    video = factories.video()
    transcribed.keep(video, transcribed.transcript((1, "we seize the day")), Path(settings.MEDIA_ROOT))
    stored, asked = transcripts.of(video), []

    def watched(real):
        def watching(*given):
            asked.append(connection.in_atomic_block)
            return real(*given)

        return watching

    for name in ("publish", "read", "delete"):
        monkeypatch.setattr(storage, name, watched(getattr(storage, name)))
    transcripts.edit(stored, stored.version, 0, "we cease the day")
    assert asked and not any(asked)


def test_a_change_to_a_transcript_that_it_does_not_take_changes_nothing(settings, monkeypatch):
    video = factories.video()
    transcribed.keep(video, transcribed.transcript((1, "we seize the day")), Path(settings.MEDIA_ROOT))
    stored, publish, sent = transcripts.of(video), storage.publish, []

    def away(file, key, sha256):
        sent.append(key)
        if len(sent) == 3:
            raise storage.StorageAway(errno.EIO, "it is away")
        publish(file, key, sha256)

    monkeypatch.setattr(storage, "publish", away)
    with pytest.raises(storage.StorageAway):
        transcripts.edit(stored, stored.version, 0, "we cease the day")
    assert transcripts.of(video) == stored
    assert not any(map(storage.exists, sent))
