"""Notices of ended work: noted in its transaction, told by page, mail and browser, as its owner chose."""

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core import mail
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.auth import sessions
from jobs.errors import InputError
from jobs.models import Delivery, Install, Job, Notice, PushBrowser, Run, Webhook
from jobs.services import jobs as services
from jobs.services import notice_mail, notices, outbox, push, reconcile, trash
from tests import factories

pytestmark = pytest.mark.django_db
K, C, S = Notice.Kind, Notice.Channel, Job.Status


@pytest.fixture
def ann(settings):
    settings.EMAIL_URL = "smtp://localhost"
    return factories.account("ann@example.org")


def choose(owner, *wanted):
    notices.choose(owner, set(wanted), list(C))


def ended(owner, *, error=None, **fields):
    job = factories.job(owner, status=S.RUNNING, **fields)
    if error:
        job.fail(InputError(error), job.attempt)
    else:
        job.succeed(job.attempt)
    services.ended(job)
    return job


def kinds(owner):
    return list(Notice.objects.of(owner).order_by("pk").values_list("kind", flat=True))


# Noting --------------------------------------------------------------------------------------------------------------


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
    services.ended(first)
    assert kinds(ann) == []
    second.fail(InputError("It has no picture. Choose another one."), second.attempt)
    services.ended(second)
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


# By mail -------------------------------------------------------------------------------------------------------------


def make_due():
    Notice.objects.filter(mail_at__isnull=False).update(mail_at=Now())


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


# By the browser's own service ----------------------------------------------------------------------------------------


class PushService:
    """As browsers' makers run them, and the browser's keys."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"0123456789abcdef"
        self.status, self.heard = 201, []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(service.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}/push/abc"

    @property
    def subscription(self):
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {"endpoint": self.endpoint, "keys": {"p256dh": plain(point), "auth": plain(self.secret)}}

    def read(self, place=-1):
        headers, body = self.heard[place]
        return headers, json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret))


def plain(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.fixture
def service(settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    made = PushService()
    yield made
    made.server.shutdown()
    made.server.server_close()


def signed_in(owner):
    """A browser where somebody is signed in."""
    client = Client()
    client.force_login(owner)
    client.get("/account/notices/")
    return client


def add(owner, service, client=None):
    key = (client or signed_in(owner)).session.session_key
    return push.add(owner, service.subscription, "Firefox on Linux", key)


def push_all():
    for pk in push.due():
        push.send_due(pk)


def push_again():
    """As when the pause is over."""
    PushBrowser.objects.filter(due_at__isnull=False).update(due_at=Now(), held_until=None)
    push_all()


@pytest.fixture
def browser(ann, service):
    choose(ann, (K.DONE, C.PUSH), (K.FAILED, C.PUSH))
    return add(ann, service)


def test_a_browser_is_told_encrypted_and_signed(ann, browser, service):
    job = ended(ann, error="The file is empty.")
    push_all()
    headers, told = service.read()
    assert told["title"] == "Thumbnails: Weekly review failed"
    assert (told["body"], told["path"]) == ("The file is empty.", f"/jobs/{job.pk}/")
    token = headers["authorization"].split("t=")[1].split(",")[0]
    public = push.key().public_key
    claims = jwt.decode(token, public, algorithms=["ES256"], audience=service.endpoint.removesuffix("/push/abc"))
    assert claims["sub"].startswith(("mailto:", "https:"))
    assert headers["ttl"] == "86400"
    push_all()
    assert len(service.heard) == 1, "each is told once"
    browser.refresh_from_db()
    assert browser.used_at


def test_many_at_once_are_told_as_a_number(ann, browser, service):
    for _ in range(4):
        ended(ann)
    push_all()
    assert len(service.heard) == 1
    assert service.read()[1]["title"] == "4 done"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(ann, browser, service, status):
    service.status = status
    ended(ann)
    push_all()
    assert not PushBrowser.objects.exists()


def test_what_the_service_did_not_take_is_tried_again_and_told_once(ann, browser, service):
    service.status = 503
    ended(ann)
    push_all()
    assert push.due() == [], "it waits a while"
    ended(ann)
    assert push.due() == [], "whatever ends meanwhile"
    service.status = 201
    push_again()
    push_again()
    assert len(service.heard) == 3
    assert {service.read(place)[1]["tag"] for place in (1, 2)} == {
        notices.tag_of(pk) for pk in Notice.objects.filter(push_at__isnull=False).values_list("pk", flat=True)
    }
    browser.refresh_from_db()
    assert (browser.failures, browser.tries, browser.due_at) == (0, 0, None)


def test_what_a_killed_worker_had_begun_is_told_when_its_lease_is_over(ann, browser, service):
    ended(ann)
    assert push.claim(browser.pk)
    assert push.claim(browser.pk) is None
    push_all()
    assert service.heard == []
    push_again()
    assert len(service.heard) == 1


def test_what_ends_while_a_browser_is_told_is_told_next(ann, browser, service, monkeypatch):
    ended(ann)
    send = push.send

    def meanwhile(*args):
        monkeypatch.setattr(push, "send", send)
        ended(ann)
        return send(*args)

    monkeypatch.setattr(push, "send", meanwhile)
    push_all()
    assert len(service.heard) == 1
    push_all()
    assert len(service.heard) == 2


def test_a_service_that_refuses_for_long_is_given_up(ann, browser, service):
    service.status = 403
    for number in range(push.MOST_FAILURES - 1):
        ended(ann)
        push_all()
        assert PushBrowser.objects.get().failures == number + 1
    ended(ann)
    push_all()
    assert not PushBrowser.objects.exists()


def test_an_outage_of_our_own_network_is_no_fault_of_a_browser(ann, browser, service):
    service.server.server_close()
    for _ in range(push.MOST_FAILURES + 1):
        ended(ann)
        for _ in range(len(push.PAUSES) + 1):
            push_again()
    browser.refresh_from_db()
    assert (browser.failures, browser.tries, browser.due_at) == (0, 0, None)


@pytest.mark.parametrize(
    ("status", "said"),
    [(201, "taken"), (410, "gone"), (503, "refused"), (None, "unreached")],
)
def test_a_test_is_sent_by_the_worker_and_the_page_says_what_came_of_it(ann, browser, service, status, said):
    client = signed_in(ann)
    if status is None:
        service.server.server_close()
    service.status = status
    client.post("/account/notices/try/", {"browser": browser.pk})
    assert service.heard == []
    assert "A test is on its way" in client.get("/account/notices/").content.decode()
    push_all()
    browser.refresh_from_db()
    assert (browser.test, browser.due_at) == (said, None)
    assert browser.get_test_display() in client.get("/account/notices/").content.decode()


# Who is not there any more ------------------------------------------------------------------------------------------


def sign_out(client, owner):
    client.post("/accounts/logout/")


def sign_out_everywhere(client, owner):
    sessions.end(sessions.of(owner))


def switch_off(client, owner):
    owner.is_active = False
    owner.save()


@pytest.mark.parametrize("leave", [sign_out, sign_out_everywhere, switch_off])
def test_a_browser_goes_with_the_session_it_belongs_to(ann, service, leave):
    client = signed_in(ann)
    add(ann, service, client)
    leave(client, ann)
    assert not PushBrowser.objects.exists()


def test_a_browser_whose_session_is_over_is_not_told(ann, service):
    client = signed_in(ann)
    choose(ann, (K.DONE, C.PUSH))
    add(ann, service, client)
    client.session.delete()
    ended(ann)
    push_all()
    assert service.heard == []
    assert not PushBrowser.objects.exists()


def test_another_session_that_ends_does_not_matter(ann, browser, service):
    sign_out(signed_in(ann), ann)
    assert PushBrowser.objects.get() == browser


def test_an_account_that_is_switched_off_is_told_nothing(ann, browser, service):
    choose(ann, (K.DONE, C.PUSH), (K.DONE, C.EMAIL))
    Webhook.objects.create(owner=ann, url="https://hooks.example.org/", events=["job.succeeded"])
    ended(ann)
    make_due()
    type(ann).objects.filter(pk=ann.pk).update(is_active=False)
    Delivery.objects.all().delete()
    assert not outbox.is_due()
    assert outbox._next_notices() == (None, None), "nobody is woken for it again and again"
    ended(ann)
    notice_mail.send_due(ann.pk)
    push.send_due(browser.pk)
    assert (mail.outbox, service.heard) == ([], [])
    assert not Delivery.objects.exists()


def test_private_addresses_are_not_asked(ann, browser, service, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    ended(ann)
    push_all()
    assert service.heard == []


def test_the_key_stays_and_is_sealed_and_another_secret_key_starts_anew(browser, settings):
    before = push.public_key()
    assert push.public_key() == before
    assert "PRIVATE" not in Install.get().push_key
    settings.SECRET_KEY = "another one"
    assert push.public_key() != before
    assert not PushBrowser.objects.exists(), "they wait for words signed with the old key"


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "ftp://example.org/"},
        {"endpoint": "https://example.org/" + "x" * 2000},
        {"keys": {"p256dh": "short", "auth": "0123456789abcdef0"}},
        {"keys": None},
        {"endpoint": None},
    ],
)
def test_what_is_no_subscription_is_refused(ann, service, change):
    with pytest.raises(InputError):
        push.add(ann, {**service.subscription, **change}, "x", "session")


def test_the_same_browser_is_one_row_and_goes_over_to_who_signs_in_there(ann, browser, service):
    eve = factories.account("eve@example.org")
    again = add(eve, service)
    assert (again.pk, PushBrowser.objects.get().owner) == (browser.pk, eve)
