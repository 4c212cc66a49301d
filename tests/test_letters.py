"""Letters: as plain text and as HTML, which say the same, in the colours of the site."""

import re

import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core import context
from django.conf import settings as site
from django.core import mail
from django.db.models.functions import Now
from django.test import RequestFactory
from django.utils import timezone

from jobs.auth import letters as changes
from jobs.models import Departure, Job, Notice, Webhook
from jobs.services import going_mail, notice_mail, webhook_mail
from tests import factories

pytestmark = pytest.mark.django_db
TITLE = "Ann & Bob <weekly>"


@pytest.fixture
def ann():
    return factories.account("ann@example.org")


@pytest.fixture
def video(ann, settings):
    settings.SITE_URL = "https://videos.example.org"
    return factories.video(ann, title=TITLE)


def of_notices(owner, video):
    job = factories.job(owner, video=video, status=Job.Status.SUCCEEDED)
    for kind in Notice.Kind.values:
        about = None if kind == Notice.Kind.ALL_DONE else job
        Notice.objects.create(owner=owner, kind=kind, job=about, created_at=Now(), mail_at=Now())
    return notice_mail.composed(owner, Notice.objects.filter(owner=owner))


def of_what_goes(owner, video):
    row = Departure.objects.create(owner=owner, video=video, goes_at=timezone.now())
    return going_mail.composed(owner, [row])


def of_a_webhook(owner, video):
    hook = Webhook.objects.create(owner=owner, url=f"https://hooks.example.org/?of={TITLE}", events=["job.failed"])
    return webhook_mail.composed(hook)


def html_of(letter):
    (alternative,) = letter.alternatives
    assert alternative[1] == "text/html"
    return alternative[0]


@pytest.mark.parametrize("made", [of_notices, of_what_goes, of_a_webhook])
def test_a_letter_is_there_as_text_and_as_html_with_the_same_links(ann, video, made):
    letter = made(ann, video)
    html = html_of(letter)
    assert TITLE in letter.body and TITLE not in html
    assert "Ann &amp; Bob &lt;weekly&gt;" in html
    assert "\n" not in letter.subject
    links = set(re.findall(r'href="([^"]+)"', html))
    assert links and all(link.startswith("https://videos.example.org/") for link in links)


def test_html_letters_use_the_colours_of_the_site_and_load_nothing():
    tokens = set(re.findall(r"#[0-9a-f]{6}", (site.BASE_DIR / "static" / "app.css").read_text())) | {"#ffffff"}
    for folder in ("mail", "account/email"):
        for path in (site.BASE_DIR / "templates" / folder).glob("*.html"):
            text = path.read_text()
            assert set(re.findall(r"#[0-9a-f]{6}", text)) <= tokens, path.name
            assert not re.search(r"<img|<link|<script|url\(", text), path.name


@pytest.mark.parametrize("prefix", changes.CHANGES)
def test_every_change_to_signing_in_is_told_in_words_of_ours(ann, settings, prefix):
    settings.SITE_URL, settings.ACCOUNT_EMAIL_NOTIFICATIONS = "https://videos.example.org", True
    request = RequestFactory().get("/", headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/120.0"})
    EmailAddress.objects.create(user=ann, email=ann.email, primary=True, verified=True)
    with context.request_context(request):
        facts = {"deleted_email": "old@example.org", "to_email": "new@example.org"}
        get_adapter(request).send_notification_mail(prefix, ann, facts)
    (letter,) = mail.outbox
    assert letter.subject in letter.body and letter.subject in html_of(letter)
    assert "{" not in letter.subject and "127.0.0.1" in letter.body
    assert "https://videos.example.org/account/security/" in html_of(letter)
