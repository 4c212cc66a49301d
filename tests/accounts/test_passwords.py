"""New and forgotten passwords, and addresses that have to be confirmed."""

import os
import re
import subprocess
import sys

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.test import Client

from jobs.models import Account, Token
from tests import factories
from tests.accounts.entrance import PASSWORD, is_in, sign_in, sign_up

pytestmark = pytest.mark.django_db


def address_in(message):
    """The link in an e-mail, without the host."""
    return re.search(r"https?://[^/\s]+(/accounts/\S+)", message.body)[1]


def test_tokens_end_with_the_password_they_were_made_under(client):
    account = factories.account()
    secret = Token.issue(account)
    other = Token.issue(factories.account("bob@example.org"))
    client.force_login(account)
    new = "a wholly new one 9"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert sign_in(Client(), password=new).status_code == 302
    assert Token.find(secret) is None
    assert Token.find(other)


def test_a_password_set_by_the_operator_ends_tokens_too():
    account = factories.account()
    secret = Token.issue(account)
    account.set_password("a wholly new one 9")
    account.save()
    assert Token.find(secret) is None


def test_a_first_password_ends_no_token():
    account = Account.objects.create_user("ann@example.org")
    secret = Token.issue(account)
    account.set_password(PASSWORD)
    account.save()
    assert Token.find(secret)


def test_signing_in_ends_no_token_also_when_the_hash_is_made_anew(client):
    account = factories.account()
    account.password = make_password(PASSWORD, hasher="pbkdf2_sha256")  # not the preferred way any more
    account.save()
    secret = Token.issue(account)
    assert sign_in(client).status_code == 302
    assert Account.objects.get().password.startswith("md5")
    assert Token.find(secret)


def test_a_forgotten_password_is_replaced_through_an_email(client):
    factories.account()
    response = client.post("/accounts/password/reset/", {"email": "ann@example.org"})
    assert response.headers["Location"] == "/accounts/password/reset/done/"
    (message,) = mail.outbox
    assert message.to == ["ann@example.org"]
    form = client.get(address_in(message), follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": "a wholly new one 9", "password2": "a wholly new one 9"})
    assert sign_in(Client(), password=PASSWORD).status_code == 200
    assert sign_in(Client(), password="a wholly new one 9").status_code == 302
    used = Client().get(address_in(message), follow=True).content.decode()
    assert "password1" not in used


def test_asking_for_an_unknown_address_gives_the_same_answer(client):
    response = client.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    assert response.headers["Location"] == "/accounts/password/reset/done/"
    assert all("/password/reset/key/" not in message.body for message in mail.outbox)


@pytest.mark.parametrize("address", ["/accounts/password/reset/", "/accounts/password/reset/done/"])
def test_a_site_without_mail_promises_no_letter_and_names_the_operator(client, settings, address):
    settings.EMAIL_URL = ""
    page = client.get(address).content.decode()
    assert "no mail set up" in page
    assert "Ask the operator to set a new password" in page
    assert "you will get" not in page
    assert "Look into your mail" not in page


def test_without_mail_no_link_of_a_letter_is_written_into_the_log():
    """Whoever reads the log could take the account over."""
    code = (
        "import django; django.setup(); from django.core.mail import send_mail;"
        "send_mail('Subject', '/accounts/password/reset/key/secret/', None, ['ann@example.org'])"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "videoservice.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "secret" not in done.stdout + done.stderr


def test_a_site_with_mail_promises_a_letter(client, settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    before = client.get("/accounts/password/reset/").content.decode()
    after = client.get("/accounts/password/reset/done/").content.decode()
    assert "you will get a letter" in before
    assert "Send the link" in before
    assert "Look into your mail" in after
    assert "operator" not in before + after


@pytest.fixture
def with_email(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def test_an_address_has_to_be_confirmed_first(client, with_email):
    assert sign_up(client).headers["Location"] == "/accounts/confirm-email/"
    assert not is_in(client)
    assert sign_in(client).headers["Location"] == "/accounts/confirm-email/"
    assert not is_in(client)
    (message,) = mail.outbox
    link = address_in(message)
    assert client.get(link).status_code == 200
    client.post(link)
    sign_in(client)
    assert is_in(client)


def test_with_mail_signing_up_with_a_taken_address_looks_like_any_other(with_email, settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    account = factories.account()
    EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)
    answers = [sign_up(Client(), email) for email in ("ann@example.org", "bob@example.org")]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert [message.to for message in mail.outbox] == [["ann@example.org"], ["bob@example.org"]]
    for answer in answers:
        shown = [answer.client.get(answer.headers["Location"]).content.decode() for answer in answers]
    tidy = [re.sub(r'csrfmiddlewaretoken" value="[^"]+"|[a-z]+@example.org', "", page) for page in shown]
    assert tidy[0] == tidy[1]


def test_without_email_set_up_nothing_has_to_be_confirmed():
    from videoservice import settings

    assert (settings.EMAIL_URL, settings.ACCOUNT_EMAIL_VERIFICATION) == ("", "none")


def test_the_page_says_when_the_password_was_replaced(client):
    account = factories.account()
    sign_in(client)
    assert "Changed" not in client.get("/account/security/").content.decode()
    account.set_password("another horse battery")
    account.save(update_fields=["password"])
    sign_in(client, password="another horse battery")
    assert re.search(
        r"Changed (now|(a|\d+)\s(second|minute)s?\sago)", client.get("/account/security/").content.decode()
    )
