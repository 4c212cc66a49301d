"""Notices by mail: what ends together comes in one, and what cannot be sent is tried again."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models.functions import Now

from jobs.models import Job, Notice
from jobs.services import notice_mail, outbox
from tests.notices.conftest import choose, ended, make_due

pytestmark = pytest.mark.django_db
K, C, S = Notice.Kind, Notice.Channel, Job.Status


def test_a_failure_is_mailed_with_its_sentence_and_the_page_where_it_can_be_mended(ann, settings):
    settings.SITE_URL = "https://videos.example.org"
    choose(ann, (K.FAILED, C.EMAIL))
    job = ended(ann, error="The file is empty. Upload it again.")
    notice_mail.send_due(ann.pk)
    assert mail.outbox == [], "it waits whether more ends"
    make_due()
    notice_mail.send_due(ann.pk)
    (letter,) = mail.outbox
    assert letter.to == ["ann@example.org"]
    assert letter.subject == "Thumbnails: Weekly review failed"
    assert "The file is empty. Upload it again." in letter.body
    assert f"https://videos.example.org/jobs/{job.pk}/" in letter.body
    assert "https://videos.example.org/account/notices/" in letter.body
    notice_mail.send_due(ann.pk)
    assert len(mail.outbox) == 1


def test_what_ends_together_comes_in_one_mail(ann):
    choose(ann, (K.DONE, C.EMAIL), (K.FAILED, C.EMAIL), (K.ALL_DONE, C.EMAIL))
    for _ in range(3):
        ended(ann)
    ended(ann, error="The file is empty.")
    make_due()
    notice_mail.send_due(ann.pk)
    (letter,) = mail.outbox
    assert letter.subject == "3 done, 1 failed"
    assert letter.body.count("Thumbnails: Weekly review is done") == 3
    assert "everything that you started" in letter.body


def test_a_mail_waits_for_more_but_not_for_ever(ann):
    choose(ann, (K.DONE, C.EMAIL))
    ended(ann)
    first = Notice.objects.get()
    Notice.objects.filter(pk=first.pk).update(
        created_at=Now() - timedelta(minutes=9, seconds=30), mail_at=Now() + timedelta(seconds=1)
    )
    ended(ann)
    waits = Notice.objects.filter(pk=first.pk, mail_at__lt=Now() + timedelta(seconds=31))
    assert waits.filter(mail_at__gt=Now() + timedelta(seconds=25)).exists()


def test_a_mail_that_could_not_be_sent_is_tried_again_and_given_up_at_last(ann, monkeypatch):
    choose(ann, (K.DONE, C.EMAIL))
    ended(ann)
    monkeypatch.setattr("django.core.mail.EmailMessage.send", fails)
    for number in range(1, notice_mail.MOST_TRIES + 1):
        make_due()
        notice_mail.send_due(ann.pk)
        assert Notice.objects.get().mail_tries == number
    assert Notice.objects.get().mail_at is None


def fails(message):
    raise ConnectionRefusedError


def test_what_waits_for_another_try_is_not_tried_with_what_ends_meanwhile(ann, monkeypatch):
    choose(ann, (K.DONE, C.EMAIL))
    ended(ann)
    first = Notice.objects.get()
    monkeypatch.setattr("django.core.mail.EmailMessage.send", fails)
    make_due()
    notice_mail.send_due(ann.pk)
    for _ in range(3):
        ended(ann)
        Notice.objects.filter(mail_tries=0, mail_at__isnull=False).update(mail_at=Now())
        notice_mail.send_due(ann.pk)
    first.refresh_from_db()
    assert first.mail_tries == 1
    assert first.mail_at


def test_what_another_worker_sends_right_now_is_left_to_it(ann):
    choose(ann, (K.DONE, C.EMAIL))
    first = ended(ann)
    make_due()
    assert [notice.job for notice in notice_mail.claim(ann.pk)] == [first]
    second = ended(ann)
    Notice.objects.filter(job=second).update(mail_at=Now())
    assert [notice.job for notice in notice_mail.claim(ann.pk)] == [second]
    assert notice_mail.claim(ann.pk) is None


def test_a_mail_about_what_was_deleted_is_not_sent(ann):
    choose(ann, (K.DONE, C.EMAIL))
    ended(ann).delete()
    make_due()
    notice_mail.send_due(ann.pk)
    assert mail.outbox == []


def test_a_worker_is_woken_when_the_mail_is_due(ann, monkeypatch, redis_server, django_capture_on_commit_callbacks):
    choose(ann, (K.DONE, C.EMAIL))
    rung = []
    monkeypatch.setattr(outbox, "ring", lambda: rung.append(1))
    with django_capture_on_commit_callbacks(execute=True):
        ended(ann)
    assert rung
    assert outbox._next_notices()[0] == Notice.objects.get().mail_at
