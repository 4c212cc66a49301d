"""Tokens and webhooks in the admin: no secret of theirs is seen again."""

import pytest
from django.test import Client

from jobs.models import Token, Webhook
from tests.accounts.entrance import PASSWORD
from tests.admin.conftest import address, delete

pytestmark = pytest.mark.django_db


def test_a_token_is_shown_once_and_works(admin_client, ann):
    asked = admin_client.post("/admin/jobs/token/add/", {"owner": ann.pk, "name": "stolen", "scope": "all"})
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/"), "nobody has shown lately who they are"
    assert not Token.objects.exists()
    admin_client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = admin_client.post("/admin/jobs/token/add/", {"owner": ann.pk, "name": "laptop", "scope": "work"})
    assert response.status_code == 200
    secret = response.context["secret"]
    assert secret in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert Client().get("/api/v1/videos", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    token = Token.objects.get()
    assert (token.owner, token.name) == (ann, "laptop")
    for path in (address(Token), address(Token, "change", token.pk), "/admin/"):
        page = admin_client.get(path).content.decode()
        assert secret not in page
        assert token.digest not in page


def test_a_token_is_deleted_and_never_changed(admin_client, ann):
    Token.issue(ann, "laptop")
    token = Token.objects.get()
    admin_client.post(address(Token, "change", token.pk), {"owner": ann.pk, "name": "other"})
    assert Token.objects.get().name == "laptop"
    delete(admin_client, token)
    assert Token.objects.count() == 0


def test_an_operator_pauses_and_deletes_webhooks_and_sees_no_secret(admin_client, ann):
    webhook = Webhook.objects.create(
        owner=ann, url="https://hooks.example.org/", events=["job.failed"], secret="sealed"
    )
    page = admin_client.get(address(Webhook, "change", webhook.pk)).content.decode()
    assert webhook.url in page and "sealed" not in page
    admin_client.post(address(Webhook), {"action": "pause", "_selected_action": [webhook.pk]})
    webhook.refresh_from_db()
    assert webhook.paused_reason == "An operator switched it off."
    admin_client.post(address(Webhook, "delete", webhook.pk), {"post": "yes"})
    assert not Webhook.objects.exists()
