"""Where one is signed in, and signing out there."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from jobs.live import feeds
from jobs.models import Token
from tests import factories
from tests.accounts.entrance import ELSEWHERE, PASSWORD, is_in, sign_in
from tests.sockets import socket, state_of

pytestmark = pytest.mark.django_db
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Safari/604.1"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def ann():
    return factories.account()


@pytest.fixture
def phone(ann):
    """A browser elsewhere in which Ann is signed in."""
    browser = Client(headers={"User-Agent": IPHONE}, **ELSEWHERE)
    sign_in(browser)
    return browser


@pytest.fixture
def desk(ann):
    browser = Client(headers={"User-Agent": FIREFOX})
    sign_in(browser)
    return browser


def test_the_page_tells_each_browser_with_its_address(desk, phone):
    page = desk.get("/account/security/").content.decode()
    assert "Safari on iPhone" in page
    assert "192.0.2.7" in page
    assert "Firefox on Linux" in page
    assert page.index("This one") > page.index("Firefox on Linux")
    assert page.count("Sign out</button>") == 2  # the menu's, and the telephone's


def test_one_of_them_is_signed_out(desk, phone):
    other = UserSession.objects.get(ip="192.0.2.7")
    assert desk.post(f"/account/security/sessions/{other.pk}/end/").headers["Location"] == "/account/security/"
    assert not is_in(phone)
    assert is_in(desk)


def test_all_others_are_signed_out_at_once(desk, phone, ann):
    third = Client()
    sign_in(third)
    bob = Client()
    bob.force_login(factories.account("bob@example.org"))
    page = desk.post("/accounts/sessions/", follow=True)
    assert "Signed out everywhere else." in page.content.decode()
    assert [is_in(one) for one in (desk, phone, third, bob)] == [True, False, False, True]


def test_nobody_ends_a_session_of_somebody_else(desk):
    bob = Client()
    bob.force_login(factories.account("bob@example.org"))
    assert bob.post(f"/account/security/sessions/{UserSession.objects.first().pk}/end/").status_code == 404
    assert is_in(desk)


def test_ending_ones_own_session_leads_to_the_entrance(desk):
    own = UserSession.objects.get()
    assert desk.post(f"/account/security/sessions/{own.pk}/end/").headers["Location"] == "/accounts/login/"
    assert not is_in(desk)


def test_a_session_from_before_is_listed_when_it_is_used(client, ann):
    client.force_login(ann)
    UserSession.objects.all().delete()
    cache.clear()
    is_in(client)
    assert UserSession.objects.get().user == ann


@pytest.mark.parametrize("path", ["/api/v1/me", "/videos/7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11/levels"])
def test_a_token_of_another_account_takes_no_session_out_of_its_owners_sight(desk, phone, ann, path):
    """Whoever has stolen a session would keep it so, when its owner signs out everywhere."""
    cache.clear()
    bob = factories.account("bob@example.org")
    phone.get(path, headers={"Authorization": f"Bearer {Token.issue(bob)}"})
    assert [one.user for one in UserSession.objects.all()] == [ann, ann]
    desk.post("/accounts/sessions/")
    assert not is_in(phone)


def test_when_it_was_used_is_noted_not_with_every_request(desk, django_assert_num_queries):
    before = timezone.now() - timedelta(hours=2)
    UserSession.objects.update(last_seen_at=before)
    is_in(desk)
    assert UserSession.objects.get().last_seen_at == before, "within five minutes it is not written again"
    cache.clear()
    is_in(desk)
    assert UserSession.objects.get().last_seen_at == before, "a process that has just looked does not ask again"
    elsewhere = Client()  # with middleware of its own, as another process has
    elsewhere.cookies = desk.cookies
    is_in(elsewhere)
    assert UserSession.objects.get().last_seen_at > before


def test_a_changed_password_signs_the_others_out_and_they_are_not_listed(desk, phone):
    new = "a wholly new one 9"
    desk.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert not is_in(phone)
    page = desk.get("/account/security/").content.decode()
    assert "Safari on iPhone" not in page
    assert "Firefox on Linux" in page


def test_an_operator_signs_somebody_out(desk, phone):
    operator = Client()
    operator.force_login(factories.account("root@example.org", is_staff=True, is_superuser=True))
    assert "Safari on iPhone" in operator.get("/admin/usersessions/usersession/?q=ann").content.decode()
    other = UserSession.objects.get(ip="192.0.2.7")
    operator.post(f"/admin/usersessions/usersession/{other.pk}/delete/", {"post": "yes"})
    assert not is_in(phone)
    assert is_in(desk)


def _sign_out_elsewhere(client):
    client.post("/accounts/sessions/")


def _change_password(client):
    new = "a wholly new one 9"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})


def _close_account(client):
    account = factories.account()
    account.is_active = False
    account.save()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [_sign_out_elsewhere, _change_password, _close_account])
async def test_an_open_page_is_closed_as_soon_as_its_session_ends(end):
    """Nothing else happens that would make it look."""
    await sync_to_async(factories.account)()
    client, other = Client(), Client()
    for browser in (client, other):
        await sync_to_async(sign_in)(browser)
    page = socket(client=other)
    await page.connect()
    await state_of(page)
    await sync_to_async(end)(client)
    assert (await page.receive_output(timeout=30))["code"] == feeds.SIGNED_OUT


@pytest.mark.django_db(transaction=True)
async def test_an_open_page_is_closed_when_its_browser_signs_out():
    ann = await sync_to_async(factories.account)()
    client = Client()
    await sync_to_async(client.force_login)(ann)
    page = socket(client=client)
    await page.connect()
    await state_of(page)
    await sync_to_async(client.post)("/accounts/logout/")
    assert (await page.receive_output(timeout=30))["code"] == feeds.SIGNED_OUT
