"""Figures over time, against rows whose truth is known."""

import importlib
import statistics
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import clock
from jobs.models import Artifact, Job
from jobs.services import figures, storage_use
from jobs.services.figures import PERIODS
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status
NOW = datetime(2026, 3, 29, 10, 30, tzinfo=UTC)


def ended(owner, ago, *, wait=1.0, run=1.0, status=S.SUCCEEDED, **fields):
    """A job that ended so long before NOW."""
    finished = NOW - ago
    started = finished - timedelta(seconds=run)
    times = {"finished_at": finished, "active_at": finished, "started_at": started}
    times["queued_at"] = started - timedelta(seconds=wait)
    return factories.job(owner, status=status, **{**times, **fields})


@pytest.fixture
def ann():
    return factories.account("ann@example.org")


@pytest.fixture
def eve():
    return factories.account("eve@example.org")


@pytest.mark.parametrize("count", [1, 2, 9, 20])
def test_waits_and_runs_have_their_true_median(ann, count):
    waits = [0.25 + 3.5 * number for number in range(count)]
    runs = [2.125 + number**2 for number in range(count)]
    for wait, run in zip(waits, reversed(runs), strict=True):
        ended(ann, timedelta(minutes=5), wait=wait, run=run)
    for owner in (ann, None):
        every = figures.figures(owner, PERIODS["day"], NOW).all
        assert every.wait.median == pytest.approx(statistics.median(waits), abs=0.001)
        assert every.run.median == pytest.approx(statistics.median(runs), abs=0.001)
        assert every.run.total == pytest.approx(sum(runs), abs=0.01)


def test_the_speed_is_that_of_all_recordings_whose_length_is_known(ann, eve):
    cache.clear()
    assert figures.speed() is None
    cache.clear()
    now = timezone.now()
    for owner, run, seconds, fields in (
        (ann, 10, 300, {}),
        (eve, 30, 900, {}),
        (ann, 5, 0, {}),
        (ann, 1, 900, {"status": S.FAILED}),
        (ann, 1, 900, {"finished_at": now - timedelta(days=2)}),
    ):
        times = {"finished_at": now, **fields}
        times["started_at"] = times["finished_at"] - timedelta(seconds=run)
        factories.job(owner, load_seconds=seconds, **{"status": S.SUCCEEDED, **times})
    assert figures.speed() == pytest.approx(30, abs=0.01)


def test_95_of_100_waited_no_longer_than_is_said(ann):
    for seconds in range(101):
        ended(ann, timedelta(minutes=5), wait=float(seconds))
    assert figures.figures(ann, PERIODS["day"], NOW).all.wait.p95 == pytest.approx(95, abs=0.001)


def test_every_job_is_counted_at_its_time_and_by_its_end(ann):
    ended(ann, timedelta(minutes=29))  # at 10:01
    ended(ann, timedelta(minutes=31), status=S.FAILED)  # at 9:59
    ended(ann, timedelta(minutes=32), status=S.CANCELLED)
    ended(ann, timedelta(hours=23, minutes=29))  # at 11:01 the day before, the first step
    ended(ann, timedelta(hours=23, minutes=31))  # at 10:59, too old
    found = figures.figures(ann, PERIODS["day"], NOW)
    assert len(found.steps) == 24
    assert [step.ended for step in found.steps] == [1, *[0] * 21, 2, 1]
    before = found.steps[-2]
    assert (before.done, before.failed, before.cancelled) == (0, 1, 1)
    assert (found.all.done, found.all.ended) == (2, 4)
    assert found.all.done_share == pytest.approx(2 / 3)
    assert found.is_whole


def test_days_and_months_begin_at_midnight_by_the_clock_of_the_site():
    with timezone.override("Europe/Berlin"):  # on this day clocks go from 2:00 to 3:00
        days = PERIODS["month"].edges(NOW)
        assert len(days) == 31
        assert days[-2:] == [datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)]
        months = PERIODS["year"].edges(NOW)
        assert len(months) == 13
        assert months[0] == datetime(2025, 3, 31, 22, tzinfo=UTC)
        assert months[-2:] == [datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)]


@pytest.mark.parametrize("slug", PERIODS)
def test_the_present_is_in_the_last_step(slug):
    edges = PERIODS[slug].edges(NOW)
    assert edges[-2] <= NOW < edges[-1]
    assert edges == sorted(set(edges))


def test_jobs_of_others_are_counted_for_everybody_alone(ann, eve):
    ended(ann, timedelta(minutes=1))
    ended(eve, timedelta(minutes=1))
    factories.job(eve, status=S.RUNNING)
    assert figures.figures(ann, PERIODS["day"], NOW).all.done == 1
    assert sum(figures.figures(ann, PERIODS["day"], NOW).now.values()) == 0
    assert figures.figures(None, PERIODS["day"], NOW).all.done == 2
    assert figures.figures(None, PERIODS["day"], NOW).now[S.RUNNING] == 1


def test_kinds_of_work_are_told_apart_also_those_only_under_way(ann):
    ended(ann, timedelta(minutes=1), operation="trim", run=4.0)
    ended(ann, timedelta(minutes=1), operation="fax", status=S.FAILED)
    factories.job(ann, status=S.QUEUED, operation="convert")
    rows = {row.name: row for row in figures.figures(ann, PERIODS["day"], NOW).operations}
    assert len(rows) == 3
    assert rows["fax"].failed == 1 and rows["fax"].run.median is None
    assert [row.under_way for row in rows.values() if row.under_way] == [1]
    assert max(row.run.median or 0 for row in rows.values()) == pytest.approx(4, abs=0.001)


def test_a_job_that_was_cancelled_in_line_waited_for_no_start(ann):
    ended(ann, timedelta(minutes=1), status=S.CANCELLED, started_at=None)
    every = figures.figures(None, PERIODS["day"], NOW).all
    assert every.cancelled == 1 and every.wait.count == every.run.count == 0


def test_no_jobs_at_all_are_figures_too(ann):
    found = figures.figures(ann, PERIODS["year"], NOW)
    assert found.all.ended == 0 and found.all.wait.median is None and not found.operations


def test_silence_that_was_removed_is_added_up(ann):
    for seconds in (60.5, 30.25, None):
        ended(ann, timedelta(minutes=1), removed_seconds=seconds, operation="silence-cut")
    assert figures.figures(None, PERIODS["day"], NOW).all.removed_seconds == 90.75


def test_what_a_cut_removed_is_told_by_its_results():
    lengths = {"source_duration": 100.5, "output_duration": 80}
    assert figures.removed_seconds("silence-cut", [lengths, {"kind": "captions"}]) == 20.5
    assert figures.removed_seconds("silence-cut", [{"kind": "timeline"}]) is None
    assert figures.removed_seconds("trim", [lengths]) is None


def test_what_earlier_cuts_removed_is_counted_when_the_site_is_updated(ann):
    cut = ended(ann, timedelta(days=1), operation="silence-cut")
    trim = ended(ann, timedelta(days=1), operation="trim")
    for job in (cut, trim):
        shown = {"kind": "video", "name": "a.mp4", "key": "none", "media_type": "video/mp4", "sha256": "0" * 64}
        Artifact.objects.create(job=job, size=1, metadata={"source_duration": 10, "output_duration": 7.5}, **shown)
    migration = importlib.import_module("jobs.migrations.0012_job_figures")
    migration.count_removed(apps, connection.schema_editor())
    cut.refresh_from_db()
    trim.refresh_from_db()
    assert cut.removed_seconds == 2.5 and trim.removed_seconds is None


def test_figures_of_everybody_are_read_from_the_index_alone(ann):
    """Else each of a year's jobs would be looked up by itself."""
    for _ in range(3):
        ended(ann, timedelta(minutes=1))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        figures.Rows.ended(None, NOW - timedelta(days=1), "operation")
    (query,) = queries.captured_queries
    prefix = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{prefix} {query['sql']}")
        plan = str(cursor.fetchall())
    assert "job_figures" in plan
    assert ("COVERING INDEX" if connection.vendor == "sqlite" else "Using index") in plan
    assert "TEMP B-TREE" not in plan and "filesort" not in plan


def test_the_last_hour_is_told_by_queue(ann):
    ended(ann, timedelta(minutes=59), queue="fast", wait=2.0)
    ended(ann, timedelta(minutes=61), queue="fast", wait=9.0)
    ended(ann, timedelta(minutes=1), queue="cut", status=S.FAILED)
    found = figures.by_queue(NOW)
    assert set(found) == {"fast", "cut"}
    assert found["fast"].wait.median == pytest.approx(2, abs=0.001)
    assert found["cut"].failed == 1


def test_the_last_day_is_told_by_queue_and_hour(ann):
    now = clock.now()
    for queue, hours in (("fast", 0), ("fast", 2), ("fast", 2), ("fast", 30), ("cut", 5)):
        Job.objects.filter(pk=factories.job(ann, queue=queue, status=S.SUCCEEDED).pk).update(
            finished_at=now - timedelta(hours=hours)
        )
    cache.clear()
    found = figures.hourly_by_queue()
    assert set(found) == {"fast", "cut"}
    assert [len(hours) for hours in found.values()] == [24, 24]
    assert (found["fast"][-1], found["fast"][-3], sum(found["fast"])) == (1, 2, 3)
    assert found["cut"][-6] == 1


def test_the_state_changes_with_what_there_is_to_tell(ann, eve):
    hers, everybodys = figures.state(ann), figures.state(None)
    job = factories.job(eve)
    assert figures.state(ann) == hers
    assert figures.state(None) != everybodys
    seen = {figures.state(None)}
    job.start("somewhere 1")
    assert figures.state(None) not in seen
    seen.add(figures.state(None))
    job.advance(1, 0.5, "half", None)
    assert figures.state(None) in seen, "a page need not ask again for each step of progress"
    job.succeed(1)
    assert figures.state(None) not in seen


def test_figures_are_kept_until_the_state_changes(ann):
    job = factories.job(ann, status=S.RUNNING)
    assert figures.kept(ann, PERIODS["day"]).all.done == 0
    job.succeed(1)
    assert figures.kept(ann, PERIODS["day"]).all.done == 1
    with CaptureQueriesContext(connection) as queries:
        figures.kept(ann, PERIODS["day"])
    assert len(queries) <= 3, "only the state is looked at"


def test_storage_is_told_by_owner(ann, eve):
    factories.video(ann, size=1000)
    hers = factories.job(eve, status=S.SUCCEEDED, video=factories.video(eve, size=300))
    shown = {"kind": "video", "name": "a.mp4", "key": "none", "media_type": "video/mp4", "sha256": "0" * 64}
    Artifact.objects.create(job=hers, size=50, **shown)
    Artifact.objects.create(job=hers, size=7, **shown)
    first, second = storage_use.by_owner()
    assert (first.name, first.total) == ("ann@example.org", 1000)
    assert (second.name, second.recordings, second.results, second.total) == ("eve@example.org", 300, 57, 357)
    assert storage_use.of(eve).total == 357
    assert storage_use.total([first, second], "all").total == 1357


def test_the_disk_is_told_by_what_lies_there(ann):
    factories.video(ann, size=1000)
    disk = storage_use.disk()
    assert disk.recordings == 1000
    assert disk.recordings + disk.results + disk.uploads + disk.other + disk.free == disk.total
