"""Notices of ended work: noted in its transaction, told by page, mail and browser, as its owner chose."""

import base64
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core import mail
from django.db.models.functions import Now

from jobs.errors import InputError
from jobs.models import Install, Job, Notice, PushBrowser, Run
from jobs.services import jobs as services
from jobs.services import notice_mail, notices, outbox, push, reconcile
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


@pytest.fixture
def browser(ann, service):
    choose(ann, (K.DONE, C.PUSH), (K.FAILED, C.PUSH))
    return push.add(ann, service.subscription, "Firefox on Linux")


def test_a_browser_is_told_encrypted_and_signed(ann, browser, service):
    job = ended(ann, error="The file is empty.")
    push.send_due(ann.pk)
    headers, told = service.read()
    assert told["title"] == "Thumbnails: Weekly review failed"
    assert (told["body"], told["path"]) == ("The file is empty.", f"/jobs/{job.pk}/")
    token = headers["authorization"].split("t=")[1].split(",")[0]
    public = push.key().public_key
    claims = jwt.decode(token, public, algorithms=["ES256"], audience=service.endpoint.removesuffix("/push/abc"))
    assert claims["sub"].startswith(("mailto:", "https:"))
    assert headers["ttl"] == "86400"
    push.send_due(ann.pk)
    assert len(service.heard) == 1, "each is told once"
    browser.refresh_from_db()
    assert browser.used_at


def test_many_at_once_are_told_as_a_number(ann, browser, service):
    for _ in range(4):
        ended(ann)
    push.send_due(ann.pk)
    assert len(service.heard) == 1
    assert service.read()[1]["title"] == "4 done"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(ann, browser, service, status):
    service.status = status
    ended(ann)
    push.send_due(ann.pk)
    assert not PushBrowser.objects.exists()


def test_a_service_that_refuses_for_long_is_given_up(ann, browser, service):
    service.status = 500
    for _ in range(push.MOST_FAILURES - 1):
        push.send(browser, notices.sum_of([K.DONE]), "x")
    assert PushBrowser.objects.get().failures == push.MOST_FAILURES - 1
    push.send(browser, notices.sum_of([K.DONE]), "x")
    assert not PushBrowser.objects.exists()


def test_private_addresses_are_not_asked(ann, browser, service, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    ended(ann)
    push.send_due(ann.pk)
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
        push.add(ann, {**service.subscription, **change}, "x")


def test_the_same_browser_is_one_row_and_goes_over_to_who_signs_in_there(ann, browser, service):
    eve = factories.account("eve@example.org")
    again = push.add(eve, service.subscription, "Firefox on Linux")
    assert (again.pk, PushBrowser.objects.get().owner) == (browser.pk, eve)
