"""Machines whose clocks are wrong: what one writes and another compares goes by the database's."""

import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.utils import timezone

from jobs import clock, machine, storage
from jobs.models import Account, Import, Job, Token, Upload
from jobs.services import figures, operators, queue_load, queue_position, reconcile, storage_use, workers
from jobs.services.expectation import Experiences
from jobs.storage import disk
from tests import factories
from tests.servers import Redis

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status
SKEWS = pytest.mark.parametrize("skew", [-3600, -30, 30, 3600])


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch):
    """Sets the clock of this process, which is a web process or the reconciler then."""
    right_now, right_time = timezone.now, time.time

    def set_wrong(skew: float) -> None:
        monkeypatch.setattr(timezone, "now", lambda: right_now() + timedelta(seconds=skew))
        monkeypatch.setattr(time, "time", lambda: right_time() + skew)
        monkeypatch.setattr(clock, "_measured_at", -float("inf"))
        monkeypatch.setattr(disk, "_OFFSETS", {})

    yield set_wrong
    monkeypatch.undo()
    clock._measured_at = -float("inf")


@SKEWS
def test_the_present_is_the_database_s(wrong, skew: int):
    wrong(skew)
    told = factories.account()
    now = Account.objects.filter(pk=told.pk).values_list(Now(), flat=True)[0]
    assert abs((clock.now() - now).total_seconds()) < 2
    assert clock.offset() == pytest.approx(-skew, abs=2)


@SKEWS
def test_the_reconciler_takes_only_silent_work_for_lost(wrong, skew: int, settings):
    wrong(skew)
    alive, silent = factories.job(status=S.RUNNING), factories.job(status=S.RUNNING)
    Job.objects.filter(pk=alive.pk).update(heartbeat_at=Now())
    Job.objects.filter(pk=silent.pk).update(heartbeat_at=Now() - timedelta(seconds=settings.LOST_AFTER_SECONDS + 1))
    owner = factories.account()
    coming = Import.objects.create(owner=owner, url="https://example.org/a.mp4", queued_at=Now(), due_at=Now())
    assert coming.start("fetch 1")
    upload = Upload.objects.create(owner=owner, length=1, expires_at=Now() + timedelta(minutes=1), name="a.mp4")
    reconcile.sweep()
    assert list(Job.objects.filter(status=S.RUNNING)) == [alive]
    coming.refresh_from_db()
    assert coming.status == Import.Status.RUNNING
    assert Upload.objects.filter(pk=upload.pk).exists()


@SKEWS
def test_tokens_end_when_the_database_says_so(wrong, skew: int):
    wrong(skew)
    ann = factories.account()
    good, over = Token.issue(ann, "good"), Token.issue(ann, "over")
    Token.objects.filter(name="good").update(expires_at=Now() + timedelta(seconds=10))
    Token.objects.filter(name="over").update(expires_at=Now() - timedelta(seconds=10))
    assert Token.find(good)
    assert not Token.find(over)


@SKEWS
def test_what_is_left_of_work_and_what_was_done_lately_are_told_right(wrong, skew: int):
    wrong(skew)
    running = factories.job(status=S.RUNNING, eta_seconds=100)
    done = factories.job(status=S.SUCCEEDED)
    Job.objects.filter(pk=running.pk).update(progress_at=Now(), started_at=Now() - timedelta(seconds=50))
    Job.objects.filter(pk=done.pk).update(finished_at=Now() - timedelta(minutes=5))
    running.refresh_from_db()
    assert queue_position.remaining(running, Experiences()).likely == pytest.approx(100, abs=5)
    assert running.elapsed_seconds == pytest.approx(50, abs=5)
    assert "fast" in figures.by_queue()


@SKEWS
def test_files_are_as_old_as_their_filesystem_says(wrong, skew: int, tmp_path: Path):
    wrong(skew)
    (tmp_path / "new").write_text("1")
    (tmp_path / "old").write_text("1")
    long_ago = (tmp_path / "new").stat().st_mtime - 5000
    os.utime(tmp_path / "old", (long_ago, long_ago))
    assert abs(storage.age_seconds(tmp_path / "new")) < 5
    assert storage.age_seconds(tmp_path / "old") == pytest.approx(5000, abs=5)


@SKEWS
@pytest.mark.one_database
def test_a_worker_with_a_wrong_clock_lives_and_operators_are_told_of_it(redis_server: Redis, skew: int):
    row = {"machine": machine.identity(), "pid": os.getpid(), "hostname": "edit1", "expires_after": 120}
    with redis_server.client() as redis:
        for name, silent in (("talking", 2), ("silent", 60)):
            heard = timezone.now() + timedelta(seconds=skew - silent)
            redis.hset(f"rq:worker:{name}", mapping=row | {"last_heartbeat": heard.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
            redis.expire(f"rq:worker:{name}", 120 - silent)
            redis.sadd("rq:workers:cut", f"rq:worker:{name}")
    found = {worker.name: worker for worker in workers.every()}
    assert found["talking"].is_alive and not found["silent"].is_alive
    assert found["talking"].skew_seconds == pytest.approx(skew, abs=5)
    told = " ".join(operators.troubles(queue_load.every(), storage_use.disk()))
    away, way = {30: "30 s", 3600: "1 h"}[abs(skew)], "ahead of" if skew > 0 else "behind"
    assert f"The clock of edit1 is {away} {way} the database's" in told


@SKEWS
def test_operators_are_told_of_the_clock_of_their_web_process(wrong, skew: int):
    wrong(skew)
    told = " ".join(operators.troubles(queue_load.every(), storage_use.disk()))
    assert "The clock of the web process" in told and ("ahead of" if skew > 0 else "behind") in told


@SKEWS
def test_rows_are_made_when_the_database_says_so(wrong, skew: int):
    wrong(skew)
    job = factories.job()
    now = Account.objects.values_list(Now(), flat=True)[0]
    for made in (job.created_at, job.video.created_at, Job.objects.get().created_at):
        assert abs((made - now).total_seconds()) < 2


@pytest.mark.parametrize("ahead", [-3600, 0, 3600])
def test_an_answer_that_takes_its_time_makes_no_difference(monkeypatch, ahead: int):
    took = iter([1000.0, 1004.0])  # asked, and answered
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: next(took), monotonic=time.monotonic))
    monkeypatch.setattr(clock, "_ask", lambda: 1003.5 + ahead)
    monkeypatch.setattr(clock, "_measured_at", clock.NEVER)
    assert clock.offset() == pytest.approx(ahead, abs=2)
    assert ahead or clock.offset() == 0


def test_a_database_that_hangs_holds_up_one_thread_only(monkeypatch):
    asked, answered = threading.Event(), threading.Event()

    def hang() -> float:
        asked.set()
        assert answered.wait(30)
        raise OperationalError("gone away")

    clock.offset()  # what is known of it
    monkeypatch.setattr(clock, "_measured_at", time.monotonic() - clock.MEASURED_SECONDS - 1)
    monkeypatch.setattr(clock, "_ask", hang)
    thread = threading.Thread(target=clock.offset)
    thread.start()
    assert asked.wait(30)
    clock.offset()
    answered.set()
    thread.join()
    monkeypatch.setattr(clock, "_ask", pytest.fail)
    clock.offset()
