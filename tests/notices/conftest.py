import pytest
from django.db.models.functions import Now
from django.test import Client

from jobs.errors import InputError
from jobs.models import Job, Notice, PushBrowser
from jobs.services import lifecycle, notices, push
from tests import factories
from tests.notices.push_service import PushService

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
    lifecycle.ended(job)
    return job


def kinds(owner):
    return list(Notice.objects.of(owner).order_by("pk").values_list("kind", flat=True))


def make_due():
    Notice.objects.filter(mail_at__isnull=False).update(mail_at=Now())


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
