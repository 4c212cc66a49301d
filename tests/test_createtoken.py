import pytest
from django.core.management import call_command

from jobs.models import Account, Token
from tests import factories
from tests.api import ROOT

pytestmark = pytest.mark.django_db


def run(capsys, *args):
    """Exit status, standard output, standard error."""
    try:
        call_command("createtoken", *args)
        status = 0
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr()
    return status, said.out, said.err


def test_it_prints_a_token_that_works_and_nothing_else(capsys, client):
    ann = factories.account("ann@example.org")
    status, out, err = run(capsys, "ANN@example.org", "--name", "laptop")
    assert (status, err, out.count("\n")) == (0, "", 1)
    assert client.get(f"{ROOT}/jobs", headers={"Authorization": f"Bearer {out.strip()}"}).status_code == 200
    token = Token.objects.get()
    assert (token.owner, token.name) == (ann, "laptop")
    assert out.strip() not in token.digest


def test_it_prints_a_narrower_token_when_told(capsys, client):
    factories.account("ann@example.org")
    secret = run(capsys, "ann@example.org", "--scope", "read")[1].strip()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get(f"{ROOT}/jobs", headers=headers).status_code == 200
    assert client.post(f"{ROOT}/jobs", headers=headers).status_code == 403
    assert run(capsys, "ann@example.org")[0] == 0
    assert list(Token.objects.order_by("pk").values_list("scope", flat=True)) == ["read", "all"]


def test_it_refuses_an_unknown_address_in_a_sentence(capsys):
    status, out, err = run(capsys, "ann@example.org")
    assert (status, out) == (1, "")
    assert err == "There is no account with the address ann@example.org. Check it, or add --create to make one.\n"
    assert Account.objects.count() == 0


def test_it_makes_the_account_when_told_and_the_first_is_the_operator(capsys):
    assert run(capsys, "Ann@example.org", "--create")[0] == 0
    assert run(capsys, "bob@example.org", "--create")[0] == 0
    assert run(capsys, "ann@example.org", "--create")[0] == 0
    found = list(Account.objects.order_by("pk").values_list("email", "is_staff", "is_superuser"))
    assert found == [("ann@example.org", True, True), ("bob@example.org", False, False)]
    assert not Account.objects.get(email="bob@example.org").has_usable_password()
    assert Token.objects.count() == 3


def test_it_refuses_what_is_no_address(capsys):
    status, out, err = run(capsys, "ann", "--create")
    assert (status, out) == (1, "")
    assert "not an e-mail address" in err
    assert Account.objects.count() == 0


def test_it_refuses_an_account_that_is_switched_off(capsys):
    factories.account("ann@example.org", is_active=False)
    status, out, err = run(capsys, "ann@example.org")
    assert (status, out) == (1, "")
    assert "switched off" in err
    assert Token.objects.count() == 0
