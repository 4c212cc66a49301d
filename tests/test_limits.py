"""How many calls may be made in a minute."""

import time

import pytest
from django.test import Client

from jobs.models import Token
from tests import factories
from tests.api import ROOT, Api, error

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def minute(monkeypatch):
    """One that lasts as long as the test, 20 seconds before its end."""
    now = [60 * 1000 + 40.0]
    monkeypatch.setattr("jobs.auth.limits.clock.seconds", lambda: now[0])
    return now


@pytest.fixture
def account():
    return factories.account("ann@example.org")


def headers(response):
    return tuple(int(response.headers[f"RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))


def test_a_token_that_calls_too_often_has_to_wait_for_the_next_minute(account, settings, minute):
    settings.TOKEN_CALLS_PER_MINUTE = 3
    ann, other = Api(account), Api(account)
    assert [headers(ann.get("/videos")) for _ in range(3)] == [(3, 2, 20), (3, 1, 20), (3, 0, 20)]
    refused = ann.get("/videos")
    assert error(refused) == (429, "too_many_calls")
    assert headers(refused) == (3, 0, 20)
    assert refused.headers["Retry-After"] == "20"
    assert "Wait 20 seconds" in refused.json()["error"]["message"]
    assert other.get("/videos").status_code == 200
    minute[0] += 20
    assert headers(ann.get("/videos")) == (3, 2, 60)


def test_an_account_is_counted_with_all_of_its_tokens_and_pages(account, settings):
    settings.ACCOUNT_CALLS_PER_MINUTE = 3
    page = Client()
    page.force_login(account)
    for api in (Api(account).client, Api(account).client, page):
        assert api.get(f"{ROOT}/videos").status_code == 200
    for api in (Api(account).client, page):
        assert error(api.get(f"{ROOT}/videos")) == (429, "too_many_calls")
    assert Api(factories.account("bob@example.org")).get("/videos").status_code == 200
    assert page.get("/").status_code == 200, "pages themselves are not counted"


def test_a_token_is_counted_outside_of_the_api_too(account, settings):
    settings.TOKEN_CALLS_PER_MINUTE = 1
    video = factories.video(account)
    ann = Client(headers={"Authorization": f"Bearer {Token.issue(account)}"})
    assert headers(ann.get(f"/videos/{video.pk}/transcript")) == (1, 0, 20)
    assert error(ann.get(f"/videos/{video.pk}/transcript")) == (429, "too_many_calls")


def test_parts_of_uploads_are_not_counted(account, settings):
    settings.TOKEN_CALLS_PER_MINUTE = 1
    ann, tus = Api(account).client, {"Tus-Resumable": "1.0.0"}
    begun = ann.post(f"{ROOT}/uploads", headers=tus | {"Upload-Length": "6"})
    for offset in range(5):
        sent = ann.patch(
            begun.headers["Location"],
            b"x",
            content_type="application/offset+octet-stream",
            headers=tus | {"Upload-Offset": str(offset)},
        )
        assert sent.status_code == 204, sent.content


def test_nothing_else_is_let_through_as_a_part_of_an_upload(account, settings):
    settings.TOKEN_CALLS_PER_MINUTE = 3
    ann, tus = Api(account).client, {"Tus-Resumable": "1.0.0"}
    begun = ann.post(f"{ROOT}/uploads", headers=tus | {"Upload-Length": "6"})
    chunk = {"content_type": "application/offset+octet-stream", "headers": tus | {"Upload-Length": "6"}}
    assert ann.head(begun.headers["Location"], **chunk).status_code == 200
    assert ann.generic("GET", f"{ROOT}/videos", **chunk).headers["RateLimit-Remaining"] == "0"
    for method, path in (("GET", "/videos"), ("POST", "/pipelines"), ("PATCH", "/me"), ("POST", "/uploads")):
        assert error(ann.generic(method, ROOT + path, b"{}", **chunk)) == (429, "too_many_calls"), path
    for method in ("HEAD", "DELETE"):
        assert ann.generic(method, begun.headers["Location"], **chunk).status_code == 429


def test_without_limits_nothing_is_said(account, settings):
    settings.TOKEN_CALLS_PER_MINUTE = settings.ACCOUNT_CALLS_PER_MINUTE = 0
    assert not [name for name in Api(account).get("/videos").headers if name.startswith("RateLimit")]


def test_limits_hold_while_redis_is_away(account, settings, redis_server, monkeypatch):
    settings.TOKEN_CALLS_PER_MINUTE = 2
    from videoservice.cache import Cache

    monkeypatch.setattr(Cache, "away_until", time.monotonic() + 60)
    ann = Api(account)
    assert [ann.get("/videos").status_code for _ in range(3)] == [200, 200, 429]
