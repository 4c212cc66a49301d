"""Pages of the entrance and of the account, and those for what is not there."""

import re
import uuid

import pytest
from django.core import mail
from django.urls import reverse

from tests import factories
from tests.accounts.entrance import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("email_url", ["", "smtp://localhost"], ids=["no mail", "mail"])
def test_confirming_is_spoken_of_only_where_letters_go_out(client, ann, settings, email_url):
    settings.EMAIL_URL = email_url
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", {"action_add": "", "email": "second@example.org"})
    page = client.get("/accounts/email/").content.decode()
    assert "second@example.org" in page
    for words in ("Not confirmed", "Send the link again", "is on its way"):
        assert (words in page) == bool(email_url), words


ENTRANCE = [
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "account_inactive",
    "account_email_verification_sent",
]
MANAGE = ["account_email", "account_change_password", "account_logout", "account_reauthenticate"]


def looks_like_ours(response):
    page = response.content.decode()
    return response.status_code == 200 and "app.css" in page and re.search('class="card pad stack (narrow|one)"', page)


@pytest.mark.parametrize("name", ENTRANCE)
def test_pages_of_the_entrance_look_like_ours(client, name):
    assert looks_like_ours(client.get(reverse(name)))


@pytest.mark.parametrize("name", MANAGE)
def test_pages_of_the_account_look_like_ours(client, ann, name):
    assert looks_like_ours(client.get(reverse(name)))


def test_old_links_from_letters_look_like_ours(client):
    assert looks_like_ours(client.get(reverse("account_confirm_email", args=["old"])))
    assert looks_like_ours(client.get(reverse("account_reset_password_from_key", args=["1", "old-link"])))


def test_a_forgotten_password_is_chosen_anew_by_letter(client):
    factories.account("ann@example.org")
    client.post(reverse("account_reset_password"), {"email": "ann@example.org"})
    (letter,) = mail.outbox
    assert letter.subject == "Choose a new password"
    link = re.search(r"http://testserver(/\S+)", letter.body)[1]
    assert link in letter.alternatives[0].content
    form = client.get(link, follow=True)
    assert looks_like_ours(form)
    assert "New password (again)" in form.content.decode()
    address = form.redirect_chain[-1][0]
    client.post(address, {"password1": "a new battery staple", "password2": "a new battery staple"})
    assert client.login(email="ann@example.org", password="a new battery staple")


def test_wrong_passwords_are_told_in_the_form(client):
    factories.account("ann@example.org")
    page = client.post(reverse("account_login"), {"login": "ann@example.org", "password": "wrong"}).content.decode()
    assert 'class="errorlist' in page
    assert 'value="ann@example.org"' in page


def test_what_is_not_there_has_a_page_of_its_own(client):
    response = client.get("/nothing/here")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_job_that_is_not_there_is_not_found(client, ann):
    assert client.get(reverse("job", args=[uuid.uuid4()])).status_code == 404
