import logging
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs.models import Account, SignIn, Token
from tests import factories

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def sign_up(client, email="ann@example.org", password=PASSWORD):
    return client.post("/accounts/signup/", {"email": email, "password1": password})


def sign_in(client, email="ann@example.org", password=PASSWORD, **extra):
    return client.post("/accounts/login/", {"login": email, "password": password}, **extra)


def is_in(client):
    return client.get("/queue/").status_code == 200


def address_in(message):
    """The link in an e-mail, without the host."""
    return re.search(r"https?://[^/\s]+(/accounts/\S+)", message.body)[1]


# Signing up ----------------------------------------------------------------------------------------------------------


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


# Signing in and out --------------------------------------------------------------------------------------------------


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


# Limits --------------------------------------------------------------------------------------------------------------

ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


def guess(client, times, **extra):
    """Wrong passwords for ann@example.org. Returns the statuses."""
    data = {"login": "ann@example.org", "password": "wrong"}
    return [client.post("/accounts/login/", data, **extra).status_code for _ in range(times)]


def test_a_few_wrong_tries_keep_nobody_out(client):
    factories.account()
    guess(client, 6)
    assert sign_in(client).status_code == 302


def test_guessing_a_password_is_stopped_also_for_the_right_one(client):
    factories.account()
    assert guess(client, 10) == [200] * 10
    response = sign_in(Client())
    assert response.status_code == 200
    assert "Too many failed login attempts" in str(response.context["form"].errors)
    factories.account("bob@example.org")
    assert sign_in(Client(), "bob@example.org").status_code == 302


def test_who_guesses_elsewhere_does_not_lock_the_owner_out():
    factories.account()
    guess(Client(), 12, **ELSEWHERE)
    assert sign_in(Client()).status_code == 302


def test_who_has_a_whole_network_of_ipv6_guesses_no_longer_than_others():
    factories.account()
    for number in range(10):
        guess(Client(), 1, REMOTE_ADDR=f"2001:db8::{number}")
    assert sign_in(Client(), REMOTE_ADDR="2001:db8::99").status_code == 200
    assert sign_in(Client(), REMOTE_ADDR="2001:db8:0:1::1").status_code == 302


def test_visitors_by_ipv4_are_told_apart_on_a_socket_of_ipv6():
    factories.account()
    guess(Client(), 12, REMOTE_ADDR="::ffff:192.0.2.7")
    assert sign_in(Client(), REMOTE_ADDR="::ffff:192.0.2.7").status_code == 200
    assert sign_in(Client(), REMOTE_ADDR="::ffff:192.0.2.8").status_code == 302
    assert SignIn.objects.first().address == "192.0.2.8"


def test_a_browser_that_was_signed_in_before_gets_in_while_a_neighbour_guesses():
    factories.account()
    mine = Client()
    sign_in(mine)
    mine.post("/accounts/logout/")
    guess(Client(), 12)
    assert sign_in(Client()).status_code == 200
    assert sign_in(mine).status_code == 302


def test_a_known_browser_guesses_no_longer_than_others_and_only_its_own_account_knows_it():
    bob = factories.account("bob@example.org")
    factories.account()
    client = Client()
    sign_in(client, bob.email)
    client.post("/accounts/logout/")
    guess(Client(), 10)
    assert sign_in(client).status_code == 200
    guess(client, 10)
    client.cookies["known"].set("known", "forged", "forged")
    assert sign_in(client).status_code == 200


def test_guessing_through_the_admin_is_the_same_door(client):
    factories.account(is_staff=True, is_superuser=True)
    for _ in range(10):
        entrance = client.get("/admin/", follow=True).redirect_chain[-1][0]
        client.post(entrance, {"login": "ann@example.org", "password": "wrong"})
    client.post(entrance, {"login": "ann@example.org", "password": PASSWORD})
    assert client.get("/admin/").status_code == 302


def test_a_visitor_cannot_find_out_by_signing_up_who_has_an_account():
    factories.account()
    for _ in range(10):
        assert "already registered" in sign_up(Client()).content.decode()
    response = sign_up(Client())
    assert "too many attempts" in response.content.decode()
    assert "already registered" not in response.content.decode()
    assert sign_up(Client(), "bob@example.org").status_code == 302


def test_making_accounts_in_a_row_is_stopped():
    answers = [sign_up(Client(), f"ann{number}@example.org").status_code for number in range(21)]
    assert answers == [302] * 20 + [429]
    assert Account.objects.count() == 20


def test_limits_are_kept_in_the_shared_cache(client, redis_server):
    """So that they hold across all web processes."""
    factories.account()
    sign_in(client, password="wrong")
    with redis_server.client() as redis:
        assert any(b"login_failed" in key for key in redis.keys("cache*"))


# Sign-up that is closed ----------------------------------------------------------------------------------------------


def test_where_signing_up_is_closed_only_the_operator_can_be_made(settings):
    settings.SIGNUP = "closed"
    assert "Make an account" in Client().get("/accounts/login/").content.decode()
    assert sign_up(Client()).status_code == 302
    refused = sign_up(Client(), "bob@example.org")
    assert "No new accounts at the moment" in refused.content.decode()
    assert Account.objects.get().email == "ann@example.org"
    assert "Make an account" not in Client().get("/accounts/login/").content.decode()


# What is kept of signing in ------------------------------------------------------------------------------------------


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


# Tokens and a new password -------------------------------------------------------------------------------------------


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


# A forgotten password ------------------------------------------------------------------------------------------------


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


# Confirming an address, once e-mail is set up ------------------------------------------------------------------------


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


# Pages ---------------------------------------------------------------------------------------------------------------


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
