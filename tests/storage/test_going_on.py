"""What is kept of work that was interrupted, in a bucket that all machines share."""

import time

import pytest

from jobs import storage
from jobs.models import Job
from jobs.services import going_on
from tests import factories

S = Job.Status


@pytest.mark.django_db
def test_in_a_bucket_another_machine_goes_on_and_what_ended_jobs_left_is_swept(site_in_bucket, monkeypatch):
    job, ended = factories.job(status=S.RUNNING), factories.job(status=S.FAILED)
    for one in (job, ended):
        going_on.parts_of(one).of("encode").save("0-10", b"packets")
    Job.objects.filter(pk=job.pk).update(attempt=2)
    job.refresh_from_db()
    parts = going_on.parts_of(job).of("encode")
    assert parts.load("0-10") == b"packets"
    parts.save("0-10", b"better")
    assert parts.load("0-10") == b"better" and parts.load("10-20") is None
    monkeypatch.setattr(going_on, "_look", storage.Look(going_on.LOOK_SECONDS))
    going_on.sweep()
    assert [going_on.is_there(one.pk) for one in (job, ended)] == [True, False]
    Job.objects.filter(pk=job.pk).update(status=S.SUCCEEDED)
    going_on.forget_ended(job.pk)
    assert not going_on.is_there(job.pk)


@pytest.mark.django_db
def test_in_a_bucket_what_waits_for_too_long_is_swept(site_in_bucket, monkeypatch):
    waits, runs, late = (factories.job(status=status) for status in (S.QUEUED, S.RUNNING, S.QUEUED))
    for job in (waits, runs):
        going_on.parts_of(job).of("encode").save("0-10", b"packets")
    with monkeypatch.context() as later:
        now = time.time
        later.setattr(time, "time", lambda: now() + going_on.OLD_SECONDS + 60)
        later.setattr(going_on, "_look", storage.Look(going_on.LOOK_SECONDS))
        going_on.sweep()
    assert [going_on.is_there(job.pk) for job in (waits, runs)] == [False, True]
    going_on.parts_of(late).of("encode").save("0-10", b"packets")
    monkeypatch.setattr(going_on, "_look", storage.Look(going_on.LOOK_SECONDS))
    going_on.sweep()
    assert going_on.is_there(late.pk)


@pytest.mark.django_db
def test_a_bucket_that_does_not_answer_only_means_that_nothing_is_kept(site_in_bucket, monkeypatch):
    def away(*given):
        raise ConnectionError("it is away")

    for name in ("read", "put_new", "delete", "total_bytes"):
        monkeypatch.setattr(f"jobs.storage.{name}", away)
    monkeypatch.setattr("jobs.storage.kept.delete_tree", away)
    for attempt in (1, 2):
        job = factories.job(status=S.RUNNING, attempt=attempt)
        parts = going_on.parts_of(job).of("encode")
        parts.save("0-10", b"packets")
        assert parts.load("0-10") is None
        assert not going_on.is_there(job.pk)
        Job.objects.filter(pk=job.pk).update(status=S.SUCCEEDED)
        going_on.forget_ended(job.pk)
