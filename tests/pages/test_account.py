import pytest

pytestmark = pytest.mark.django_db


def test_the_account_page_shows_who_one_is_and_leads_to_what_can_be_changed(client, ann):
    page = client.get("/account/").content.decode()
    assert "ann@example.org" in page
    for address in ("/accounts/email/", "/accounts/password/change/"):
        assert f'href="{address}"' in page
