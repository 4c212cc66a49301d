"""Notices of ended work: noted in its transaction, told as their owner chose."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from jobs.errors import InputError
from jobs.models import Job, Notice, PushBrowser, Run
from jobs.services import jobs as services
from jobs.services import lifecycle, notice_mail, notices, reconcile, trash
from tests import factories
from tests.notices.conftest import add, choose, ended, kinds, make_due, push_all

pytestmark = pytest.mark.django_db
K, C, S = Notice.Kind, Notice.Channel, Job.Status


def test_each_job_that_ends_by_itself_is_noted_and_a_cancelled_one_is_not(ann):
    factories.job(ann)  # goes on
    ended(ann)
    ended(ann, error="The file is empty.")
    services.cancel(factories.job(ann))
    assert kinds(ann) == [K.DONE, K.FAILED]


def test_the_last_of_several_is_also_the_end_of_all(ann):
    ended(ann)
    assert kinds(ann) == [K.DONE], "one piece of work alone is told once"
    ended(ann)
    assert kinds(ann) == [K.DONE, K.DONE, K.ALL_DONE]
    ended(ann)
    assert kinds(ann)[3:] == [K.DONE]


def test_others_work_does_not_count(ann):
    factories.job(factories.account("eve@example.org"))
    ended(ann)
    ended(ann)
    assert K.ALL_DONE in kinds(ann)
    assert kinds(factories.account("eve@example.org")) == []


def test_of_a_chain_its_end_is_noted_and_no_step(ann):
    video = factories.video(ann)
    steps = [{"name": name, "input": None, "operation": "thumbnails", "params": {}, "keep": True} for name in "ab"]
    run = Run.objects.create(owner=ann, video=video, name="Podcast", status=S.RUNNING, steps=steps)
    first = factories.job(ann, video=video, run=run, step="a", status=S.RUNNING)
    second = factories.job(ann, video=video, run=run, step="b", status=S.RUNNING)
    first.succeed(first.attempt)
    lifecycle.ended(first)
    assert kinds(ann) == []
    second.fail(InputError("It has no picture. Choose another one."), second.attempt)
    lifecycle.ended(second)
    (notice,) = Notice.objects.of(ann)
    assert (notice.kind, notice.run) == (K.FAILED, run)
    told = notices.told(notice)
    assert told.title == "Podcast: Weekly review failed"
    assert told.body == "“b”: It has no picture. Choose another one."
    assert told.path == f"/runs/{run.pk}/"


def test_only_an_open_page_is_told_unless_more_is_chosen(ann):
    ended(ann)
    notice = Notice.objects.get()
    assert (notice.mail_at, notice.push_at) == (None, None)
    assert notices.since(ann, 0)[1]
    choose(ann, (K.FAILED, C.EMAIL))
    ended(ann, error="The file is empty.")
    assert Notice.objects.get(kind=K.FAILED).mail_at
    assert notices.since(ann, 0)[1] == [], "pages are told no more"


def closing(work, *args):
    try:
        return work(*args)
    finally:
        connection.close()


def end_at(start, job):
    start.wait()
    with transaction.atomic():
        job.succeed(job.attempt)


def look(start, over):
    """What a page sees that asks for those after the last it knows, again and again."""
    start.wait()
    seen, is_over = [0], False
    while not is_over:
        is_over = over.is_set()
        seen += Notice.objects.filter(pk__gt=seen[-1]).order_by("pk").values_list("pk", flat=True)
    return seen[1:]


@pytest.mark.django_db(transaction=True)
def test_of_several_that_end_together_one_sees_that_all_is_done_and_pages_miss_none(ann):
    for _ in range(5):
        Notice.objects.all().delete()
        jobs = [factories.job(ann, status=S.RUNNING) for _ in range(3)]
        start, over = threading.Barrier(4), threading.Event()
        with ThreadPoolExecutor(4) as pool:
            page = pool.submit(closing, look, start, over)
            for end in [pool.submit(closing, end_at, start, job) for job in jobs]:
                end.result()
            over.set()
        assert sorted(kinds(ann)) == [K.ALL_DONE, K.DONE, K.DONE, K.DONE]
        assert page.result() == list(Notice.objects.order_by("pk").values_list("pk", flat=True))


def end_after(touched, job):
    with transaction.atomic():
        Job.objects.filter(pk=job.pk).update(stage="Encoding")
        touched.set()
        return job.succeed(job.attempt)


@pytest.mark.django_db(transaction=True)
def test_work_ends_while_somebody_who_waits_for_it_has_made_something_of_the_account(ann):
    """As who removes a recording while work on it ends: neither may lose what it did to the other."""
    if connection.vendor == "sqlite":
        pytest.skip("one writes at a time")
    job, touched = factories.job(ann, status=S.RUNNING), threading.Event()
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        factories.video(ann)  # shares the row of the account until this ends
        end = pool.submit(closing, end_after, touched, job)
        assert touched.wait(10)
        Job.objects.filter(pk=job.pk).update(stage="")
    assert end.result()
    assert kinds(ann) == [K.DONE]


def test_a_thousand_are_read_by_few_queries(ann, service):
    choose(ann, *((kind, way) for kind in K for way in C))
    video = factories.video(ann)
    jobs = [factories.job(ann, video=video, status=S.SUCCEEDED) for _ in range(60)]
    Notice.objects.bulk_create(
        Notice(owner=ann, kind=K.DONE, job=jobs[n % 60], created_at=Now(), mail_at=Now(), push_at=Now())
        for n in range(1200)
    )
    add(ann, service)
    PushBrowser.objects.update(due_at=Now(), last=0)
    for read in (lambda: notices.since(ann, 0), lambda: notice_mail.send_due(ann.pk), push_all):
        with CaptureQueriesContext(connection) as found:
            read()
        assert len(found) < 30
        assert not any("log_tail" in query["sql"] for query in found)
    assert [words.title for _, words in notices.since(ann, 0)[1]] == ["More than 1000 pieces of work have ended"]
    assert mail.outbox[0].body.count("is done") == notice_mail.MOST_TOLD
    assert "And more than 951 more" in mail.outbox[0].body
    assert len(service.heard) == 1


def test_what_lies_in_the_trash_is_not_told(ann, settings):
    choose(ann, (K.DONE, C.PAGE), (K.DONE, C.EMAIL))
    job = ended(ann)
    video = ended(ann).video
    kept = ended(ann)
    trash.remove(job)
    trash.remove(video)
    make_due()
    Notice.objects.exclude(kind=K.DONE).delete()
    assert [notices.told(notice) is None for notice in Notice.objects.order_by("pk")] == [True, True, False]
    assert [words.path for _, words in notices.since(ann, 0)[1]] == [f"/jobs/{kept.pk}/"]
    notice_mail.send_due(ann.pk)
    assert mail.outbox[0].body.count("is done") == 1


def test_old_notices_are_forgotten(ann):
    ended(ann)
    ended(ann)
    old = Notice.objects.order_by("pk").first()
    Notice.objects.filter(pk=old.pk).update(created_at=Now() - timedelta(days=8))
    reconcile.sweep()
    assert old.pk not in Notice.objects.values_list("pk", flat=True)
    assert Notice.objects.count() == 2
