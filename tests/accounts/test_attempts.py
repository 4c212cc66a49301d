"""Who guesses passwords is stopped, and nobody else."""

import pytest
from django.test import Client

from jobs.models import Account, SignIn
from tests import factories
from tests.accounts.entrance import ELSEWHERE, PASSWORD, guess, sign_in, sign_up

pytestmark = pytest.mark.django_db


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
