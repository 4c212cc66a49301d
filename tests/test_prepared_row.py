"""Rows that are found by a statement written once: each time by what is given then, on either database."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db.models import CharField
from django.utils import timezone

from jobs.auth.session_store import SessionStore
from jobs.models import Account, Token, Video
from jobs.models.token import digest
from jobs.prepared_row import Given, PreparedRow
from jobs.services import versions
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]


def values(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_row_is_what_a_query_finds_whichever_is_asked_for():
    mine, theirs = factories.video(factories.account("ann@example.org")), factories.video(factories.account("bo@x.org"))
    for video in (mine, theirs, mine):
        assert values(versions.known(video.owner, video.pk)) == values(Video.objects.get(pk=video.pk))
    assert versions.known(mine.owner, theirs.pk) is None


def test_rows_that_come_along_are_there_without_a_further_query(django_assert_num_queries):
    secret = Token.issue(factories.account("ann@example.org"))
    Token.find(secret)
    with django_assert_num_queries(1):
        found = Token.find(secret)
        assert found.owner.email == "ann@example.org"
    assert abs(found.now - timezone.now()) < timedelta(hours=1), "what is annotated is a time with its zone"


def test_it_is_not_found_any_more_once_it_is_gone_or_has_changed():
    rows = PreparedRow(lambda: Token.objects.filter(name=Given("name", CharField())))
    token = Token.make(factories.account("ann@example.org"), name="script")[0]
    assert rows.find(name="script") == token
    Token.objects.filter(pk=token.pk).update(name="other")
    assert rows.find(name="script") is None
    assert rows.find(name="other").digest == token.digest


def test_a_token_ends_at_its_time_and_with_its_account():
    account = factories.account("ann@example.org")
    secret = Token.issue(account, expires_at=timezone.now() + timedelta(hours=1))
    assert Token.find(secret)
    Token.objects.filter(digest=digest(secret)).update(expires_at=timezone.now() - timedelta(hours=1))
    assert Token.find(secret) is None
    Token.objects.filter(digest=digest(secret)).update(expires_at=None)
    assert Token.find(secret)
    Account.objects.filter(pk=account.pk).update(is_active=False)
    assert Token.find(secret) is None


def test_a_session_is_over_when_its_time_is_and_when_it_is_deleted():
    made = SessionStore()
    made["who"] = "ann"
    made.save()
    rows = Session.objects.filter(session_key=made.session_key)
    assert SessionStore(made.session_key)["who"] == "ann"
    rows.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert "who" not in SessionStore(made.session_key)
    rows.update(expire_date=timezone.now() + timedelta(hours=1))
    assert SessionStore(made.session_key)["who"] == "ann"
    rows.delete()
    gone = SessionStore(made.session_key)
    assert "who" not in gone
    assert gone.session_key is None, "the key of nobody is not taken over"


def test_an_account_is_found_by_its_key_and_by_all_else(django_assert_num_queries):
    ann, bo = factories.account("ann@example.org"), factories.account("bo@example.org")
    assert Account.objects.get(pk=ann.pk) == Account.objects.get(pk=str(ann.pk)) == ann
    assert Account.objects.get(email=bo.email) == Account.objects.get(pk=bo.pk, is_active=True) == bo
    with pytest.raises(Account.DoesNotExist):
        Account.objects.get(pk=-1)
    group = Group.objects.create(name="editors")
    group.user_set.add(ann)
    assert group.user_set.get(pk=ann.pk) == ann
    with pytest.raises(Account.DoesNotExist):
        group.user_set.get(pk=bo.pk)
