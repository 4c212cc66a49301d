"""Which jobs have changed since an earlier answer."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from jobs.models import Job
from jobs.services.changes import Cursor
from tests import factories
from tests.api import Api, error

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]
LONG_AGO = "2026-01-01T00:00:00Z"


@pytest.fixture
def account():
    return factories.account("ann@example.org")


@pytest.fixture
def ann(account):
    return Api(account)


def changed(ann, since, **query):
    found = ann.get("/jobs", since=since, **query)
    assert found.status_code == 200, found.content
    return [one["id"] for one in found.json()["items"]], found.json()["cursor"]


def age(job, **by):
    Job.objects.filter(pk=job.pk).update(changed_at=Now() - timedelta(**by))


def test_what_changed_comes_again_and_nothing_else(ann, account):
    first, second = factories.job(account), factories.job(account)
    factories.job(factories.account("bob@example.org"))
    age(first, minutes=2)
    age(second, minutes=1)
    ids, cursor = changed(ann, LONG_AGO)
    assert ids == [str(first.pk), str(second.pk)]
    assert changed(ann, cursor)[0] == []
    first.start("here 1")
    assert changed(ann, cursor)[0] == [str(first.pk)]
    first.advance(1, 0.5, "Cutting", 10)
    assert changed(ann, cursor, status="running")[0] == [str(first.pk)]
    assert changed(ann, cursor, status="queued")[0] == []


@pytest.mark.parametrize("clock", [timezone.now(), Now()])
def test_of_many_changes_at_one_time_none_is_left_out(ann, account, clock):
    video = factories.video(account)
    made = {str(factories.job(account, video=video).pk) for _ in range(7)}
    Job.objects.update(changed_at=clock - timedelta(minutes=1))
    seen, cursor = [], LONG_AGO
    for _ in range(4):
        ids, cursor = changed(ann, cursor, limit=3)
        seen += ids
    assert (len(seen), set(seen)) == (7, made)


def test_a_change_that_is_seen_late_is_not_lost(ann, account):
    """Its transaction ended after that of a later one, which has been told."""
    video = factories.video(account)
    late = factories.job(account, video=video)
    told = [factories.job(account, video=video) for _ in range(2)]
    Job.objects.filter(pk=late.pk).update(changed_at=timezone.now() - timedelta(days=365))
    since = (timezone.now() - timedelta(minutes=1)).isoformat()
    ids, cursor = changed(ann, since, limit=2)
    assert set(ids) == {str(job.pk) for job in told}
    age(late, seconds=1)
    ids, cursor = changed(ann, cursor, limit=2)
    ids += changed(ann, cursor, limit=200)[0]
    assert str(late.pk) in ids


def test_a_job_that_comes_back_from_the_trash_has_changed(ann, account):
    job = factories.job(account, status=Job.Status.SUCCEEDED)
    age(job, minutes=1)
    _, cursor = changed(ann, LONG_AGO)
    ann.delete(f"/jobs/{job.pk}")
    assert changed(ann, cursor)[0] == []
    assert ann.post(f"/jobs/{job.pk}/restore").status_code == 200
    assert changed(ann, cursor)[0] == [str(job.pk)]


@pytest.mark.parametrize(
    "since",
    ["yesterday", "17", "", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "WzEsMiwzXQ", "bnVsbA", "é", "%"],
)
def test_what_is_no_time_and_no_cursor_is_a_422(ann, since):
    assert error(ann.get("/jobs", since=since)) == (422, "invalid")


def test_an_offset_does_not_go_with_changes(ann):
    assert error(ann.get("/jobs", since=LONG_AGO, offset=5)) == (422, "invalid")


def test_a_list_without_since_has_no_cursor(ann):
    assert ann.get("/jobs").json()["cursor"] is None


def test_a_cursor_is_read_as_it_was_written(account):
    at = datetime(2026, 5, 4, 10, 0, 0, 123456, tzinfo=UTC)
    for cursor in (Cursor(at), Cursor(at, factories.job(account).pk, at - timedelta(seconds=5))):
        assert Cursor.read(str(cursor)) == cursor
