"""Signing in by a company's own service: a real site, and a provider that speaks to it by HTTP."""

import re
from urllib.parse import unquote

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.core import signing
from django.core.exceptions import ImproperlyConfigured

from jobs.auth.company import CompanyAdapter
from jobs.models import Account, SignIn
from jobs.services import invitations
from tests import factories
from tests.accounts.openid_provider import SECRET
from tests.site import PASSWORD
from videoservice import company

pytestmark = pytest.mark.one_database


@pytest.fixture(scope="module")
def studio(sites, provider):
    """A site whose people sign in by password, or by their company."""
    site = sites.make(only_web=True, **provider.env())
    site.account("root@example.org", is_staff=True, is_superuser=True)
    yield site
    site.stop()


def begin(site):
    return f"/accounts/oidc/{company_slug(site)}/login/"


def company_slug(site):
    return re.sub(r"[^a-z0-9]+", "-", site.env["OIDC_ISSUER"].removeprefix("http://"))


def arrive(site, client=None, onward=None):
    """Sign in by the company as its person of the moment."""
    client = client or site.client()
    answer = client.get(begin(site), params={"next": onward} if onward else {})
    return client, answer


def is_in(client):
    return client.get("/queue/", allow_redirects=False).status_code == 200


def the(site, person):
    with site.orm():
        return Account.objects.filter(email=person["email"]).first()


def confirm(account):
    EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)


def test_who_is_new_gets_an_account_and_comes_back_to_it(studio, person, provider):
    client, answer = arrive(studio, onward="/stats/")
    assert answer.status_code == 200
    assert answer.url.endswith("/stats/")
    assert is_in(client)
    account = the(studio, person)
    assert (account.name, account.is_staff, account.has_usable_password()) == ("Ann Example", False, False)
    with studio.orm():
        assert EmailAddress.objects.get(user=account).verified
        assert SignIn.objects.get(account=account).succeeded
    again, _ = arrive(studio)
    assert is_in(again)
    with studio.orm():
        assert Account.objects.filter(email=person["email"]).count() == 1
    assert all(query["code_challenge_method"] == "S256" for query in provider.asked)


def test_another_address_at_the_company_is_still_the_same_account(studio, person):
    arrive(studio)
    account = the(studio, person)
    person["email"] = f"new-{person['email']}"
    client, _ = arrive(studio)
    assert is_in(client)
    with studio.orm():
        assert SocialAccount.objects.get(uid=person["sub"]).user == account


def test_an_account_whose_address_both_sides_have_verified_is_joined(studio, person):
    account = studio.account(person["email"])
    with studio.orm():
        confirm(account)
    client, _ = arrive(studio)
    assert is_in(client)
    with studio.orm():
        assert SocialAccount.objects.get(uid=person["sub"]).user == account
        assert Account.objects.get(pk=account.pk).has_usable_password()


@pytest.mark.parametrize("claim", [False, None, "false", "False", 0, ""], ids=repr)
def test_an_address_that_the_company_has_not_verified_opens_nobodys_account(studio, person, claim):
    """The attack: somebody writes the address of another one into their profile there."""
    account = studio.account(person["email"])
    with studio.orm():
        confirm(account)
    person["email_verified"] = claim
    if claim is None:
        del person["email_verified"]
    client, answer = arrive(studio)
    assert answer.status_code == 403
    assert "does not say that your email address is confirmed" in " ".join(answer.text.split())
    assert not is_in(client)
    with studio.orm():
        assert not SocialAccount.objects.filter(uid=person["sub"]).exists()


def test_an_address_that_is_not_verified_makes_no_account_either(studio, person):
    person["email_verified"] = "false"
    client, answer = arrive(studio)
    assert (answer.status_code, is_in(client)) == (403, False)
    assert the(studio, person) is None


def test_an_account_that_somebody_prepared_under_an_address_of_another_is_not_handed_over(studio, person):
    """The other attack: an account with tokens and passkeys waits for the owner of its address."""
    account = studio.account(person["email"])
    client, answer = arrive(studio)
    assert answer.status_code == 403
    assert "nobody has confirmed here that the address is theirs" in " ".join(answer.text.split())
    assert not is_in(client)
    with studio.orm():
        assert not SocialAccount.objects.filter(user=account).exists()


def sign_in(site, email):
    client = site.client()
    client.post("/accounts/login/", {"login": email, "password": PASSWORD}).raise_for_status()
    return client


def test_who_is_signed_in_connects_the_company_and_takes_it_away_again(studio, person):
    account = studio.account(f"other-{person['email']}")
    client = sign_in(studio, account.email)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/security/").text
    address = re.search(rf'href="({begin(studio)}\?process=connect[^"]+)"', page)[1].replace("&amp;", "&")
    answer = client.get(address)
    assert answer.url.endswith("/account/security/")
    assert "Signs you in, since" in answer.text
    with studio.orm():
        made = SocialAccount.objects.get(user=account)
    other, _ = arrive(studio)
    assert account.email in other.get("/account/").text
    gone = client.post("/accounts/3rdparty/", {"account": made.pk})
    assert "It does not sign you in any more." in gone.text
    with studio.orm():
        assert not SocialAccount.objects.filter(user=account).exists()


def test_a_link_from_elsewhere_connects_nothing(studio, person):
    account = studio.account(f"victim-{person['email']}")
    client = sign_in(studio, account.email)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    stranger = sign_in(studio, studio.account(f"stranger-{person['email']}").email)
    proof = re.search(r"proof=([^&\"]+)", stranger.get("/account/security/").text)[1]
    for query in ("process=connect", "process=connect&proof=x", f"process=connect&proof={proof}"):
        assert client.get(f"{begin(studio)}?{query}").url.endswith("/account/security/")
    with studio.orm():
        assert not SocialAccount.objects.filter(user=account).exists()


def test_the_link_to_the_service_tells_nobody_the_session(studio, person):
    """It stands in logs, and in what the browser remembers."""
    client = sign_in(studio, studio.account(f"linked-{person['email']}").email)
    proof = re.search(r"proof=([^&\"]+)", client.get("/account/security/").text)[1]
    told = signing.b64_decode(unquote(proof).split(":")[0].encode()).decode()
    assert client.cookies[settings.SESSION_COOKIE_NAME] not in proof + told


def test_groups_make_operators_and_unmake_them_at_each_sign_in(studio, person):
    for groups, expected in (
        (["staff"], False),
        (["staff", "video-operators"], True),
        ("video-operators", True),
        ([], False),
        (["video-operators"], True),
        (None, False),
    ):
        person["groups"] = groups
        arrive(studio)
        account = the(studio, person)
        assert (account.is_staff, account.is_superuser) == (expected, expected), groups


def test_the_last_operator_stays_one_whatever_the_groups_say(studio, person):
    person["groups"] = ["video-operators"]
    arrive(studio)
    with studio.orm():
        others = list(Account.objects.filter(is_staff=True).exclude(email=person["email"]).values_list("pk", flat=True))
        Account.objects.filter(pk__in=others).update(is_staff=False)
    try:
        person["groups"] = []
        client, _ = arrive(studio)
        assert client.get("/admin/").status_code == 200
        assert the(studio, person).is_staff
    finally:
        with studio.orm():
            Account.objects.filter(pk__in=others).update(is_staff=True)
    arrive(studio)
    assert not the(studio, person).is_staff


def test_what_was_cancelled_there_is_said_and_nobody_is_signed_in(studio, person, provider):
    provider.refuses = True
    client, answer = arrive(studio)
    assert "You did not sign in" in answer.text
    assert not is_in(client)


def test_an_answer_that_was_not_asked_for_signs_nobody_in(studio, person, provider):
    client = studio.client()
    callback = f"{begin(studio)}callback/"
    code = provider.code({"redirect_uri": studio.url + callback})
    answer = client.get(callback, params={"code": code, "state": "made-up"})
    assert "gave no answer that fits" in answer.text
    assert not is_in(client)


def test_an_account_that_was_closed_stays_closed(studio, person):
    arrive(studio)
    with studio.orm():
        Account.objects.filter(email=person["email"]).update(is_active=False)
    client, answer = arrive(studio)
    assert "This account is closed" in answer.text
    assert not is_in(client)


def test_the_secret_is_not_logged(studio, person):
    arrive(studio)
    assert SECRET not in studio.said()
    assert SECRET not in repr(company.Company("n", "i", "c", SECRET, False, (), (), "", ""))


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"OIDC_ISSUER": "http://login.example.org"}, "https"),
        ({"OIDC_ISSUER": "https://login.example.org", "OIDC_CLIENT_ID": "x"}, "OIDC_CLIENT_SECRET"),
        ({"OIDC_ONLY": "1"}, "nobody could sign in"),
    ],
)
def test_what_cannot_work_is_said_at_the_start(monkeypatch, env, said):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=said):
        company.read()


@pytest.mark.django_db
def test_where_none_is_set_up_nothing_of_it_is_there(client, settings):
    assert settings.COMPANY is None
    assert "allauth.socialaccount.providers.openid_connect" not in settings.INSTALLED_APPS
    assert "Sign in by" not in client.get("/accounts/login/").content.decode()
    for address in ("/accounts/3rdparty/", "/accounts/oidc/x/login/"):
        assert client.get(address).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(("mode", "expected"), [("open", True), ("invite", False), ("closed", False)])
def test_who_may_have_an_account_is_said_by_the_same_setting_as_for_others(settings, rf, mode, expected):
    adapter, bob = CompanyAdapter(), SocialLogin(user=Account(email="bob@example.org"))
    settings.SIGNUP = mode
    assert adapter.is_open_for_signup(rf.get("/"), bob), "the first account can always be made"
    ann = factories.account()
    assert adapter.is_open_for_signup(rf.get("/"), bob) is expected
    invitations.invite(ann, "bob@example.org", is_mailed=False)
    assert adapter.is_open_for_signup(rf.get("/"), bob) is (mode != "closed")
