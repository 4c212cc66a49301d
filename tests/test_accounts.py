import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from jobs.models import Account
from tests import factories

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def sign_up(client, email="ann@example.org", password=PASSWORD):
    return client.post("/accounts/signup/", {"email": email, "password1": password})


def sign_in(client, email="ann@example.org", password=PASSWORD):
    return client.post("/accounts/login/", {"login": email, "password": password})


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


def test_guessing_a_password_is_stopped_also_for_the_right_one(client):
    factories.account()
    for _ in range(5):
        assert sign_in(client, password="wrong").status_code == 200
    response = sign_in(Client())
    assert response.status_code == 200
    assert "Too many failed login attempts" in str(response.context["form"].errors)
    factories.account("bob@example.org")
    assert sign_in(Client(), "bob@example.org").status_code == 302


def test_guessing_through_the_admin_is_the_same_door(client):
    factories.account(is_staff=True, is_superuser=True)
    for _ in range(5):
        entrance = client.get("/admin/", follow=True).redirect_chain[-1][0]
        client.post(entrance, {"login": "ann@example.org", "password": "wrong"})
    client.post(entrance, {"login": "ann@example.org", "password": PASSWORD})
    assert client.get("/admin/").status_code == 302


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
    assert "sk the operator" in page
    assert "you will get" not in page
    assert "Look into your mail" not in page


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
