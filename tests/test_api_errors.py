import base64

import pytest
from django.test import Client, override_settings

from jobs.models import Upload
from tests import factories
from tests.api import ROOT, Api, error

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", [f"{ROOT}/nothing", f"{ROOT}/videos/", f"{ROOT}/videos/17", "/api/v2/videos", "/api/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_address_is_a_json_404(path, method):
    assert error(getattr(Client(), method)(path)) == (404, "not_found")


def test_a_wrong_method_says_which_are_right():
    response = Api(factories.account()).client.put(f"{ROOT}/videos")
    assert error(response) == (405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "POST", "DELETE"}


@pytest.mark.parametrize("body", ["{", "\xff", "{" * 100_000, "[1, 2", "NaN,"])
def test_broken_json_is_a_400(body):
    assert error(Api(factories.account()).post("/jobs", body)) == (400, "bad_request")


@pytest.mark.parametrize("body", ['"text"', "[]", "null", "17", "{}"])
def test_json_of_another_shape_is_a_422(body):
    assert error(Api(factories.account()).post("/jobs", body)) == (422, "invalid")


def test_a_body_that_is_too_large_is_a_413():
    body = '{"video": "%s"}' % ("a" * 9_000_000)
    assert error(Api(factories.account()).post("/jobs", body)) == (413, "too_large")


def test_a_value_that_cannot_be_used_is_named():
    response = Api(factories.account()).post("/jobs", {"video": "17", "operation": "thumbnails", "surprise": 1})
    assert error(response) == (422, "invalid")
    assert {item["field"] for item in response.json()["error"]["detail"]} == {"video", "surprise"}
    assert "video: " in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/videos?limit=0", "limit"),
        ("/videos?limit=1000", "limit"),
        ("/videos?offset=-1", "offset"),
        ("/videos?order=password", "order"),
        ("/jobs?status=done", "status"),
        ("/jobs?video=17", "video"),
    ],
)
def test_a_query_that_cannot_be_used_is_named(path, field):
    response = Api(factories.account()).get(path)
    assert error(response) == (422, "invalid")
    assert [item["field"].split(".")[-1] for item in response.json()["error"]["detail"]] == [field]


def test_an_unknown_host_is_a_json_400():
    assert error(Client().get(f"{ROOT}/videos", headers={"Host": "evil.example"})) == (400, "unknown_host")


def test_a_failure_of_the_server_is_a_json_500_without_its_inside(monkeypatch):
    monkeypatch.setattr("jobs.operations.registry.every", lambda: 1 / 0)
    api = Api(factories.account())
    api.client.raise_request_exception = False
    response = api.get("/operations")
    assert error(response) == (500, "internal")
    assert b"ZeroDivision" not in response.content


def test_errors_of_pages_stay_pages():
    response = Client().get("/nothing-here/")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@override_settings(DEBUG=True)
def test_errors_are_the_same_while_developing():
    assert error(Client().get(f"{ROOT}/nothing")) == (404, "not_found")
    assert error(Api(factories.account()).post("/jobs", "{")) == (400, "bad_request")


@pytest.mark.parametrize(
    ("work", "words"),
    [
        ("operations=fly", "“fly” is not offered"),
        ("operations=thumbnails&thumbnails-mode=even&thumbnails-count=none", "Enter a whole number"),
    ],
)
@pytest.mark.parametrize("path", ["/uploads", f"{ROOT}/uploads"])
def test_work_that_cannot_be_ordered_with_an_upload_is_a_422(path, work, words):
    owner = factories.account()
    sent = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": f"work {encoded(work)}"}
    response = Api(owner).client.post(path, headers=sent)
    assert error(response) == (422, "invalid")
    assert words in response.json()["error"]["message"]
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"Upload-Length": "ten"}, 400, "bad_request"),
        ({"Upload-Metadata": "filename %"}, 400, "bad_request"),
        ({"Tus-Resumable": "0.2.2"}, 412, "version"),
        ({"Upload-Length": str(10**15)}, 413, "too_large"),
        ({"Upload-Length": "0"}, 415, "empty"),
    ],
)
def test_an_upload_that_cannot_begin_says_why(sent, status, code):
    usual = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
    response = Api(factories.account()).client.post(f"{ROOT}/uploads", headers=usual | sent)
    assert error(response) == (status, code)
    assert not Upload.objects.exists()


def encoded(text):
    return base64.b64encode(text.encode()).decode()
