"""The same request twice: one mechanism for every call that makes something."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.http import HttpRequest
from ninja import Router

from jobs.api import api as site_api
from jobs.api import idempotency as calls
from jobs.api import jobs as job_calls
from jobs.errors import InputError
from jobs.models import Image, Job, KeptAnswer, Pipeline, Run, Token, Video
from jobs.services import idempotency, runs
from tests import factories, media
from tests.api import ROOT, Api, error
from tests.pictures import logo

pytestmark = pytest.mark.django_db
KEY = {"Idempotency-Key": "monday"}
STEPS = [{"name": "Stills", "operation": "thumbnails"}]


@pytest.fixture
def account():
    return factories.account("ann@example.org")


@pytest.fixture
def ann(account):
    return Api(account)


def test_every_call_that_makes_something_takes_a_key(document):
    """What answers 201 made something. A new call gets the header by the decorator `idempotent`."""
    without = [
        (method, path)
        for path, methods in document["paths"].items()
        for method, call in methods.items()
        if method == "post" and {"201", "202"} & {str(status) for status in call["responses"]}
        if "Idempotency-Key" not in [one["name"] for one in call.get("parameters", [])]
    ]
    assert without == []


@pytest.fixture
def document():
    return site_api.get_openapi_schema()


def test_a_chain_is_saved_once(ann):
    body = {"name": "Mine", "steps": STEPS}
    first, again = (ann.post("/pipelines", body, **KEY) for _ in range(2))
    assert (first.status_code, again.status_code, Pipeline.objects.count()) == (201, 200, 1)
    assert first.json() == again.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert (again.headers["Idempotency-Replayed"], "Idempotency-Replayed" in first.headers) == ("true", False)
    assert error(ann.post("/pipelines", body | {"name": "Other"}, **KEY)) == (422, "idempotency_mismatch")


def test_a_key_is_for_one_address(ann, account):
    job = factories.job(account, status=Job.Status.FAILED)
    first, again = (ann.post(f"/jobs/{job.pk}/retry", **KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["id"], Job.objects.count()) == (again.json()["id"], 2)
    assert error(ann.post(f"/jobs/{first.json()['id']}/retry", **KEY)) == (422, "idempotency_mismatch")
    assert error(ann.post("/pipelines", {"name": "Mine", "steps": STEPS}, **KEY)) == (422, "idempotency_mismatch")


def test_a_saved_chain_is_run_once(ann, account):
    video = factories.video(account)
    ann.post("/pipelines", {"name": "Mine", "steps": STEPS})
    first, again = (ann.post(f"/videos/{video.pk}/pipelines/mine", **KEY) for _ in range(2))
    assert (first.status_code, again.status_code, Run.objects.count()) == (201, 200, 1)
    run = Run.objects.get()
    runs.cancel(run)
    other = ann.post(f"/runs/{run.pk}/retry", {"params": {"Stills": {"count": 2}}}, **KEY)
    assert error(other) == (422, "idempotency_mismatch")
    made, replayed = (
        ann.post(f"/runs/{run.pk}/retry", {"params": {"Stills": {"count": 2}}}, **{"Idempotency-Key": "tuesday"})
        for _ in range(2)
    )
    assert (made.status_code, replayed.status_code, Run.objects.count()) == (201, 200, 2)


def test_a_recording_is_taken_once_and_its_bytes_tell(ann, tmp_path):
    film, other = (media.video(tmp_path / f"{name}.mp4", seconds=seconds) for name, seconds in (("a", 1), ("b", 2)))
    first, again = (ann.upload(film, duplicate="allow", headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code, Video.objects.count()) == (201, 200, 1)
    assert first.json() == again.json()
    assert error(ann.upload(other, duplicate="allow", headers=KEY)) == (422, "idempotency_mismatch")
    renamed = ann.upload(film, duplicate="allow", title="Mine", headers=KEY)
    assert error(renamed) == (422, "idempotency_mismatch")
    assert Video.objects.count() == 1


def test_an_image_is_taken_once(ann):
    from django.core.files.uploadedfile import SimpleUploadedFile

    def send():
        return ann.client.post(f"{ROOT}/images", {"file": SimpleUploadedFile("logo.png", logo())}, headers=KEY)

    first, again = send(), send()
    assert (first.status_code, again.status_code, Image.objects.count()) == (201, 200, 1)


def test_what_was_refused_leaves_the_key_free(ann, account):
    video = factories.video(account)
    wrong = {"video": str(video.pk), "operation": "thumbnails", "params": {"count": 0}}
    assert error(ann.post("/jobs", wrong, **KEY)) == (422, "invalid")
    assert ann.post("/jobs", wrong | {"params": {}}, **KEY).status_code == 201


def fail_once(monkeypatch, module, name, error):
    real, left = getattr(module, name), [error]

    def failing(*args, **kwargs):
        if left:
            raise left.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, failing)


@pytest.mark.parametrize("kind", ["job", "bulk", "retry"])
def test_a_job_is_found_again_by_the_same_request_if_anything_went_wrong_after_it_was_made(
    ann, account, monkeypatch, kind
):
    order = {"video": str(factories.video(account).pk), "operation": "thumbnails"}
    path, body = {
        "job": ("/jobs", order),
        "bulk": ("/jobs/bulk", {"jobs": [order]}),
        "retry": (f"/jobs/{factories.job(account, status=Job.Status.FAILED).pk}/retry", None),
    }[kind]
    before = Job.objects.count()
    fail_once(monkeypatch, job_calls, "shown", OperationalError(2006, "server has gone away"))
    assert error(ann.post(path, body, **KEY)) == (503, "unavailable")
    assert Job.objects.count() == before + 1
    again = ann.post(path, body, **KEY)
    assert again.status_code in (201, 207), again.content
    assert Job.objects.count() == before + 1
    assert ann.post(path, body, **KEY).headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("/pipelines", {"name": "Mine", "steps": STEPS}, Pipeline),
        ("/tokens", {"name": "Build", "scopes": ["read"]}, Token),
    ],
)
def test_what_has_no_mark_is_not_made_unless_its_answer_is_kept(ann, monkeypatch, path, body, model):
    before = model.objects.count()
    fail_once(monkeypatch, idempotency, "keep", OperationalError(2006, "server has gone away"))
    assert error(ann.post(path, body, **KEY)) == (503, "unavailable")
    assert model.objects.count() == before
    assert (ann.post(path, body, **KEY).status_code, ann.post(path, body, **KEY).status_code) == (201, 200)
    assert model.objects.count() == before + 1


def test_a_chain_run_anew_is_found_again_if_its_answer_could_not_be_kept(ann, account, monkeypatch):
    video = factories.video(account)
    made = ann.post(f"/videos/{video.pk}/pipeline", {"steps": STEPS}).json()
    runs.cancel(Run.objects.get())
    path, body = f"/runs/{made['id']}/retry", {"params": {"Stills": {"count": 2}}}
    fail_once(monkeypatch, idempotency, "keep", OperationalError(2006, "server has gone away"))
    assert error(ann.post(path, body, **KEY)) == (503, "unavailable")
    again = ann.post(path, body, **KEY)
    assert (again.status_code, Run.objects.count()) == (201, 2)


def test_a_thing_that_is_gone_is_told_as_it_was(ann):
    body = {"name": "Mine", "steps": STEPS}
    first = ann.post("/pipelines", body, **KEY)
    ann.delete("/pipelines/mine")
    again = ann.post("/pipelines", body, **KEY)
    assert (again.status_code, again.json(), Pipeline.objects.count()) == (200, first.json(), 0)


def test_after_a_day_a_key_is_new(ann):
    body = {"name": "Mine", "steps": STEPS}
    ann.post("/pipelines", body, **KEY)
    KeptAnswer.objects.update(begun_at=Now() - timedelta(hours=25))
    other = ann.post("/pipelines", body | {"name": "Other"}, **KEY)
    assert (other.status_code, Pipeline.objects.count()) == (201, 2)
    KeptAnswer.objects.update(begun_at=Now() - timedelta(hours=25))
    KeptAnswer.forget_old()
    assert not KeptAnswer.objects.exists()


def test_a_request_under_way_holds_no_thread_for_long(account, monkeypatch, django_assert_max_num_queries):
    slept = []
    monkeypatch.setattr("jobs.services.idempotency.time", Clock(slept))
    idempotency.claim(account, "monday", "a chain")
    with django_assert_max_num_queries(20), pytest.raises(InputError):
        idempotency.claim(account, "monday", "a chain")
    assert 0 < sum(slept) <= 0.5


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self, slept):
        self.slept = slept

    def monotonic(self):
        return sum(self.slept)

    def sleep(self, seconds):
        self.slept.append(seconds)


@pytest.mark.each_database
def test_a_request_under_way_is_waited_for_and_one_that_was_lost_is_done_again(account, monkeypatch):
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0.1)
    row = idempotency.claim(account, "monday", "a chain")
    with pytest.raises(InputError) as refusal:
        idempotency.claim(account, "monday", "a chain")
    assert refusal.value.code == "in_progress"
    with pytest.raises(InputError) as refusal:
        idempotency.claim(account, "monday", "another")
    assert refusal.value.code == "idempotency_mismatch"
    KeptAnswer.objects.update(begun_at=Now() - idempotency.LEASE)
    assert idempotency.claim(account, "monday", "a chain").pk == row.pk
    with pytest.raises(InputError):
        idempotency.claim(account, "monday", "a chain")


def test_a_job_that_was_made_before_the_process_died_is_found_again(ann, account):
    body = {"video": str(factories.video(account).pk), "operation": "thumbnails"}
    first = ann.post("/jobs", body, **KEY).json()
    KeptAnswer.objects.update(status=None, sealed="", begun_at=Now() - idempotency.LEASE)
    again = ann.post("/jobs", body, **KEY)
    assert (again.json()["id"], Job.objects.count()) == (first["id"], 1)


def test_an_answer_with_a_secret_is_told_again_and_lies_nowhere_in_the_open(account):
    made = []

    @calls.idempotent(secret=True)
    def make(request: HttpRequest) -> dict[str, str]:
        made.append(1)
        return {"token": "vs_secret"}

    router = Router()
    router.post("")(make)
    request = HttpRequest()
    request.method, request.auth = "POST", account  # type: ignore[attr-defined]
    assert make(request, idempotency_key="monday") == {"token": "vs_secret"}
    again = make(request, idempotency_key="monday")
    assert (again.content, len(made)) == (b'{"token": "vs_secret"}', 1)
    row = KeptAnswer.objects.get()
    assert "vs_secret" not in repr(row.__dict__)
    assert idempotency.opened(row, "tuesday") is None


def test_a_token_is_made_once_and_told_again(ann, account):
    body = {"name": "Build", "scopes": ["read"]}
    first, again = (ann.post("/tokens", body, **KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200), again.content
    assert first.json()["token"] == again.json()["token"]
    assert account.tokens.filter(name="Build").count() == 1


def test_an_account_is_made_once_and_a_stranger_goes_without(ann):
    body = {"email": "bob@example.org", "password": "correct horse battery"}
    first, again = (ann.post("/users", body, **KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200), again.content
    assert first.json() == again.json()
    other = Api().post("/users", {**body, "email": "eve@example.org"}, **KEY)
    assert other.status_code in (201, 202), other.content
    assert KeptAnswer.objects.count() == 1
