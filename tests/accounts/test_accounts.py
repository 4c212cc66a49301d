"""Signing up, in and out, and what is kept of it."""

import logging
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs.models import Account, SignIn
from tests import factories
from tests.accounts.entrance import ELSEWHERE, PASSWORD, guess, is_in, sign_in, sign_up

pytestmark = pytest.mark.django_db


def test_signing_up_signs_in(client):
    response = sign_up(client, "Ann@Example.org")
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert is_in(client)
    assert Account.objects.get().email == "ann@example.org"
    assert mail.outbox == []


def test_the_first_account_becomes_the_operator_and_the_second_does_not():
    for email in ("ann@example.org", "bob@example.org"):
        sign_up(Client(), email)
    found = list(Account.objects.order_by("pk").values_list("email", "is_staff", "is_superuser"))
    assert found == [("ann@example.org", True, True), ("bob@example.org", False, False)]


def test_the_place_of_the_operator_is_not_free_again_when_the_operator_is_gone():
    """Ids go on rising, but whoever comes first among those who are left must not be promoted by a newcomer."""
    sign_up(Client(), "ann@example.org")
    sign_up(Client(), "bob@example.org")
    Account.objects.get(email="ann@example.org").delete()
    sign_up(Client(), "carl@example.org")
    assert not Account.objects.filter(is_staff=True).exists()


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann", PASSWORD), ("ann@example.org", "short"), ("ann@example.org", "password"), ("", PASSWORD)],
)
def test_what_cannot_be_used_is_said_and_keeps_what_was_typed(client, email, password):
    response = sign_up(client, email, password)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert Account.objects.count() == 0
    if email:
        assert f'value="{email}"' in response.content.decode()


def test_an_address_in_use_cannot_be_taken_again_in_other_letters(client):
    sign_up(Client())
    sign_up(client, "ANN@example.org", "another password 7")
    assert Account.objects.count() == 1
    assert not is_in(client)


def test_signing_in_leads_to_the_page_that_was_asked_for(client):
    factories.account()
    asked = client.get("/queue/")
    assert asked.status_code == 302
    assert asked.headers["Location"].startswith("/accounts/login/")
    form = client.get(asked.headers["Location"])
    hidden = re.search(r'name="next" value="([^"]+)"', form.content.decode())
    data = {"login": "ANN@example.org", "password": PASSWORD, "next": hidden[1]}
    assert client.post("/accounts/login/", data).headers["Location"] == "/queue/"
    assert is_in(client)


def test_signing_in_leads_to_no_other_site(client):
    factories.account()
    data = {"login": "ann@example.org", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/accounts/login/", data).headers["Location"] == "/"


@pytest.mark.parametrize(("email", "password"), [("ann@example.org", "wrong"), ("bob@example.org", PASSWORD)])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, email, password):
    factories.account()
    response = sign_in(client, email, password)
    assert response.status_code == 200
    assert response.context["form"].non_field_errors() == [
        "The email address and/or password you specified are not correct."
    ]
    assert not is_in(client)


def test_an_account_that_is_switched_off_does_not_get_in(client):
    factories.account(is_active=False)
    sign_in(client)
    assert not is_in(client)


def test_signing_out_needs_a_post_and_ends_the_session(client):
    factories.account()
    sign_in(client)
    client.get("/accounts/logout/")
    assert is_in(client)
    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/login/"
    assert not is_in(client)


def test_a_form_of_another_site_cannot_sign_anybody_in():
    factories.account()
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client).status_code == 403


def test_where_signing_up_is_closed_only_the_operator_can_be_made(settings):
    settings.SIGNUP = "closed"
    assert "Make an account" in Client().get("/accounts/login/").content.decode()
    assert sign_up(Client()).status_code == 302
    refused = sign_up(Client(), "bob@example.org")
    assert "No new accounts at the moment" in refused.content.decode()
    assert Account.objects.get().email == "ann@example.org"
    assert "Make an account" not in Client().get("/accounts/login/").content.decode()


def kept():
    return list(SignIn.objects.order_by("pk").values_list("email", "succeeded", "address", "account__email"))


def test_every_try_to_sign_in_is_kept_for_the_operator(client, caplog):
    caplog.set_level(logging.INFO, "jobs.auth.allauth_adapter")
    factories.account()
    sign_in(client, password="wrong")
    sign_in(client, "nobody@example.org")
    client.post("/accounts/login/", {"login": "ann@example.org", "password": PASSWORD}, **ELSEWHERE)
    assert kept() == [
        ("ann@example.org", False, "127.0.0.1", "ann@example.org"),
        ("nobody@example.org", False, "127.0.0.1", None),
        ("ann@example.org", True, "192.0.2.7", "ann@example.org"),
    ]
    assert "refused to sign in: 'nobody@example.org' from 127.0.0.1" in caplog.text
    assert PASSWORD not in caplog.text


def test_signing_up_is_kept_too(client):
    sign_up(client)
    assert kept() == [("ann@example.org", True, "127.0.0.1", "ann@example.org")]


def test_tries_over_the_limit_leave_no_more_rows(client):
    factories.account()
    guess(client, 14)
    assert len(kept()) == 10


def test_what_is_kept_goes_after_three_months(client):
    factories.account()
    sign_in(client)
    SignIn.forget_old()
    assert SignIn.objects.count() == 1
    SignIn.objects.update(at=timezone.now() - timedelta(days=91))
    SignIn.forget_old()
    assert SignIn.objects.count() == 0


def test_the_operator_sees_them_in_the_admin(client):
    client.force_login(factories.account(is_staff=True, is_superuser=True))
    sign_in(Client(), "nobody@example.org")
    page = client.get("/admin/jobs/signin/").content.decode()
    assert "nobody@example.org" in page
    row = SignIn.objects.get()
    assert client.get(f"/admin/jobs/signin/{row.pk}/change/").status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_signup",
        "account_reset_password",
        "account_reset_password_done",
        "account_email_verification_sent",
        "account_inactive",
    ],
)
def test_pages_for_visitors_are_of_the_family(client, name):
    page = client.get(reverse(name)).content.decode()
    assert "app.css" in page
    assert "<style" not in page
    assert " style=" not in page


@pytest.mark.parametrize("name", ["account_logout", "account_email", "account_change_password"])
def test_pages_for_members_are_of_the_family(client, name):
    client.force_login(factories.account())
    page = client.get(reverse(name)).content.decode()
    assert "app.css" in page
    assert " style=" not in page
