import uuid

import pytest

from jobs.models import Job, KeptAnswer, Video
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture
def account():
    return factories.account("ann@example.org")


@pytest.fixture
def ann(account):
    return Api(account)


@pytest.fixture
def order(account):
    return {"video": str(factories.video(account).pk), "operation": "thumbnails"}


@pytest.fixture
def theirs():
    return factories.job(factories.account("bob@example.org"), status=S.SUCCEEDED)


def statuses(response):
    return [one["status"] for one in response.json()["items"]]


def test_each_job_is_made_or_refused_by_itself(ann, order, theirs):
    wrong = [
        {**order, "operation": "fly"},
        {**order, "params": {"count": 0}},
        {**order, "video": str(theirs.video_id)},
        {"operation": "thumbnails"},
        {"video": 17, "surprise": 1},
        {**order, "after": [str(theirs.pk)]},
    ]
    response = ann.post("/jobs/bulk", {"jobs": [order, *wrong, order]})
    assert response.status_code == 207, response.content
    assert statuses(response) == [201, 422, 422, 404, 422, 422, 404, 201]
    items = response.json()["items"]
    assert (response.json()["done"], Job.objects.of(theirs.owner).count()) == (2, 1)
    assert [one["error"]["code"] for one in items[1:3]] == ["unknown_operation", "invalid"]
    assert items[2]["error"]["detail"][0]["field"] == "params.count"
    assert all(one["error"]["message"].endswith(".") for one in items[1:-1])
    for one in (items[0], items[-1]):
        assert (one["job"]["id"], one["error"]) == (one["id"], None)
        assert ann.get(f"/jobs/{one['id']}").json()["status"] == "queued"


def test_a_list_is_made_once_by_its_key(ann, order):
    body = {"jobs": [order, {**order, "params": {"count": 0}}, order]}
    first, again = (ann.post("/jobs/bulk", body, **{"Idempotency-Key": "monday"}) for _ in range(2))
    assert (first.status_code, again.status_code, Job.objects.count()) == (207, 207, 2)
    assert first.json() == again.json()


def test_a_list_of_which_all_was_refused_leaves_its_key_free(ann, account):
    pk = str(uuid.uuid4())
    body = {"jobs": [{"video": pk, "operation": "thumbnails"}]}
    assert statuses(ann.post("/jobs/bulk", body, **{"Idempotency-Key": "monday"})) == [404]
    factories.video(account, id=pk)
    again = ann.post("/jobs/bulk", body, **{"Idempotency-Key": "monday"})
    assert (statuses(again), "Idempotency-Replayed" in again.headers) == ([201], False)


def test_what_was_sent_is_not_told_again_at_any_length(ann, order):
    long = "x" * 5000
    wrong = [
        {**order, "operation": long},
        {**order, "params": {long: 1, **{f"{n}{long}": 1 for n in range(20)}}},
        {**order, long: 1},
        {**order, "video": long},
    ]
    response = ann.post("/jobs/bulk", {"jobs": [order, *wrong]}, **{"Idempotency-Key": "monday"})
    assert statuses(response) == [201, 422, 422, 422, 422]
    refused = response.json()["items"][1:]
    assert all(len(str(one)) < 5000 and one["error"]["message"].endswith(".") for one in refused)
    assert len(KeptAnswer.objects.get().sealed) < 30_000


def test_limits_hold_within_a_list(ann, order, settings):
    settings.QUOTA_JOBS = 2
    assert statuses(ann.post("/jobs/bulk", {"jobs": [order] * 4})) == [201, 201, 429, 429]


@pytest.mark.parametrize("jobs", [[], [1], "all", [{}] * 201])
def test_what_is_no_list_of_jobs_is_a_422(ann, jobs):
    assert error(ann.post("/jobs/bulk", {"jobs": jobs})) == (422, "invalid")


def test_jobs_are_cancelled_together(ann, account, theirs):
    made = [factories.job(account, status=status) for status in (S.QUEUED, S.RUNNING, S.SUCCEEDED)]
    ids = [str(job.pk) for job in (*made, theirs, made[0])]
    response = ann.post("/jobs/bulk/cancel", {"ids": ids})
    assert (response.status_code, statuses(response)) == (207, [200, 200, 409, 404])
    assert [one["job"]["status"] for one in response.json()["items"][:2]] == ["cancelled", "cancelled"]


def test_jobs_are_removed_together(ann, account, theirs):
    done, running = factories.job(account, status=S.SUCCEEDED), factories.job(account, status=S.RUNNING)
    response = ann.delete("/jobs", {"ids": [str(done.pk), str(running.pk), str(theirs.pk)]})
    assert (response.status_code, statuses(response)) == (207, [200, 409, 404])
    assert response.json()["items"][0]["removed"]["id"] == str(done.pk)
    assert set(Job.objects.all()) == {running, theirs}


def test_recordings_are_deleted_together(ann, account, theirs):
    mine = [factories.video(account) for _ in range(2)]
    kept = factories.video(account)
    ids = [str(pk) for pk in (mine[0].pk, theirs.video_id, uuid.uuid4(), mine[1].pk)]
    response = ann.delete("/videos", {"ids": ids})
    assert (response.status_code, statuses(response), response.json()["done"]) == (207, [200, 404, 404, 200], 2)
    assert set(Video.objects.all()) == {kept, theirs.video}


@pytest.mark.parametrize("path", ["/jobs", "/videos"])
def test_nothing_is_deleted_without_ids(ann, order, path):
    for body in ({}, {"ids": []}, {"ids": ["all"]}, ""):
        response = ann.delete(path, body)
        assert response.status_code in (400, 422), response.content
    assert Video.objects.count() == 1
