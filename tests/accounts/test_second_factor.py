"""Codes of an app and recovery codes: real ones, made here as an app makes them."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from jobs.models import SignIn
from tests import factories
from tests.accounts.codes import confirm, set_up_app, totp
from tests.accounts.entrance import PASSWORD, is_in, sign_in

pytestmark = pytest.mark.django_db
STEP = "/accounts/2fa/authenticate/"


@pytest.fixture
def ann():
    return factories.account()


@pytest.fixture
def with_app(client, ann):
    """The secret of Ann's app, and her recovery codes."""
    sign_in(client)
    made = set_up_app(client)
    cache.clear()  # the code that set it up may sign in once more
    return made


def test_who_has_an_app_is_asked_for_its_code_after_the_password(with_app):
    secret, _ = with_app
    elsewhere = Client()
    assert sign_in(elsewhere).headers["Location"] == STEP
    assert not is_in(elsewhere)
    assert "authenticator app" in elsewhere.get(STEP).content.decode()
    wrong = f"{(int(totp(secret)) + 1) % 10**6:06}"
    assert "not right" in elsewhere.post(STEP, {"code": wrong}).content.decode()
    assert not is_in(elsewhere)
    assert elsewhere.post(STEP, {"code": totp(secret)}).headers["Location"] == "/"
    assert is_in(elsewhere)


def test_a_code_of_the_app_signs_in_once(with_app):
    code = totp(with_app[0])
    for expected in (302, 200):
        client = Client()
        sign_in(client)
        assert client.post(STEP, {"code": code}).status_code == expected


def test_a_recovery_code_signs_in_once(with_app):
    first, second = with_app[1][:2]
    assert len(with_app[1]) == 10
    for code, expected in ((first, True), (first, False), (second, True)):
        client = Client()
        sign_in(client)
        client.post(STEP, {"code": code})
        assert is_in(client) is expected
    page = client.get("/account/security/").content.decode()
    assert "8 of 10 left" in page


def test_guessing_codes_is_stopped(with_app):
    client = Client()
    sign_in(client)
    answers = [client.post(STEP, {"code": "000000"}).content.decode() for _ in range(12)]
    assert "Too many" in answers[-1]
    client.post(STEP, {"code": totp(with_app[0])})
    assert not is_in(client)


def test_a_sign_in_is_kept_when_all_of_it_has_succeeded(with_app):
    SignIn.objects.all().delete()
    client = Client()
    sign_in(client)
    assert SignIn.objects.count() == 0
    client.post(STEP, {"code": totp(with_app[0])})
    assert SignIn.objects.get().succeeded


@pytest.mark.parametrize("entrance", ["/admin/", "/admin/login/", "/admin/login/?next=/admin/jobs/account/"])
def test_the_admin_has_no_way_around_the_second_factor(with_app, ann, entrance):
    ann.is_staff = ann.is_superuser = True
    ann.save()
    client = Client()
    page = client.get(entrance, follow=True)
    assert page.redirect_chain[-1][0].startswith("/accounts/login/")
    client.post("/admin/login/", {"username": "ann@example.org", "password": PASSWORD, "next": "/admin/"})
    sign_in(client)
    assert client.get("/admin/").status_code == 302
    client.post(STEP, {"code": totp(with_app[0])})
    assert client.get("/admin/").status_code == 200


def test_secrets_lie_in_the_database_under_a_key_that_is_not_there(with_app, settings):
    secret, codes = with_app
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert not any(code in kept for code in codes)
    settings.SECRET_KEY = "another"
    assert not Authenticator.objects.get(type="totp").wrap().validate_code(totp(secret))
    assert not set(Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()) & set(codes)


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/recovery-codes/generate/",
    ],
)
def test_nothing_about_signing_in_is_changed_in_a_browser_that_was_left_open(client, ann, address):
    client.force_login(ann)
    assert "app.css" in confirm(client, address).content.decode()


def test_an_address_is_added_by_who_has_shown_who_it_is(client, ann):
    client.force_login(ann)
    form = {"action_add": "", "email": "another@example.org"}
    asked = client.post("/accounts/email/", form)
    assert asked.headers["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    assert not EmailAddress.objects.filter(email="another@example.org").exists()
    client.post(asked.headers["Location"], {"password": PASSWORD, "next": "/accounts/email/"})
    assert EmailAddress.objects.filter(email="another@example.org").exists(), "what was asked for is done then"


def test_turning_the_app_off_ends_the_recovery_codes_with_it(client, with_app):
    assert "Turn the authenticator app off?" in client.get("/accounts/2fa/totp/deactivate/").content.decode()
    assert client.post("/accounts/2fa/totp/deactivate/", follow=True).status_code == 200
    assert not Authenticator.objects.exists()
    elsewhere = Client()
    sign_in(elsewhere)
    assert is_in(elsewhere)


def test_new_recovery_codes_end_the_old_ones(client, with_app):
    client.post("/accounts/2fa/recovery-codes/generate/")
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    assert not any(code in page for code in with_app[1])


def test_an_operator_lets_in_who_has_lost_all_of_it_and_sees_no_secret(with_app, ann):
    operator = Client()
    operator.force_login(factories.account("root@example.org", is_staff=True, is_superuser=True))
    app = Authenticator.objects.get(type="totp")
    page = operator.get(f"/admin/mfa/authenticator/{app.pk}/change/").content.decode()
    assert app.data["secret"] not in page
    chosen = {"action": "delete_selected", "_selected_action": [one.pk for one in Authenticator.objects.all()]}
    operator.post("/admin/mfa/authenticator/", {**chosen, "post": "yes"})
    assert not Authenticator.objects.exists()


def test_pages_of_allauth_that_stand_elsewhere_lead_there(client, ann):
    client.force_login(ann)
    for address in ("/accounts/2fa/", "/accounts/2fa/webauthn/", "/accounts/sessions/"):
        assert client.get(address).headers["Location"] == "/account/security/"


def test_a_key_of_somebody_else_cannot_be_renamed_or_removed(client, ann):
    key = Authenticator.objects.create(user=ann, type="webauthn", data={"name": "Mine"})
    bob = factories.account("bob@example.org")
    sign_in(client, bob.email)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    for what in ("edit", "remove"):
        address = f"/accounts/2fa/webauthn/keys/{key.pk}/{what}/"
        assert client.get(address).status_code == 404
        assert client.post(address, {"name": "Yours"}).status_code == 404
    assert Authenticator.objects.get().data == {"name": "Mine"}
