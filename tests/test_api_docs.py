import json
import re

import pytest
from django.test import Client

from tests.api import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def document():
    response = Client().get(f"{ROOT}/openapi.json")
    assert response.headers["Content-Type"].startswith("application/json")
    return response.json()


def calls(document):
    return [call for methods in document["paths"].values() for call in methods.values()]


def test_the_tabled_calls_are_documented(document):
    documented = {(path, method) for path, methods in document["paths"].items() for method in methods}
    tabled = {
        ("/videos", "post"),
        ("/videos", "get"),
        ("/videos/{video_id}", "get"),
        ("/videos/{video_id}", "patch"),
        ("/videos/{video_id}", "delete"),
        ("/videos/{video_id}/file", "get"),
        ("/videos/{video_id}/cut-plan", "post"),
        ("/artifacts/{artifact_id}/file", "get"),
        ("/operations", "get"),
        ("/jobs", "post"),
        ("/jobs", "get"),
        ("/jobs/{job_id}", "get"),
        ("/jobs/{job_id}/cancel", "post"),
        ("/jobs/{job_id}/retry", "post"),
    }
    assert {(ROOT + path, method) for path, method in tabled} <= documented


def test_every_call_says_what_it_does_who_may_and_what_can_go_wrong(document):
    for call in calls(document):
        assert call["summary"] and call["description"]
        may = [{"BearerAuth": []}, {"SessionAuth": []}]
        assert call["security"] == ([*may, {}] if call["summary"] == "Make an account" else may)
        assert "401" in call["responses"]
        assert any(status.startswith("2") for status in call["responses"])
    assert set(document["components"]["securitySchemes"]) == {"BearerAuth", "SessionAuth"}


def test_every_body_of_json_has_an_example(document):
    without = set()
    for call in calls(document):
        body = call.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(body)):
            if not document["components"]["schemas"][name].keys() & {"example", "examples"}:
                without.add(name)
    assert without == set()


def test_names_are_unique_and_references_lead_somewhere(document):
    names = [call["operationId"] for call in calls(document)]
    assert len(names) == len(set(names))
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_the_upload_is_a_form_with_a_file(document):
    body = document["paths"][f"{ROOT}/videos"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert body["required"] == ["file"]
    assert set(body["properties"]) == {"file", "title", "duplicate", "pipeline"}


def test_the_docs_are_served_from_here_alone():
    page = Client().get(f"{ROOT}/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.content.decode())
    assert addresses
    assert all(address.startswith("/") for address in addresses)
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_the_root_leads_to_the_docs():
    assert Client().get(f"{ROOT}/").headers["Location"] == f"{ROOT}/docs"


def test_conditions_limits_and_the_failures_of_any_call_are_documented(document):
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            assert {"400", "403", "429", "503"} <= set(call["responses"]), path
            assert ("413" in call["responses"]) >= ("requestBody" in call), path
            named = [one.get("$ref", "").split("/")[-1] for one in call.get("parameters", [])]
            if method in ("put", "patch", "delete") and "get" in methods:
                assert "412" in call["responses"] and "IfMatch" in named, path
    listed = document["paths"][f"{ROOT}/videos"]["get"]
    assert "304" in listed["responses"]
    assert "RateLimit-Remaining" in listed["responses"]["200"]["headers"]
