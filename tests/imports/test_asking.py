"""Who may ask for a recording from an address, how often, and what others see of it."""

import pytest

from jobs.models import Import
from jobs.services import imports
from tests import factories
from tests.api import ROOT, Api, error
from tests.imports.conftest import asked

pytestmark = pytest.mark.django_db(transaction=True)
S = Import.Status


def test_one_owner_has_only_so_many_under_way(ann, monkeypatch):
    monkeypatch.setattr(imports, "MOST_OPEN", 2)
    rows = [asked(ann, "https://example.org/a.mp4") for _ in range(2)]
    assert error(ann.post("/videos", {"url": "https://example.org/b.mp4"})) == (429, "too_many_imports")
    rows[0].cancel()
    asked(ann, "https://example.org/b.mp4")
    assert error(ann.post(f"/imports/{rows[0].pk}/retry")) == (429, "too_many_imports")


def test_the_same_request_again_makes_one_import(ann):
    body = {"url": "https://example.org/a.mp4"}
    first = ann.post("/videos", body, **{"Idempotency-Key": "k"})
    again = ann.post("/videos", body, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert Import.objects.count() == 1
    assert error(ann.post("/videos", {"url": "https://example.org/b"}, **{"Idempotency-Key": "k"}))[0] == 422


def test_imports_of_others_do_not_exist(ann):
    row = asked(ann, "https://example.org/a.mp4")
    bob = Api(factories.account("bob@example.org"))
    assert bob.get("/imports").json() == {"items": [], "count": 0}
    for answer in (
        bob.get(f"/imports/{row.pk}"),
        bob.post(f"/imports/{row.pk}/cancel"),
        bob.post(f"/imports/{row.pk}/retry"),
        bob.delete(f"/imports/{row.pk}"),
    ):
        assert error(answer) == (404, "not_found")
    assert Import.objects.get().status == S.QUEUED


def test_a_token_for_work_may_ask_and_one_for_reading_may_not():
    account = factories.account()
    body = {"url": "https://example.org/a.mp4"}
    assert error(Api(account, "read").post("/videos", body)) == (403, "scope")
    row = Api(account, "work").post("/videos", body).json()
    assert Api(account, "read").get(f"/imports/{row['id']}").status_code == 200
    assert Api(account, "work").post(f"/imports/{row['id']}/cancel").status_code == 200
    assert error(Api(account, "work").delete(f"/imports/{row['id']}")) == (403, "scope")


def test_curl_needs_no_header(ann):
    answer = ann.client.post(
        f"{ROOT}/videos", b'{"url": "https://example.org/a.mp4"}', content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 202
