"""Whose import is next, and what becomes of those whose worker or whose Redis is gone."""

import os
from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone

from jobs import fetching, storage
from jobs.models import Import, Job, QueueState, Run, Upload
from jobs.services import custody, imports, losses, queue_load, reconcile, uploads
from jobs.services.imports import QUEUE
from tests import factories
from tests.elsewhere import Elsewhere, Recording
from tests.imports.conftest import asked, fetched, left

pytestmark = pytest.mark.django_db(transaction=True)
S = Import.Status


def test_who_has_fewest_on_the_way_is_next():
    ann, bob = factories.account(), factories.account("bob@example.org")
    anns = [imports.begin(ann, "https://example.org/a.mp4") for _ in range(3)]
    bobs = imports.begin(bob, "https://example.org/b.mp4")
    order = [imports.take(f"w {number}").pk for number in range(4)]
    assert order[:2] == [anns[0].pk, bobs.pk]
    assert imports.take("w 5") is None


def test_a_held_queue_gives_nothing(ann):
    asked(ann, "https://example.org/a.mp4")
    QueueState.objects.update_or_create(name=QUEUE, defaults={"paused_at": timezone.now()})
    assert imports.take("w 1") is None
    QueueState.objects.update(paused_at=None)
    assert imports.take("w 1") is not None


def test_one_whose_worker_fell_silent_is_put_back_in_line_and_given_up_after_some_times(settings):
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    for lost in range(1, settings.MAX_ATTEMPTS + 1):
        assert row.start("gone 1")
        Import.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        reconcile.sweep(silence_tells=False)
        assert Import.objects.get().status == S.RUNNING
        reconcile.sweep()
        row.refresh_from_db()
        assert row.losses == (lost if row.is_active else lost - 1)
    assert (row.status, row.error_code) == (S.FAILED, "lost")


def test_a_worker_that_was_told_to_stop_costs_nothing():
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    row.start("w 1")
    reconcile.recover_of("w 1", str(row.pk), losses.STOPPED)
    row.refresh_from_db()
    assert (row.status, row.losses) == (S.QUEUED, 0)


def test_an_attempt_that_is_not_the_current_one_changes_nothing():
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    row.start("w 1")
    old = row.attempt
    row.release(old)
    row.start("w 2")
    assert not row.beat(old)
    assert not row.advance(old, received_bytes=5)
    assert not row.release(old)
    assert row.beat(row.attempt)


def test_two_attempts_are_never_at_the_same_file(ann, talk):
    with Elsewhere(Recording(talk)) as server:
        row = asked(ann, server.url)
        with imports.held(row):
            fetching.take_turn(QUEUE)
            row.refresh_from_db()
            assert (row.status, server.heads) == (S.QUEUED, [])
        Import.objects.update(due_at=timezone.now())
        fetching.take_turn(QUEUE)
        row.refresh_from_db()
    assert row.status == S.SUCCEEDED


def test_who_dies_between_the_recording_and_its_own_end_ends_it_the_next_time(ann, talk, monkeypatch):
    with Elsewhere(Recording(talk)) as server:
        row = asked(ann, server.url, pipeline="podcast")
        fetching.take_turn(QUEUE)
        Import.objects.update(status=S.QUEUED, video=None, finished_at=None)
        fetching.take_turn(QUEUE)
        assert len(server.heads) == 1
    row.refresh_from_db()
    assert (row.status, row.video_id, Run.objects.count()) == (S.SUCCEEDED, row.pk, 1)


def test_redis_may_forget_everything(ann):
    asked(ann, "https://example.org/a.mp4")
    django_rq.get_queue(QUEUE).empty()
    Import.objects.update(due_at=timezone.now() - timedelta(seconds=5))
    imports.ring_forgotten()
    imports.ring_forgotten()
    assert django_rq.get_queue(QUEUE).count == 1


def test_what_nobody_goes_on_with_is_thrown_away_in_the_end(ann, talk, settings):
    with Elsewhere(Recording(talk, breaks=[1000, *[0] * 20])) as server:
        row = fetched(ann, server.url)
    row.fail(uploads.UploadError("Broken.", code="broken_off"))
    assert left() == [f"{row.pk}.part"]
    uploads.expire()
    imports.expire()
    assert left() == [f"{row.pk}.part"]
    Import.objects.update(finished_at=timezone.now() - timedelta(hours=settings.UPLOAD_EXPIRES_HOURS + 1))
    imports.expire()
    row.refresh_from_db()
    assert (left(), row.received_bytes) == ([], 0)
    Import.objects.update(finished_at=timezone.now() - timedelta(days=8))
    imports.expire()
    assert Import.objects.count() == 0


def test_a_part_file_that_is_still_wanted_is_nobodys_orphan(ann, talk):
    with Elsewhere(Recording(talk, breaks=[1000, *[0] * 20])) as server:
        row = fetched(ann, server.url)
    part = storage.upload_path(row.pk)
    os.utime(part, (0, 0))
    uploads.expire()
    assert part.exists()
    assert custody._arriving([str(row.pk)]) == [row.pk]
    imports.cancel(row)
    assert not part.exists()


def test_operators_see_what_is_in_line(ann):
    asked(ann, "https://example.org/a.mp4")
    load = next(load for load in queue_load.every() if load.name == QUEUE)
    assert (load.queued, load.running) == (1, 0)
    assert not Job.objects.exists() and not Upload.objects.exists()
