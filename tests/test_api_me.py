"""The own account by API, and the accounts of everybody for operators."""

import re

import pytest
from django.core import mail
from django.test import Client

from jobs.models import Account, Artifact, Job, Token
from tests import factories
from tests.accounts.entrance import PASSWORD, is_in, sign_in
from tests.api import ROOT, Api, error

pytestmark = pytest.mark.django_db


@pytest.fixture
def root():
    return Api(factories.account("root@example.org", is_staff=True, is_superuser=True))


@pytest.fixture
def letters(settings):
    """A site that sends letters."""
    settings.EMAIL_URL = "smtp://localhost"
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    factories.account("root@example.org")
    return mail.outbox


def sign_up(client=None, **fields):
    body = {"email": "ann@example.org", "password": PASSWORD, **fields}
    return (client or Client()).post(f"{ROOT}/users", body, content_type="application/json")


def test_me_says_who_one_is_and_what_one_has():
    ann = factories.account()
    video = factories.video(ann, size=700)
    job = factories.job(ann, video=video, status=Job.Status.SUCCEEDED)
    Artifact.objects.create(job=job, kind="image", name="1.jpg", key="none", size=30, media_type="image/jpeg")
    for status in (Job.Status.QUEUED, Job.Status.RUNNING, Job.Status.WAITING):
        factories.job(ann, video=video, status=status)
    factories.job(factories.account("eve@example.org"))
    me = Api(ann, "read").get("/me").json()
    assert (me["id"], me["email"], me["is_operator"]) == (ann.pk, "ann@example.org", True)
    assert (me["used_bytes"], me["active_jobs"]) == (730, 3)
    assert "quota_bytes" in me
    assert me["email_verified"] is False


def test_me_is_changed_in_parts():
    factories.account("root@example.org")
    api = Api(factories.account())
    changed = api.patch("/me", {"name": " Ann ", "time_zone": "Europe/Vienna"}).json()
    assert (changed["name"], changed["time_zone"], changed["theme"]) == ("Ann", "Europe/Vienna", "")
    changed = api.patch("/me", {"theme": "dark", "dates": "de"}).json()
    assert (changed["name"], changed["theme"], changed["dates"]) == ("Ann", "dark", "de")
    assert api.patch("/me", {"name": ""}).json()["name"] == ""
    assert Account.objects.get(email="ann@example.org").theme == "dark"


@pytest.mark.parametrize(
    "body",
    [
        {"time_zone": "Nowhere"},
        {"dates": "tlh"},
        {"theme": "red"},
        {"name": "x" * 101},
        {"email": "eve@example.org"},
        {"is_operator": True},
        {"name": 7},
    ],
)
def test_what_cannot_be_changed_is_said(body):
    factories.account("root@example.org")
    ann = factories.account()
    assert error(Api(ann).patch("/me", body)) == (422, "invalid")
    ann.refresh_from_db()
    assert (ann.name, ann.time_zone, ann.dates, ann.theme, ann.is_staff) == ("", "", "", "", False)


# Operators -----------------------------------------------------------------------------------------------------------


def test_operators_make_and_get_accounts(root):
    response = root.post("/users", {"email": "Ann@Example.org", "password": PASSWORD, "name": "Ann"})
    made = response.json()
    assert (response.status_code, made["email"], made["name"]) == (201, "ann@example.org", "Ann")
    assert (made["is_operator"], made["is_active"]) == (False, True)
    assert root.client.get(response.headers["Location"]).json() == made
    client = Client()
    sign_in(client)
    assert is_in(client)
    assert root.post("/users", {"email": "bob@example.org"}).status_code == 201
    assert not Account.objects.get(email="bob@example.org").has_usable_password()
    listed = root.get("/users").json()
    assert [one["email"] for one in listed["items"]] == ["ann@example.org", "bob@example.org", "root@example.org"]
    assert [one["name"] for one in root.get("/users", search="ANN").json()["items"]] == ["Ann"]
    assert root.get("/users", limit=1, offset=1).json()["items"][0]["email"] == "bob@example.org"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"email": "ROOT@example.org"}, (409, "taken")),
        ({"email": "nobody"}, (422, "invalid")),
        ({}, (422, "invalid")),
        ({"email": "ann@example.org", "password": "short"}, (422, "invalid")),
        ({"email": "ann@example.org", "is_operator": True}, (422, "invalid")),
    ],
)
def test_what_makes_no_account_is_said(root, body, answer):
    assert error(root.post("/users", body)) == answer
    assert Account.objects.count() == 1


def test_others_see_themselves_alone(root):
    ann = factories.account()
    api = Api(ann)
    assert error(api.get("/users")) == (403, "operators_only")
    assert api.get(f"/users/{ann.pk}").json()["email"] == "ann@example.org"
    other = Account.objects.get(email="root@example.org").pk
    for pk in (other, 10**6, "none", "9" * 5000):
        assert error(api.get(f"/users/{pk}")) == (404, "not_found")
    assert error(root.get("/users/9999999999999999999")) == (404, "not_found")


def test_a_narrow_token_of_an_operator_makes_no_account(root):
    reading = Api(Account.objects.get(), "work")
    assert error(reading.post("/users", {"email": "ann@example.org"})) == (403, "scope")


# Strangers -----------------------------------------------------------------------------------------------------------


def test_everybody_makes_their_own_where_that_is_open():
    factories.account("root@example.org")
    client = Client()
    response = sign_up(client, name="Ann")
    assert (response.status_code, response.json()["name"]) == (201, "Ann")
    assert not Account.objects.get(email="ann@example.org").is_staff
    assert not response.cookies, "it signs nobody in"
    assert not is_in(client)
    sign_in(client)
    assert is_in(client)


def test_the_first_one_is_the_operator_as_on_the_page():
    assert sign_up().json()["is_operator"] is True


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"password": "short"}, "password"), ({"password": None}, "password"), ({"email": "root@example.org"}, "email")],
)
def test_strangers_are_told_what_is_wrong_by_the_name_of_the_field(fields, field):
    factories.account("root@example.org")
    response = sign_up(**fields)
    assert error(response) == (422, "invalid")
    assert [one["field"] for one in response.json()["error"]["detail"]] == [field]
    assert Account.objects.count() == 1


def test_where_signing_up_is_closed_only_operators_make_accounts(root, settings):
    settings.SIGNUP = "closed"
    assert error(sign_up()) == (403, "signup_closed")
    assert error(Api(factories.account("eve@example.org")).post("/users", {"email": "x@example.org"})) == (
        403,
        "signup_closed",
    )
    assert root.post("/users", {"email": "ann@example.org"}).status_code == 201


def test_where_letters_go_out_the_address_is_confirmed_first(letters):
    response = sign_up()
    assert (response.status_code, response.json()) == (202, {"email": "ann@example.org", "id": None})
    assert not response.cookies
    assert [letter.to for letter in letters] == [["ann@example.org"]]
    client = Client()
    sign_in(client)
    assert not is_in(client)
    client.post(re.search(r"/accounts/confirm-email/\S+/", letters[0].body)[0])
    sign_in(client)
    assert is_in(client)


def test_where_letters_go_out_nobody_learns_who_has_an_account(letters):
    new, taken = sign_up(email="new@example.org"), sign_up(email="root@example.org")
    assert (new.status_code, taken.status_code) == (202, 202)
    assert new.json() == {"email": "new@example.org", "id": None}
    assert taken.json() == {"email": "root@example.org", "id": None}
    assert new.headers.keys() == taken.headers.keys()
    assert new.cookies.keys() == taken.cookies.keys()
    assert len(letters) == 2


def test_one_visitor_makes_no_more_than_a_few():
    factories.account("root@example.org")
    statuses = [sign_up(password="short").status_code for _ in range(21)]
    assert statuses == [422] * 20 + [429]


def test_a_wrong_token_makes_no_account():
    assert error(sign_up(Client(headers={"Authorization": "Bearer vs_wrong"}))) == (401, "unauthorized")


def test_a_page_of_another_site_makes_none_with_the_session_of_an_operator(root):
    client = Client(enforce_csrf_checks=True)
    client.force_login(Account.objects.get())
    assert error(sign_up(client)) == (403, "csrf")
    assert Account.objects.count() == 1


def test_a_new_account_gets_tokens_of_its_own():
    """The whole way of a script on a new site: no page is needed."""
    sign_up()
    client = Client()
    sign_in(client)
    made = client.post(f"{ROOT}/tokens", {"name": "script"}, content_type="application/json").json()
    assert Client(headers={"Authorization": f"Bearer {made['token']}"}).get(f"{ROOT}/me").status_code == 200
    assert Token.objects.get().owner.email == "ann@example.org"


def test_me_says_how_much_there_may_be(settings):
    settings.QUOTA_BYTES = 0
    api = Api(factories.account())
    assert api.get("/me").json()["quota_bytes"] is None
    settings.QUOTA_BYTES = 5000
    assert api.get("/me").json()["quota_bytes"] == 5000
