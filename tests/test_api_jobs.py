import threading
import uuid

import pytest
from django.db import connection

from jobs import storage
from jobs.errors import InputError
from jobs.models import Artifact, Job
from tests import factories
from tests.api import ROOT, Api, error

pytestmark = pytest.mark.django_db
S = Job.Status
FIELDS = {
    "id",
    "video",
    "source",
    "run",
    "step",
    "reuse_of",
    "dropped_at",
    "operation",
    "params",
    "status",
    "progress",
    "stage",
    "queue_position",
    "queue_paused",
    "wait_seconds",
    "work_seconds",
    "eta_seconds",
    "error",
    "artifacts",
    "queued_at",
    "started_at",
    "finished_at",
    "attempt",
}


@pytest.fixture
def account():
    return factories.account("ann@example.org")


@pytest.fixture
def ann(account):
    return Api(account)


@pytest.fixture
def bob():
    return Api(factories.account("bob@example.org"))


@pytest.fixture
def order(account):
    return {"video": str(factories.video(account).pk), "operation": "thumbnails", "params": {"count": 3}}


# Starting ------------------------------------------------------------------------------------------------------------


def test_a_new_job_is_in_line_with_all_its_parameters(ann, order):
    response = ann.post("/jobs", order)
    assert response.status_code == 201, response.content
    job = response.json()
    assert response.headers["Location"] == f"{ROOT}/jobs/{job['id']}"
    assert set(job) == FIELDS
    assert (job["video"], job["operation"], job["status"]) == (order["video"], "thumbnails", "queued")
    assert job["params"]["count"] == 3
    assert job["params"]["width"] == 640
    assert "version" not in job["params"]
    assert (job["progress"], job["queue_position"], job["attempt"]) == (0, 1, 0)
    assert job["eta_seconds"] is job["error"] is job["started_at"] is job["finished_at"] is None
    assert job["artifacts"] == []
    assert ann.get(f"/jobs/{job['id']}").json() == job


def test_shown_parameters_can_be_sent_again(ann, order):
    first = ann.post("/jobs", order).json()
    second = ann.post("/jobs", {**order, "params": first["params"]})
    assert second.status_code == 201, second.content
    assert second.json()["params"] == first["params"]


def test_every_operation_starts_with_its_defaults_and_what_it_cannot_guess(ann, account, order):
    recorder = factories.video(account, key="videos/recorder/source.m4a")
    storage.path(recorder.key).parent.mkdir(parents=True, exist_ok=True)
    storage.path(recorder.key).write_bytes(b"sound")
    needed = {
        "swap-audio": {"audio": str(recorder.pk)},
        "join": {"recordings": [str(recorder.pk)]},
        "trim": {"end": 5},
        "watermark": {"text": "Example"},
    }
    for slug in (operation["slug"] for operation in ann.get("/operations").json()["items"]):
        begun = {"video": order["video"], "operation": slug}
        if slug in needed:
            refused = ann.post("/jobs", begun)
            assert refused.status_code == 422, slug
            begun["params"] = needed[slug]
        response = ann.post("/jobs", begun)
        assert response.status_code == 201, response.content


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"params": {"count": 0}}, "params.count"),
        ({"params": {"count": "many"}}, "params.count"),
        ({"params": {"count": [1]}}, "params.count"),
        ({"params": {"format": "bmp"}}, "params.format"),
        ({"params": {"surprise": 1}}, "params.surprise"),
        ({"params": [1]}, "params"),
        ({"video": None}, "video"),
    ],
)
def test_what_cannot_be_used_is_named_and_makes_nothing(ann, order, change, field):
    response = ann.post("/jobs", {**order, **change})
    assert error(response) == (422, "invalid")
    assert [item["field"] for item in response.json()["error"]["detail"]] == [field]
    assert Job.objects.count() == 0


def test_an_unknown_operation_is_a_422_that_lists_the_known(ann, order):
    response = ann.post("/jobs", {**order, "operation": "teleport"})
    assert error(response) == (422, "unknown_operation")
    assert "silence-cut" in response.json()["error"]["message"]


def test_work_that_the_recording_does_not_allow_is_a_422(ann, account):
    video = factories.video(account, facts=factories.info(video=None))
    response = ann.post("/jobs", {"video": str(video.pk), "operation": "thumbnails"})
    assert error(response) == (422, "no_video")


@pytest.mark.each_database
def test_a_job_waits_for_others_of_mine(ann, order):
    first = ann.post("/jobs", order).json()
    second = ann.post("/jobs", {**order, "after": [first["id"], first["id"]]}).json()
    assert (second["status"], second["queue_position"], second["queued_at"]) == ("waiting", None, None)
    assert list(Job.objects.get(pk=second["id"]).after.values_list("pk", flat=True)) == [uuid.UUID(first["id"])]


def test_recordings_and_jobs_of_others_cannot_be_used(ann, bob, order):
    theirs = ann.post("/jobs", order).json()
    assert error(bob.post("/jobs", order)) == (404, "not_found")
    mine = {**order, "video": str(factories.video(factories.account("bob@example.org")).pk)}
    assert error(bob.post("/jobs", {**mine, "after": [theirs["id"]]})) == (404, "not_found")
    assert Job.objects.count() == 1


def test_a_job_is_kept_when_redis_is_down(ann, order, settings):
    settings.RQ_QUEUES = {name: {"URL": "unix:///nowhere/redis.sock"} for name in settings.RQ_QUEUES}
    assert ann.post("/jobs", order).status_code == 201


# The same request twice ----------------------------------------------------------------------------------------------


@pytest.mark.each_database
def test_the_same_key_and_body_make_one_job(ann, order):
    first = ann.post("/jobs", order, **{"Idempotency-Key": "monday"})
    again = ann.post("/jobs", order, **{"Idempotency-Key": "monday"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"]
    assert Job.objects.count() == 1


def test_a_key_stays_with_its_job_when_that_has_moved_on(ann, order):
    first = ann.post("/jobs", order, **{"Idempotency-Key": "monday"}).json()
    Job.objects.get().start("here 1")
    again = ann.post("/jobs", order, **{"Idempotency-Key": "monday"})
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (200, first["id"], "running")


@pytest.mark.parametrize("change", [{"params": {"count": 4}}, {"operation": "silence-cut", "params": {}}])
def test_the_same_key_with_another_body_is_refused(ann, order, change):
    ann.post("/jobs", order, **{"Idempotency-Key": "monday"})
    response = ann.post("/jobs", {**order, **change}, **{"Idempotency-Key": "monday"})
    assert error(response) == (422, "idempotency_mismatch")
    assert Job.objects.count() == 1


def test_the_same_key_for_another_video_or_other_jobs_to_wait_for_is_refused(ann, account, order):
    first = ann.post("/jobs", order, **{"Idempotency-Key": "monday"}).json()
    for change in ({"video": str(factories.video(account).pk)}, {"after": [first["id"]]}):
        response = ann.post("/jobs", {**order, **change}, **{"Idempotency-Key": "monday"})
        assert error(response) == (422, "idempotency_mismatch")


@pytest.mark.each_database
def test_keys_are_exact_and_each_owner_has_their_own(ann, bob, order):
    keys = ["monday", "Monday", "monday ", "m" * 255]
    assert [ann.post("/jobs", order, **{"Idempotency-Key": key}).status_code for key in keys[:2]] == [201, 201]
    assert ann.post("/jobs", order, **{"Idempotency-Key": keys[3]}).status_code == 201
    theirs = {**order, "video": str(factories.video(factories.account("bob@example.org")).pk)}
    assert bob.post("/jobs", theirs, **{"Idempotency-Key": "monday"}).status_code == 201


def test_an_overlong_key_is_refused(ann, order):
    assert error(ann.post("/jobs", order, **{"Idempotency-Key": "m" * 256})) == (422, "invalid")


def test_without_a_key_each_request_makes_a_job(ann, order):
    assert ann.post("/jobs", order).json()["id"] != ann.post("/jobs", order).json()["id"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.each_database
def test_two_simultaneous_requests_with_one_key_make_one_job(account, order):
    count = 6
    clients, barrier, answers = [Api(account) for _ in range(count)], threading.Barrier(count), []

    def send(api):
        try:
            barrier.wait()
            answers.append(api.post("/jobs", order, **{"Idempotency-Key": "monday"}))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(api,)) for api in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * (count - 1) + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Job.objects.count() == 1


# Reading -------------------------------------------------------------------------------------------------------------


def test_a_failed_job_says_why(ann, account):
    job = factories.job(account, status=S.RUNNING)
    job.fail(InputError("There is nothing but silence. Choose a lower level.", code="all_silent", detail="inside"), 1)
    shown = ann.get(f"/jobs/{job.pk}")
    assert shown.json()["error"] == {
        "code": "all_silent",
        "message": "There is nothing but silence. Choose a lower level.",
    }
    assert b"inside" not in shown.content


def test_results_are_listed_with_addresses_for_the_same_token(ann, account):
    job = factories.job(account, status=S.SUCCEEDED)
    second, first = (
        Artifact.objects.create(
            job=job,
            position=position,
            kind="image",
            name=f"{position}.jpg",
            key=f"artifacts/{job.pk}/{position}.jpg",
            size=10,
            media_type="image/jpeg",
            metadata={"time": position},
        )
        for position in (1, 0)
    )
    shown = ann.get(f"/jobs/{job.pk}").json()["artifacts"]
    assert [item["id"] for item in shown] == [str(first.pk), str(second.pk)]
    assert shown[0] == {
        "id": str(first.pk),
        "kind": "image",
        "name": "0.jpg",
        "size": 10,
        "media_type": "image/jpeg",
        "url": f"{ROOT}/artifacts/{first.pk}/file",
        "missing": False,
        "metadata": {"time": 0},
    }


@pytest.mark.each_database
def test_a_list_is_mine_and_filtered(ann, account):
    running = factories.job(account, status=S.RUNNING)
    failed = factories.job(account, status=S.FAILED, operation="silence-cut")
    factories.job(factories.account("bob@example.org"))

    def ids(**query):
        found = ann.get("/jobs", **query).json()
        assert found["count"] == len(found["items"])
        return [item["id"] for item in found["items"]]

    assert ids() == [str(failed.pk), str(running.pk)]
    assert ids(status="running") == [str(running.pk)]
    assert ids(operation="silence-cut") == [str(failed.pk)]
    assert ids(video=running.video_id) == [str(running.pk)]
    assert ids(video=running.video_id, status="failed") == []


def test_a_long_list_needs_few_queries(ann, account, django_assert_max_num_queries):
    video = factories.video(account)
    for _ in range(20):
        factories.job(account, video=video)
    with django_assert_max_num_queries(15):
        assert [item["queue_position"] for item in ann.get("/jobs").json()["items"]] == list(range(20, 0, -1))


# Changing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [S.WAITING, S.QUEUED, S.RUNNING])
def test_a_job_under_way_is_cancelled_once(ann, account, status):
    job = factories.job(account, status=status)
    for _ in range(2):
        response = ann.post(f"/jobs/{job.pk}/cancel")
        assert (response.status_code, response.json()["status"]) == (200, "cancelled")


@pytest.mark.parametrize("status", [S.SUCCEEDED, S.FAILED])
def test_a_job_that_ended_cannot_be_cancelled(ann, account, status):
    job = factories.job(account, status=status)
    assert error(ann.post(f"/jobs/{job.pk}/cancel")) == (409, "ended")
    assert ann.get(f"/jobs/{job.pk}").json()["status"] == status


def test_a_retry_is_a_new_job_and_leaves_the_old_one(ann, account):
    old = factories.job(account, status=S.FAILED, params={"version": 1, "count": 2})
    response = ann.post(f"/jobs/{old.pk}/retry")
    assert response.status_code == 201
    new = response.json()
    assert response.headers["Location"] == f"{ROOT}/jobs/{new['id']}"
    assert (new["status"], new["params"]) == ("queued", {"count": 2})
    assert new["id"] != str(old.pk)
    assert ann.get(f"/jobs/{old.pk}").json()["status"] == "failed"


@pytest.mark.each_database
def test_a_job_under_way_is_neither_retried_nor_removed(ann, account):
    job = factories.job(account, status=S.RUNNING)
    assert error(ann.post(f"/jobs/{job.pk}/retry")) == (409, "still_active")
    assert error(ann.delete(f"/jobs/{job.pk}")) == (409, "still_active")


def test_a_job_that_ended_is_removed_with_its_results(ann, account):
    job = factories.job(account, status=S.SUCCEEDED)
    gone = {"id": str(job.pk), "artifacts": 0, "bytes": 0, "trashed_until": None}
    assert ann.delete(f"/jobs/{job.pk}?permanently=1").json() == gone
    assert error(ann.get(f"/jobs/{job.pk}")) == (404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("get", ""), ("delete", ""), ("post", "/cancel"), ("post", "/retry")])
def test_what_belongs_to_others_does_not_exist(ann, bob, account, method, path):
    job = factories.job(account)
    theirs = getattr(bob, method)(f"/jobs/{job.pk}{path}")
    none = getattr(bob, method)(f"/jobs/{uuid.uuid4()}{path}")
    assert error(theirs) == (404, "not_found")
    assert theirs.content == none.content
    assert ann.get(f"/jobs/{job.pk}").json()["status"] == "queued"
    assert Job.objects.count() == 1


def test_an_operator_has_no_way_to_the_work_of_others_here(account):
    operator = factories.account("root@example.org", is_staff=True, is_superuser=True)
    job = factories.job(account)
    assert error(Api(operator).get(f"/jobs/{job.pk}")) == (404, "not_found")
