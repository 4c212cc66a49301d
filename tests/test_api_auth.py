import re

import pytest
from django.test import Client

from jobs.models import Token
from tests import factories
from tests.api import ROOT, Api, error

pytestmark = pytest.mark.django_db
ID = "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"
CALLS = [
    ("get", "/videos"),
    ("post", "/videos"),
    ("get", f"/videos/{ID}"),
    ("patch", f"/videos/{ID}"),
    ("delete", f"/videos/{ID}"),
    ("get", f"/videos/{ID}/file"),
    ("head", f"/videos/{ID}/file"),
    ("get", f"/videos/{ID}/poster"),
    ("put", f"/videos/{ID}/poster"),
    ("delete", f"/videos/{ID}/poster"),
    ("get", f"/videos/{ID}/transcript"),
    ("patch", f"/videos/{ID}/transcript"),
    ("post", f"/videos/{ID}/transcript/undo"),
    ("get", f"/videos/{ID}/draft"),
    ("put", f"/videos/{ID}/draft"),
    ("delete", f"/videos/{ID}/draft"),
    ("post", f"/videos/{ID}/cut-plan"),
    ("get", f"/videos/{ID}/operations"),
    ("post", f"/videos/{ID}/quote"),
    ("post", "/video/watermark"),
    ("get", f"/video/watermark/{ID}"),
    ("post", "/audio/extract"),
    ("get", f"/audio/extract/{ID}"),
    ("get", "/imports"),
    ("get", f"/imports/{ID}"),
    ("delete", f"/imports/{ID}"),
    ("post", f"/imports/{ID}/cancel"),
    ("post", f"/imports/{ID}/retry"),
    ("get", "/images"),
    ("post", "/images"),
    ("get", f"/images/{ID}"),
    ("delete", f"/images/{ID}"),
    ("get", f"/images/{ID}/file"),
    ("get", f"/artifacts/{ID}/file"),
    ("patch", f"/artifacts/{ID}"),
    ("get", "/operations"),
    ("get", "/presets"),
    ("post", "/presets"),
    ("get", f"/presets/{ID}"),
    ("patch", f"/presets/{ID}"),
    ("delete", f"/presets/{ID}"),
    ("post", f"/presets/{ID}/restore"),
    ("get", "/stats"),
    ("get", "/jobs"),
    ("delete", "/jobs"),
    ("post", "/jobs/bulk"),
    ("post", "/jobs/bulk/cancel"),
    ("delete", "/videos"),
    ("post", "/videos/bulk/tags"),
    ("post", "/videos/bulk/pipelines/podcast"),
    ("get", "/videos/zip"),
    ("get", "/tags"),
    ("post", "/tags"),
    ("get", f"/tags/{ID}"),
    ("patch", f"/tags/{ID}"),
    ("delete", f"/tags/{ID}"),
    ("post", "/jobs"),
    ("get", f"/jobs/{ID}"),
    ("delete", f"/jobs/{ID}"),
    ("post", f"/jobs/{ID}/cancel"),
    ("post", f"/jobs/{ID}/retry"),
    ("post", f"/videos/{ID}/restore"),
    ("post", f"/jobs/{ID}/restore"),
    ("post", f"/runs/{ID}/restore"),
    ("get", "/trash"),
    ("delete", "/trash"),
    ("delete", f"/trash/{ID}"),
    ("get", "/pipelines"),
    ("post", "/pipelines"),
    ("get", "/pipelines/podcast"),
    ("patch", "/pipelines/podcast"),
    ("delete", "/pipelines/podcast"),
    ("post", f"/videos/{ID}/pipelines/podcast"),
    ("post", f"/videos/{ID}/pipeline"),
    ("get", "/search"),
    ("get", "/usage"),
    ("get", "/runs"),
    ("get", f"/runs/{ID}"),
    ("delete", f"/runs/{ID}"),
    ("post", f"/runs/{ID}/cancel"),
    ("post", f"/runs/{ID}/retry"),
    ("post", f"/runs/{ID}/keep/Cut"),
    ("get", "/tokens"),
    ("post", "/tokens"),
    ("delete", f"/tokens/{ID}"),
    ("get", "/webhooks"),
    ("post", "/webhooks"),
    ("get", f"/webhooks/{ID}"),
    ("patch", f"/webhooks/{ID}"),
    ("delete", f"/webhooks/{ID}"),
    ("post", f"/webhooks/{ID}/secret"),
    ("post", f"/webhooks/{ID}/test"),
    ("get", f"/webhooks/{ID}/deliveries"),
    ("post", f"/webhooks/{ID}/replay"),
    ("get", f"/deliveries/{ID}"),
    ("post", f"/deliveries/{ID}/replay"),
    ("get", "/me"),
    ("patch", "/me"),
    ("get", "/me/export"),
    ("get", "/me/export.zip"),
    ("get", "/users"),
    ("get", f"/users/{ID}"),
]

OPEN = {("post", "/users")}
"""What strangers may call, where signing up is open."""


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nobody_gets_in(method, path):
    response = getattr(Client(), method)(ROOT + path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    if method != "head":
        assert error(response) == (401, "unauthorized")


@pytest.mark.parametrize("header", ["Bearer vs_wrong", "Bearer ", "bearer  ", "Basic YTpi", "nonsense"])
def test_wrong_credentials_do_not_get_in(header):
    assert error(Client(headers={"Authorization": header}).get(f"{ROOT}/videos")) == (401, "unauthorized")


def test_a_wrong_token_is_not_mended_by_a_session():
    client = Client(headers={"Authorization": "Bearer vs_wrong"})
    client.force_login(factories.account())
    assert error(client.get(f"{ROOT}/videos")) == (401, "unauthorized")


def test_a_token_gets_in_without_a_csrf_token():
    secret = Token.issue(factories.account())
    client = Client(headers={"Authorization": f"Bearer {secret}"}, enforce_csrf_checks=True)
    assert error(client.post(f"{ROOT}/jobs/{ID}/cancel")) == (404, "not_found")
    assert Token.objects.get().last_used_at is not None


def test_a_deleted_token_and_a_switched_off_account_do_not_get_in():
    ann = factories.account()
    kept, gone = Api(ann), Api(ann)
    Token.objects.order_by("-pk").first().delete()
    assert kept.get("/videos").status_code == 200
    assert error(gone.get("/videos")) == (401, "unauthorized")
    ann.is_active = False
    ann.save()
    assert error(kept.get("/videos")) == (401, "unauthorized")


def test_a_session_reads_freely_and_changes_with_a_csrf_token():
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.account())
    assert client.get(f"{ROOT}/videos").status_code == 200
    assert error(client.post(f"{ROOT}/jobs/{ID}/cancel")) == (403, "csrf")
    client.cookies["csrftoken"] = "a" * 32
    right = client.post(f"{ROOT}/jobs/{ID}/cancel", headers={"X-CSRFToken": "a" * 32})
    assert error(right) == (404, "not_found")


def test_who_keeps_trying_has_to_wait_but_good_tokens_go_on():
    ann = Api(factories.account())
    nobody = Client(headers={"Authorization": "Bearer vs_wrong"})
    answers = [error(nobody.get(f"{ROOT}/videos")) for _ in range(61)]
    assert answers[:60] == [(401, "unauthorized")] * 60
    assert answers[60] == (429, "too_many_requests")
    assert ann.get("/videos").status_code == 200


def test_a_token_is_guessed_nowhere_without_a_limit():
    """The views outside of the API count on the same account, and say the same."""
    video = factories.video()
    nobody = Client(headers={"Authorization": "Bearer vs_wrong", "Tus-Resumable": "1.0.0"})
    first = nobody.get(f"{ROOT}/videos")
    addresses = [f"/videos/{video.pk}/file", f"/videos/{video.pk}/levels", "/uploads"]
    ask = [nobody.get, nobody.get, nobody.post]
    answers = [ask[number % 3](addresses[number % 3]) for number in range(62)]
    assert [error(answer) for answer in answers[:59]] == [(401, "unauthorized")] * 59
    assert {answer.content for answer in answers[:59]} == {first.content}
    assert [error(answer) for answer in answers[59:]] == [(429, "too_many_requests")] * 3
    assert {answer.content for answer in answers[59:]} == {nobody.get(f"{ROOT}/videos").content}
    right = Client(headers={"Authorization": f"Bearer {Token.issue(video.owner)}"})
    assert right.get(f"/videos/{video.pk}/levels").status_code != 429


def test_every_documented_call_is_tested_here():
    document = Client().get(f"{ROOT}/openapi.json").json()
    documented = {
        (method, re.sub(r"\{\w+_id\}", ID, path.removeprefix(ROOT)).format(slug="podcast", step="Cut"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert documented <= set(CALLS) | OPEN | {("head", path) for _, path in CALLS}
