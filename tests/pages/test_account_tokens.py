"""The page on which tokens are made and revoked."""

import re
import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from jobs.auth import confirming
from jobs.models import Token
from jobs.services import tokens
from tests import factories
from tests.accounts.entrance import PASSWORD, sign_in
from tests.api import ROOT, error
from tests.markup import without_tokens

pytestmark = pytest.mark.django_db
PAGE = "/account/tokens/"


@pytest.fixture
def ann(client):
    """Has signed in just now."""
    account = factories.account("ann@example.org")
    sign_in(client)
    return account


def make(client, **fields):
    return client.post(PAGE, {"name": "Nightly export", "scope": "read", "ends": "90", "key": "form", **fields})


def secret_in(response):
    found = re.search(r'id="secret">([^<]+)<', response.content.decode())
    return found and found[1]


def test_a_token_is_made_and_its_secret_shown_in_that_answer_alone(client, ann):
    made = make(client)
    secret = secret_in(made)
    assert made.status_code == 200
    assert "no-store" in made.headers["Cache-Control"]
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get(f"{ROOT}/videos").status_code == 200
    token = Token.objects.get()
    assert (token.owner, token.name, token.scope, token.begins) == (ann, "Nightly export", "read", secret[:7])
    again = client.get(PAGE)
    assert secret not in again.content.decode()
    assert f"{secret[:7]}…" in again.content.decode()
    assert "no-store" in again.headers["Cache-Control"]


def test_loading_the_answer_again_makes_no_second_token(client, ann):
    make(client)
    again = make(client)
    assert (again.status_code, again.headers["Location"]) == (302, PAGE)
    assert Token.objects.count() == 1
    assert "has been made already" in client.get(PAGE).content.decode()


def test_every_form_is_another_one(client, ann):
    keys = {re.search(r'name="key" value="([^"]+)"', client.get(PAGE).content.decode())[1] for _ in range(2)}
    assert len(keys) == 2


def test_it_ends_when_the_form_says(client, ann):
    for key, (ends, days) in enumerate({"7": 7, "365": 365, "": None}.items()):
        make(client, ends=ends, key=key)
        token = Token.objects.annotate(now=Now()).latest("pk")
        assert (token.expires_at is None) == (days is None)
        if days:
            assert abs(token.expires_at - token.now - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize("fields", [{"name": ""}, {"scope": "admin"}, {"ends": "9999"}, {"name": "x" * 101}])
def test_what_cannot_be_used_is_said_and_keeps_what_was_typed(client, ann, fields):
    response = make(client, **fields)
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert Token.objects.count() == 0
    if "name" not in fields:
        assert 'value="Nightly export"' in response.content.decode()


def test_a_form_that_was_refused_can_be_sent_again(client, ann, monkeypatch):
    Token.issue(ann)
    monkeypatch.setattr(tokens, "MOST", 1)
    refused = make(client)
    assert (refused.status_code, secret_in(refused)) == (422, None)
    assert "You have 1 tokens" in refused.content.decode()
    Token.objects.all().delete()
    assert secret_in(make(client))


def test_the_list_says_what_each_is_good_for(client, ann):
    Token.issue(ann, "ended", "read", Now() - timedelta(days=2))
    Token.issue(ann, "for ever", "work")
    page = client.get(PAGE).content.decode()
    assert "ended 2" in page
    assert "no end" in page
    assert "never" in page
    assert '<span class="tag">work</span>' in page


def test_revoking_asks_first_and_ends_it_at_once(client, ann):
    token, secret = Token.make(ann, "laptop")
    address = f"{PAGE}{token.pk}/revoke/"
    assert f'action="{address}"' in client.get(PAGE).content.decode()
    asked = client.get(address).content.decode()
    assert "Revoke “laptop”?" in asked
    assert "It was never used." in asked
    laptop = Client(headers={"Authorization": f"Bearer {secret}"})
    assert laptop.get(f"{ROOT}/videos").status_code == 200
    assert "It was last used" in client.get(address).content.decode()
    assert client.post(address).headers["Location"] == PAGE
    assert error(laptop.get(f"{ROOT}/videos")) == (401, "unauthorized")


@pytest.mark.parametrize("method", ["get", "post"])
def test_tokens_of_others_are_not_there(client, ann, method):
    token, _ = Token.make(factories.account("eve@example.org"), "eve's secret")
    root = factories.account("root@example.org", is_staff=True, is_superuser=True)
    for account in (ann, root):
        client.force_login(account)
        assert "eve's secret" not in client.get(PAGE).content.decode()
        theirs, none = (getattr(client, method)(f"{PAGE}{pk}/revoke/") for pk in (token.pk, 10**6))
        assert theirs.status_code == none.status_code == 404
        assert without_tokens(theirs.content) == without_tokens(none.content)
    nobody = getattr(Client(), method)(f"{PAGE}{token.pk}/revoke/")
    assert nobody.status_code == 302
    assert Token.objects.filter(pk=token.pk).exists()


def test_nobody_signs_in_first():
    assert Client().get(PAGE).headers["Location"].startswith("/accounts/login/")


def test_a_token_is_no_way_to_the_page(ann):
    bearer = Client(headers={"Authorization": f"Bearer {Token.issue(ann)}"})
    assert bearer.get(PAGE).status_code == 302


def test_the_account_page_leads_here(client, ann):
    assert f'href="{PAGE}"' in client.get("/account/").content.decode()


@pytest.fixture
def late(ann):
    """Her browser, in which she signed in long ago."""
    browser = Client()
    browser.force_login(ann)
    return browser


def test_an_old_session_makes_none_before_the_password_and_then_the_one_that_was_asked_for(late):
    asked = make(late)
    assert asked.headers["Location"] == "/accounts/reauthenticate/?next=%2Faccount%2Ftokens%2F"
    assert secret_in(late.post(asked.headers["Location"], {"password": "wrong"})) is None
    assert Token.objects.count() == 0
    made = late.post(asked.headers["Location"], {"password": PASSWORD})
    assert secret_in(made)
    assert "no-store" in made.headers["Cache-Control"]
    assert f'method="post" action="{PAGE}"' in made.content.decode()
    assert [(token.name, token.scope) for token in Token.objects.all()] == [("Nightly export", "read")]
    assert secret_in(make(late, key="another"))


def test_an_old_session_makes_none_by_the_api_either(late):
    assert error(late.post(f"{ROOT}/tokens", {"name": "x"}, "application/json")) == (403, "reauthenticate")
    assert Token.objects.count() == 0
    late.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert late.post(f"{ROOT}/tokens", {"name": "x"}, "application/json").status_code == 201


def test_the_sign_in_counts_as_long_as_the_password(client, ann, monkeypatch):
    assert client.post(f"{ROOT}/tokens", {"name": "x"}, "application/json").status_code == 201
    later = time.time() + 301
    monkeypatch.setattr(confirming.time, "time", lambda: later)
    assert error(client.post(f"{ROOT}/tokens", {"name": "x"}, "application/json")) == (403, "reauthenticate")
