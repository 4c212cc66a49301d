"""Tokens: how much each may do, how long, and who makes them."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from jobs.models import Job, Token
from jobs.models.token import Scope
from jobs.services import tokens, uploads
from tests import factories
from tests.api import ROOT, Api, error
from tests.test_api_auth import CALLS, ID

pytestmark = pytest.mark.django_db
SAFE = ("get", "head")
TUS = {"Tus-Resumable": "1.0.0"}
WORK = [
    ("post", "/videos"),
    ("patch", f"/videos/{ID}"),
    ("post", f"/videos/{ID}/cut-plan"),
    ("post", f"/videos/{ID}/quote"),
    ("patch", f"/videos/{ID}/transcript"),
    ("post", f"/videos/{ID}/transcript/undo"),
    ("put", f"/videos/{ID}/poster"),
    ("put", f"/videos/{ID}/draft"),
    ("post", "/videos/bulk/tags"),
    ("post", "/videos/bulk/pipelines/podcast"),
    ("post", "/tags"),
    ("patch", f"/tags/{ID}"),
    ("post", "/images"),
    ("post", "/jobs"),
    ("post", "/jobs/bulk"),
    ("post", "/jobs/bulk/cancel"),
    ("post", f"/jobs/{ID}/cancel"),
    ("post", f"/jobs/{ID}/retry"),
    ("post", "/presets"),
    ("patch", f"/presets/{ID}"),
    ("post", f"/presets/{ID}/restore"),
    ("post", "/pipelines"),
    ("patch", "/pipelines/podcast"),
    ("post", f"/videos/{ID}/pipelines/podcast"),
    ("post", f"/videos/{ID}/pipeline"),
    ("post", f"/runs/{ID}/cancel"),
    ("post", f"/runs/{ID}/retry"),
    ("post", f"/runs/{ID}/keep/Cut"),
]
"""What a token with the scope “work” may do besides reading."""
EVERYTHING = [("get", "/me/export"), ("get", "/me/export.zip")]
"""What changes nothing, and still takes a token that may do everything."""


def ask(api, method, path):
    return getattr(api.client, method)(ROOT + path, headers=TUS)


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[0] in SAFE and call not in EVERYTHING])
def test_every_token_reads(method, path):
    assert ask(Api(factories.account(), "read"), method, path).status_code in (200, 404, 422)


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[0] not in SAFE])
def test_a_token_that_only_reads_changes_nothing(method, path):
    """Of calls that come later too: what is not marked takes everything."""
    answer = ask(Api(factories.account(), "read"), method, path)
    assert error(answer) == (403, "scope")
    assert "scope “read”" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("method", "path"), WORK)
def test_a_token_for_work_brings_recordings_and_puts_work_on_them(method, path):
    assert ask(Api(factories.account(), "work"), method, path).status_code not in (401, 403, 500)


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[0] == "delete"])
def test_a_token_for_work_deletes_nothing(method, path):
    answer = ask(Api(factories.account(), "work"), method, path)
    assert error(answer) == (403, "scope")
    assert "takes “all”" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_only_a_token_for_everything_takes_everything_along(method, path):
    ann = factories.account()
    for scope in ("read", "work"):
        assert error(ask(Api(ann, scope), method, path)) == (403, "scope")
    assert ask(Api(ann, "all"), method, path).status_code == 200


def test_a_token_for_work_makes_no_token():
    assert error(Api(factories.account(), "work").post("/tokens", {"name": "more"})) == (403, "scope")


def test_a_scope_that_is_too_narrow_hides_nothing_by_its_answer():
    """Whether a thing exists is not told either."""
    ann = factories.account()
    job = factories.job(ann)
    api = Api(ann, "read")
    there, not_there = api.delete(f"/jobs/{job.pk}"), api.delete(f"/jobs/{ID}")
    assert there.content == not_there.content
    assert Job.objects.filter(pk=job.pk).exists()


# Outside of the API's own calls --------------------------------------------------------------------------------------


def test_uploads_by_chunks_take_a_token_for_work():
    ann = factories.account()
    upload = uploads.begin(ann, name="talk.mp4", length=100)
    for scope, status in (("read", 403), ("work", 204)):
        client = Api(ann, scope).client
        asked = client.delete(f"/api/v1/uploads/{upload.pk}", headers=TUS)
        assert asked.status_code == status, scope
    begun = Api(ann, "read").client.post("/uploads", headers={**TUS, "Upload-Length": "9"})
    assert error(begun) == (403, "scope")
    assert Api(ann, "work").client.post("/uploads", headers={**TUS, "Upload-Length": "9"}).status_code == 201


def test_a_method_in_a_header_counts_as_the_method():
    ann = factories.account()
    upload = uploads.begin(ann, name="talk.mp4", length=100)
    headers = {**TUS, "X-HTTP-Method-Override": "DELETE"}
    assert error(Api(ann, "read").client.post(f"/uploads/{upload.pk}", headers=headers)) == (403, "scope")


def test_files_outside_of_the_api_are_read_with_every_token_and_words_changed_with_one_for_work():
    ann = factories.account()
    video = factories.video(ann)
    read, work = Api(ann, "read").client, Api(ann, "work").client
    assert read.get(f"/videos/{video.pk}/file").status_code == 404  # there are no bytes behind it
    assert error(read.post(f"/videos/{video.pk}/transcript/undo")) == (403, "scope")
    assert work.post(f"/videos/{video.pk}/transcript/undo").status_code == 404  # nothing is transcribed


# How long ------------------------------------------------------------------------------------------------------------


def test_a_token_that_has_ended_is_nobody_everywhere():
    ann = factories.account()
    api = Api(ann)
    assert api.get("/videos").status_code == 200
    Token.objects.update(expires_at=Now() - timedelta(milliseconds=1))
    assert error(api.get("/videos")) == (401, "unauthorized")
    assert error(api.client.get(f"/videos/{ID}/levels")) == (401, "unauthorized")
    assert error(api.client.post("/uploads", headers=TUS)) == (401, "unauthorized")


@pytest.mark.each_database
def test_the_database_s_clock_says_when_a_token_ends(monkeypatch):
    """Whatever the web process takes for the time."""
    ann = factories.account()
    ends, ended = Token.issue(ann), Token.issue(ann)
    Token.objects.filter(begins=ends[:7]).update(expires_at=Now() + timedelta(minutes=1))
    Token.objects.filter(begins=ended[:7]).update(expires_at=Now() - timedelta(minutes=1))
    for wrong in (timedelta(days=-1), timedelta(days=1)):
        monkeypatch.setattr(timezone, "now", lambda wrong=wrong: datetime.now(UTC) + wrong)
        assert Token.find(ends) is not None
        assert Token.find(ended) is None


@pytest.mark.each_database
def test_use_is_marked_to_the_minute():
    token, secret = Token.make(factories.account())
    for ago, is_marked in ((None, True), (timedelta(seconds=30), False), (timedelta(seconds=61), True)):
        Token.objects.update(last_used_at=None if ago is None else Now() - ago)
        before = Token.objects.get().last_used_at
        assert Token.find(secret) == token
        assert (Token.objects.get().last_used_at != before) == is_marked, ago


# Making them ---------------------------------------------------------------------------------------------------------


def test_a_token_is_made_with_name_scope_and_end_and_told_once():
    api = Api(factories.account())
    ends = "2100-05-24T00:00:00Z"
    response = api.post("/tokens", {"name": "Nightly export", "scopes": ["read"], "expires_at": ends})
    made = response.json()
    assert (response.status_code, response.headers["Cache-Control"]) == (201, "no-store")
    assert made["token"].startswith(made["begins"])
    listed = api.get("/tokens").json()
    assert listed["count"] == 2
    first = listed["items"][0]
    assert first == {name: value for name, value in made.items() if name != "token"}
    assert (first["name"], first["scopes"], first["expires_at"]) == ("Nightly export", ["read"], ends)
    row = Token.objects.get(pk=made["id"])
    assert made["token"] not in (row.digest, row.name, row.begins)
    reading = Client(headers={"Authorization": f"Bearer {made['token']}"})
    assert reading.get(f"{ROOT}/videos").status_code == 200
    assert error(reading.delete(f"{ROOT}/videos/{ID}")) == (403, "scope")


def test_of_several_scopes_the_widest_counts():
    api = Api(factories.account())
    for scopes, widest in ((["read", "work"], "work"), (["all", "read"], "all"), (["work"], "work")):
        assert api.post("/tokens", {"name": "one", "scopes": scopes}).json()["scopes"] == [widest]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": " "},
        {"name": "x" * 101},
        {"name": "one", "scopes": []},
        {"name": "one", "scopes": ["admin"]},
        {"name": "one", "expires_at": "soon"},
        {"name": "one", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "one", "expires_at": "0001-01-01T00:00:00+14:00"},
        {"name": "one", "owner": 1},
    ],
)
def test_what_makes_no_token_is_said(body):
    assert Api(factories.account()).post("/tokens", body).status_code == 422
    assert Token.objects.count() == 1


def test_a_token_makes_none_that_lasts_longer_than_itself():
    api = Api(factories.account())
    Token.objects.update(expires_at=Now() + timedelta(days=1))
    assert error(api.post("/tokens", {"name": "for ever"})) == (422, "expires_at")
    later = (timezone.now() + timedelta(days=2)).isoformat()
    assert error(api.post("/tokens", {"name": "longer", "expires_at": later})) == (422, "expires_at")
    sooner = (timezone.now() + timedelta(hours=2)).isoformat()
    assert api.post("/tokens", {"name": "shorter", "expires_at": sooner}).status_code == 201


@pytest.mark.parametrize(("by", "scope"), list(itertools.product(Scope, Scope)))
def test_a_token_hands_on_no_more_than_it_may_itself(by, scope):
    ann = factories.account()
    maker, _ = Token.make(ann, scope=by)
    try:
        tokens.make(ann, "another", scope, None, maker)
        made = True
    except tokens.InputError as error:
        assert error.code == "scope"
        made = False
    assert made == by.includes(scope)


def test_there_are_not_more_than_anybody_can_oversee(monkeypatch):
    monkeypatch.setattr(tokens, "MOST", 2)
    api = Api(factories.account())
    assert api.post("/tokens", {"name": "second"}).status_code == 201
    assert error(api.post("/tokens", {"name": "third"})) == (422, "too_many")
    assert Token.objects.count() == 2


def test_a_revoked_token_is_nobody_at_once():
    api = Api(factories.account())
    made = api.post("/tokens", {"name": "laptop"}).json()
    laptop = Client(headers={"Authorization": f"Bearer {made['token']}"})
    assert laptop.get(f"{ROOT}/videos").status_code == 200
    assert api.delete(f"/tokens/{made['id']}").json()["name"] == "laptop"
    assert error(laptop.get(f"{ROOT}/videos")) == (401, "unauthorized")
    assert error(api.delete(f"/tokens/{made['id']}")) == (404, "not_found")


@pytest.mark.parametrize("pk", ["{eves}", "0", "-1", "none", "9" * 40, "9" * 5000])
def test_a_token_of_others_is_not_there(pk):
    eves, _ = Token.make(factories.account("eve@example.org"), "eve's")
    api = Api(factories.account())
    assert error(api.delete(f"/tokens/{pk.format(eves=eves.pk)}")) == (404, "not_found")
    assert "eve's" not in api.get("/tokens").content.decode()
    assert Token.objects.filter(pk=eves.pk).exists()


def test_the_documentation_says_where_tokens_come_from():
    document = Client().get(f"{ROOT}/openapi.json").json()
    assert "(/account/tokens/)" in document["info"]["description"]
    assert "/account/tokens/" in document["components"]["securitySchemes"]["BearerAuth"]["description"]
