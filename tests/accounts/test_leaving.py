"""Deleting one's own account: asked, proved by the password, and everything is gone."""

import pytest
from django.core import mail
from django.db.models.functions import Now
from django.test import Client

from jobs import storage
from jobs.models import Account, Artifact, Job, Pipeline, SignIn, Token, Upload, Video
from jobs.services import accounts, pipelines, reconcile, uploads
from jobs.services.accounts import A_MOMENT
from jobs.services.uploads import UploadError
from tests import factories
from tests.accounts.entrance import PASSWORD, is_in, sign_in
from tests.api import Api
from tests.chains.conftest import TRIM

pytestmark = pytest.mark.django_db
PAGE = "/account/delete/"


@pytest.fixture
def root():
    return factories.account("root@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def ann(root):
    return factories.account("ann@example.org")


@pytest.fixture
def client(ann):
    client = Client()
    sign_in(client)
    return client


def delete(client):
    """Presses Delete, and writes the password when asked for it; returns the last answer."""
    asked = client.post(PAGE)
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/"), "the password first"
    assert Account.objects.filter(email="ann@example.org", is_active=True).exists()
    return client.post(asked.headers["Location"], {"password": PASSWORD})


def put(key):
    storage.path(key).parent.mkdir(parents=True, exist_ok=True)
    storage.path(key).write_bytes(b"bytes")


def things(owner):
    """One of each, with files."""
    video = factories.video(owner)
    key = f"{storage.recording_key(video.pk)}/source.mp4"
    Video.objects.filter(pk=video.pk).update(key=key)
    job = factories.job(owner, video=video, status=Job.Status.SUCCEEDED)
    result = f"{storage.results_key(job.pk, 1)}/1.jpg"
    Artifact.objects.create(job=job, kind="image", name="1.jpg", key=result, size=5, media_type="image/jpeg")
    put(key)
    put(result)
    factories.job(owner, video=video, status=Job.Status.RUNNING)
    upload = uploads.begin(owner, name="talk.mp4", length=100)
    pipelines.save(owner, "Mine", [TRIM])
    Token.issue(owner)
    return [storage.path(key), storage.path(result), storage.upload_path(upload.pk)]


def test_the_question_says_what_goes_and_changes_nothing(client, ann):
    things(ann)
    assert f'action="{PAGE}"' in client.get("/account/").content.decode()
    page = client.get(PAGE).content.decode()
    assert "Delete the account ann@example.org?" in page
    assert "1 recording, all results" in page
    assert "1 job under way will be stopped." in page
    assert Account.objects.filter(pk=ann.pk, is_active=True).exists()


def test_everything_is_gone_with_its_files_and_nothing_of_others(client, ann, root):
    files, roots = things(ann), things(root)
    left = delete(client)
    assert left.headers["Location"] == "/accounts/login/"
    assert "has been deleted, with all that it had" in client.get("/accounts/login/").content.decode()
    assert list(Account.objects.all()) == [root]
    for model in (Video, Job, Upload, Pipeline, Token):
        assert {thing.owner for thing in model.objects.all()} == {root}
    assert Artifact.objects.get().job.owner == root
    assert not SignIn.objects.filter(email="ann@example.org").exists()
    assert not any(file.exists() for file in files)
    assert all(file.exists() for file in roots if file.suffix)


def test_all_its_sessions_and_tokens_end(client, ann):
    elsewhere, token = Client(), Api(ann)
    sign_in(elsewhere)
    assert is_in(elsewhere)
    delete(client)
    assert not is_in(client)
    assert not is_in(elsewhere)
    assert token.get("/me").status_code == 401
    sign_in(client)
    assert not is_in(client)


def test_without_the_password_nothing_happens(client, ann):
    asked = client.post(PAGE)
    client.post(asked.headers["Location"], {"password": "wrong"})
    assert client.post(PAGE).headers["Location"].startswith("/accounts/reauthenticate/")
    assert Account.objects.filter(pk=ann.pk, is_active=True).exists()


def test_a_form_of_another_site_deletes_nothing(ann):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    assert client.post(PAGE).status_code == 403


def test_a_token_deletes_no_account(ann):
    assert Api(ann).client.post(PAGE).status_code in (302, 403)
    assert Account.objects.filter(pk=ann.pk).exists()


def test_the_last_operator_stays(root):
    client = Client()
    sign_in(client, "root@example.org")
    assert f'action="{PAGE}"' not in client.get("/account/").content.decode()
    asked = client.post(PAGE)
    refused = client.post(asked.headers["Location"], {"password": PASSWORD})
    assert refused.headers["Location"] == "/account/"
    assert "This is the last operator." in client.get("/account/").content.decode()
    assert Account.objects.filter(pk=root.pk, is_active=True).exists()
    assert is_in(client)


def test_of_two_operators_one_can_leave(root):
    factories.account("ann@example.org", is_staff=True, is_superuser=True)
    client = Client()
    sign_in(client)
    delete(client)
    assert list(Account.objects.all()) == [root]


def test_what_could_not_be_deleted_at_once_is_deleted_later(client, ann, monkeypatch):
    def busy(account):
        raise UploadError("A chunk is just arriving.", code="busy")

    with monkeypatch.context() as patched:
        patched.setattr("jobs.views.leaving.accounts.delete", busy)
        delete(client)
    assert Account.objects.filter(pk=ann.pk, is_active=False).exists()
    sign_in(client)
    assert not is_in(client)
    reconcile.sweep()
    assert Account.objects.filter(pk=ann.pk).exists(), "the web process may still be at it"
    Account.objects.filter(pk=ann.pk).update(deletion_asked_at=Now() - 2 * A_MOMENT)
    reconcile.sweep()
    assert not Account.objects.filter(pk=ann.pk).exists()


def test_a_disk_that_refuses_only_puts_it_off(client, ann, monkeypatch, settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    things(ann)
    with monkeypatch.context() as patched:
        patched.setattr("jobs.services.accounts.uploads.abort", refuse)
        assert delete(client).headers["Location"] == "/accounts/login/"
    assert "is being deleted, with all that it had" in client.get("/accounts/login/").content.decode()
    (letter,) = [one for one in mail.outbox if one.to == ["ann@example.org"]]
    assert "ann@example.org is being deleted, with" in letter.body
    assert Account.objects.filter(pk=ann.pk, is_active=False).exists()


def refuse(*args, **kwargs):
    raise PermissionError("the disk refuses")


def test_an_account_that_cannot_be_deleted_keeps_none_of_the_others(ann, monkeypatch):
    bob = factories.account("bob@example.org")
    upload = uploads.begin(ann, name="talk.mp4", length=100)
    Account.objects.filter(pk__in=[ann.pk, bob.pk]).update(is_active=False, deletion_asked_at=Now() - 2 * A_MOMENT)
    with monkeypatch.context() as patched:
        patched.setattr("jobs.services.accounts.uploads.abort", refuse)
        reconcile.sweep()
    assert Account.objects.filter(pk=ann.pk).exists() and not Account.objects.filter(pk=bob.pk).exists()
    assert storage.upload_path(upload.pk).exists()
    accounts.sweep()
    assert not Account.objects.filter(pk=ann.pk).exists()


@pytest.mark.each_database
def test_who_was_switched_off_by_an_operator_is_not_deleted(ann):
    Account.objects.filter(pk=ann.pk).update(is_active=False)
    accounts.sweep()
    assert Account.objects.filter(pk=ann.pk).exists()


def test_a_letter_says_it_where_letters_go_out(client, ann, settings):
    delete_without = len(mail.outbox)
    settings.EMAIL_URL = "smtp://localhost"
    delete(client)
    letter = mail.outbox[-1]
    assert len(mail.outbox) == delete_without + 1
    assert (letter.to, letter.subject) == (["ann@example.org"], "Your account has been deleted")
    assert "ann@example.org has been deleted" in letter.body
