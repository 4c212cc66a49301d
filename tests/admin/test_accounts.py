"""Accounts, of which one stays an operator."""

import pytest
from django.test import Client

from jobs import storage
from jobs.models import Account, Job, Token, Upload, Video
from jobs.services import uploads
from tests import factories
from tests.admin.conftest import act, address, delete, with_file, with_source

pytestmark = pytest.mark.django_db
S = Job.Status

DAYS = {f"room-0-{name}_days": "0" for name in ("results", "originals", "caches")}
ROOM = {"room-TOTAL_FORMS": "1", "room-INITIAL_FORMS": "0", **DAYS}
"""What the part of an account's form about its room sends."""


def test_a_deleted_account_takes_everything_it_had(admin_client, ann):
    video, source = with_source(ann)
    _, result = with_file(factories.job(ann, video=video, status=S.SUCCEEDED))
    part = storage.upload_path(uploads.begin(ann, name="talk.mp4", length=100).pk)
    Token.issue(ann)
    delete(admin_client, ann)
    assert not Account.objects.filter(pk=ann.pk).exists()
    assert Video.objects.count() == Upload.objects.count() == Token.objects.count() == 0
    assert not any(file.exists() for file in (source, result, part))


def test_the_last_operator_stays(admin_client, operator):
    assert delete(admin_client, operator).status_code == 403
    page = act(admin_client, Account, "delete_selected", operator, post="yes").content.decode()
    assert "Successfully deleted" not in page
    data = {"email": operator.email, "is_active": "on", **ROOM}
    page = admin_client.post(address(Account, "change", operator.pk), data).content.decode()
    assert "This is the last operator" in page
    operator.refresh_from_db()
    assert operator.is_staff


def test_an_operator_makes_another_who_may_do_everything(admin_client, ann):
    data = {"email": ann.email, "is_active": "on", "is_staff": "on", **ROOM, "room-0-gigabytes": "1.5"}
    admin_client.post(address(Account, "change", ann.pk), data)
    assert (ann.room.gigabytes, ann.room.minutes) == (1.5, None)
    client = Client()
    client.force_login(ann)
    assert client.get(address(Job)).status_code == 200


def test_an_account_is_made_here(admin_client):
    data = {
        "email": "Carl@Example.org",
        "usable_password": "true",
        "password1": "long and odd 7",
        "password2": "long and odd 7",
    }
    admin_client.post("/admin/jobs/account/add/", data)
    carl = Account.objects.get(email="carl@example.org")
    assert carl.check_password("long and odd 7")
    assert not carl.is_staff
    assert "already" in admin_client.post("/admin/jobs/account/add/", data).content.decode()


def test_all_operators_at_once_are_not_deleted(admin_client, operator):
    other = factories.account("root2@example.org", is_staff=True, is_superuser=True)
    act(admin_client, Account, "delete_selected", operator, other, post="yes")
    assert Account.objects.filter(is_staff=True).count() == 1
