"""Accounts by invitation."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.utils import timezone

from jobs.models import Account, Invitation
from jobs.services.invitations import MOST_A_DAY
from tests import factories
from tests.accounts.entrance import PASSWORD, is_in, sign_up

pytestmark = pytest.mark.django_db
PAGE = "/account/invitations/"


@pytest.fixture(autouse=True)
def by_invitation(settings):
    settings.SIGNUP = "invite"


@pytest.fixture
def with_mail(settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


@pytest.fixture
def ann(client):
    account = factories.account()
    client.force_login(account)
    return account


def invite(client, email="bob@example.org"):
    """The link, as it is shown to who invites."""
    page = client.post(PAGE, {"email": email}).content.decode()
    return re.search(r"http://testserver(/invitations/[^/]+/)", page)[1]


def test_nobody_makes_an_account_without_an_invitation(ann):
    stranger = Client()
    assert "Make an account" not in stranger.get("/accounts/login/").content.decode()
    assert "to invite you" in sign_up(stranger, "bob@example.org").content.decode()
    refused = stranger.post("/api/v1/users", {"email": "bob@example.org", "password": PASSWORD}, "application/json")
    assert refused.status_code == 403
    assert Account.objects.count() == 1


def test_the_first_account_needs_no_invitation(client):
    sign_up(client)
    assert Account.objects.get().is_staff


def test_a_link_makes_the_account_it_was_meant_for_once(client, ann):
    link = invite(client, "Bob@Example.org")
    bob = Client()
    page = bob.get(link, follow=True).content.decode()
    assert 'value="bob@example.org"' in page
    assert sign_up(bob, "eve@example.org").headers["Location"] == "/"
    assert is_in(bob)
    assert Account.objects.exclude(pk=ann.pk).get().email == "bob@example.org", "what was typed does not count"
    made = Invitation.objects.get()
    assert (made.used_by.email, made.invited_by) == ("bob@example.org", ann)
    assert Client().get(link).status_code == 410
    assert "Came on" in client.get(PAGE).content.decode()


def test_a_link_makes_no_account_of_another_address_by_the_api(client, ann):
    bob = Client()
    bob.get(invite(client))
    answer = bob.post("/api/v1/users", {"email": "eve@example.org", "password": PASSWORD}, "application/json")
    assert answer.status_code == 403


@pytest.mark.parametrize("end", ["withdrawn", "old", "closed", "account closed", "taken"])
def test_a_link_that_is_over_lets_nobody_in_also_who_followed_it_before(client, ann, settings, end):
    link = invite(client)
    before = Client()
    before.get(link)
    if end == "withdrawn":
        client.post(f"{PAGE}{Invitation.objects.get().pk}/withdraw/")
    elif end == "old":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    elif end == "closed":
        settings.SIGNUP = "closed"
    elif end == "account closed":
        Account.objects.update(is_active=False)
    else:
        factories.account("bob@example.org")
    count = Account.objects.count()
    assert Client().get(link).status_code == 410
    sign_up(before, "bob@example.org")
    assert Account.objects.count() == count


def test_the_link_is_shown_once_and_kept_as_a_hash(client, ann):
    secret = invite(client).split("/")[2]
    assert secret not in client.get(PAGE).content.decode()
    assert secret not in str(list(Invitation.objects.values()))


def test_an_invitation_lasts_seven_days(client, ann):
    invite(client)
    made = Invitation.objects.get()
    assert abs(made.expires_at - made.created_at - timedelta(days=7)) < timedelta(minutes=1)


def test_a_second_invitation_of_an_address_ends_the_first(client, ann):
    first, second = invite(client), invite(client)
    assert Client().get(first).status_code == 410
    assert Client().get(second).status_code == 302


def test_with_mail_the_link_goes_to_the_address_alone_and_confirms_it(client, ann, with_mail):
    EmailAddress.objects.create(user=ann, email=ann.email, verified=True, primary=True)
    answer = client.post(PAGE, {"email": "bob@example.org"}, follow=True).content.decode()
    assert "/invitations/" not in answer.replace(PAGE, "")
    (letter,) = mail.outbox
    assert letter.to == ["bob@example.org"]
    assert "ann@example.org invites you" in letter.body
    bob = Client()
    bob.get(re.search(r"http://testserver(/invitations/\S+)", letter.body)[1])
    sign_up(bob, "bob@example.org")
    assert is_in(bob), "the address need not be confirmed once more"
    assert EmailAddress.objects.get(email="bob@example.org").verified
    assert len(mail.outbox) == 1


def test_who_invites_is_not_told_that_an_address_has_an_account(client, ann, with_mail):
    factories.account("bob@example.org")
    answers = [client.post(PAGE, {"email": email}, follow=True) for email in ("bob@example.org", "eve@example.org")]
    tidy = [
        re.sub(r"(bob|eve)@example.org|csrf\S+ value=\S+|/\d+/|X-CSRFToken\S+ \S+", "", a.content.decode())
        for a in answers
    ]
    assert "is on its way" in tidy[0]
    assert re.sub(r"\s+", " ", tidy[0]) == re.sub(r"\s+", " ", tidy[1].replace(listed(tidy[1]), listed(tidy[0])))
    assert [letter.subject for letter in mail.outbox] == [
        "You have an account already",
        "An invitation to videoservice",
    ]


def listed(page):
    """The list of those who were invited."""
    return page[page.index('id="sent"') :]


def test_a_letter_that_cannot_be_sent_leaves_no_invitation(client, ann, with_mail, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = client.post(PAGE, {"email": "bob@example.org"})
    assert answer.status_code == 422
    assert "could not be sent just now" in answer.content.decode()
    assert 'value="bob@example.org"' in answer.content.decode()
    assert not Invitation.open().exists()


def test_nobody_invites_the_whole_world(client, ann):
    for number in range(MOST_A_DAY):
        invite(client, f"{number}@example.org")
        client.post(f"{PAGE}{Invitation.objects.first().pk}/withdraw/")
    answer = client.post(PAGE, {"email": "more@example.org"})
    assert answer.status_code == 422
    assert "Go on tomorrow." in answer.content.decode()


def test_nobody_sees_or_withdraws_those_of_others(client, ann):
    invite(client)
    eve = Client()
    eve.force_login(factories.account("eve@example.org"))
    assert "bob@example.org" not in eve.get(PAGE).content.decode()
    assert eve.post(f"{PAGE}{Invitation.objects.get().pk}/withdraw/").status_code == 404
    assert Invitation.open().exists()


@pytest.mark.parametrize("mode", ["open", "closed"])
def test_where_nobody_is_invited_there_is_no_such_page(client, ann, settings, mode):
    settings.SIGNUP = mode
    assert client.get(PAGE).status_code == 404
    assert "Invitations" not in client.get("/account/").content.decode()


def test_the_page_is_one_of_the_accounts(client, ann):
    assert "Invitations" in client.get("/account/").content.decode()
    assert client.post(PAGE, {"email": "nonsense"}).status_code == 422
    assert Client().get(PAGE).status_code == 302


def test_operators_see_all_of_them(client, ann):
    invite(client)
    operator = Client()
    operator.force_login(factories.account("root@example.org", is_staff=True, is_superuser=True))
    page = operator.get("/admin/jobs/invitation/?q=ann").content.decode()
    assert "bob@example.org" in page
    assert operator.get(f"/admin/jobs/invitation/{Invitation.objects.get().pk}/change/").status_code == 200


def test_what_is_kept_goes_after_three_months(client, ann):
    invite(client)
    Invitation.forget_old()
    assert Invitation.objects.exists()
    Invitation.objects.update(created_at=timezone.now() - timedelta(days=91))
    Invitation.forget_old()
    assert not Invitation.objects.exists()
