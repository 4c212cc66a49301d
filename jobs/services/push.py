"""Notices to browsers whose pages are closed: Web Push (RFC 8030), encrypted (RFC 8291), signed with a key of this
install (RFC 8292). Its addresses come from browsers, so they are asked like others that people give.
"""

import contextlib
import dataclasses
import json
import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode

from jobs.errors import InputError, JobError
from jobs.models import Account, Install, Notice, NoticeTurn, PushBrowser
from jobs.models.notice import NoticeQuerySet
from jobs.models.token import digest
from jobs.services import notices, outbound, outbox, sealing
from jobs.services.notices import Told
from jobs.services.outbound import Limits

log = logging.getLogger(__name__)
Test = PushBrowser.Test
KEPT_SECONDS = 24 * 3600
"""How long the browser's service may keep a notice for a browser that is not running."""
MOST_FAILURES = 10
"""So many refused in a row, each as often as it was tried, and a browser is given up."""
MOST_BROWSERS = 20
MOST_AT_ONCE = 3
"""Of more pieces of work that ended one notice tells the number."""
LIMITS = Limits(connect_seconds=5, silence_seconds=10, total_seconds=15, body_bytes=16 * 1024)
LEASE = timedelta(minutes=2)
"""Nobody else tells a browser what one worker has begun to, unless that has died."""
PAUSES = tuple(timedelta(minutes=count) for count in (1, 5, 10, 30, 60))
"""Between the tries; after the last one what waits is given up."""
GONE = (404, 410)
BUSY = (408, 429)
"""Answers that another time may be different, as all from 500 on."""
KEY = re.compile(r"[A-Za-z0-9_-]{80,100}={0,2}")
AUTH = re.compile(r"[A-Za-z0-9_-]{16,32}={0,2}")


TRIED = Told("This is a test", "Notices will look like this.", "/account/notices/")


# Browsers ------------------------------------------------------------------------------------------------------------


def add(owner: Account, subscription: Mapping[str, Any], name: str, session_key: str) -> PushBrowser:
    """A browser that its owner is in front of, for as long as this session is good.

    Raises InputError for what is no subscription, and for too many."""
    keys = subscription.get("keys")
    endpoint, p256dh, auth = str(subscription.get("endpoint", "")), "", ""
    if isinstance(keys, Mapping):
        p256dh, auth = str(keys.get("p256dh", "")), str(keys.get("auth", ""))
    if len(endpoint) > 2000 or not KEY.fullmatch(p256dh) or not AUTH.fullmatch(auth):
        raise InputError("This is no subscription as browsers make it.", code="subscription")
    endpoint = outbound.check(endpoint)
    if owner.push_browsers.exclude(digest=digest(endpoint)).count() >= MOST_BROWSERS:
        raise InputError(f"{MOST_BROWSERS} browsers are told already. Remove one first.", code="too_many")
    last = Notice.objects.of(owner).order_by("-pk").values_list("pk", flat=True).first() or 0
    fields = {"owner": owner, "name": name[:200], "endpoint": endpoint, "p256dh": p256dh, "auth": auth, "failures": 0}
    fields |= {"session": digest(session_key), "last": last, "due_at": None, "held_until": None, "tries": 0, "test": ""}
    return PushBrowser.objects.update_or_create(digest=digest(endpoint), defaults=fields)[0]


# The key of this install ---------------------------------------------------------------------------------------------


def key() -> Vapid02:
    """Made when it is first needed. Where SECRET_KEY has changed it is made anew, and browsers have to ask again."""
    install = Install.get()
    if install.push_key:
        with contextlib.suppress(sealing.Unreadable):
            return Vapid02.from_pem(sealing.unseal(install.push_key).encode())
    made = Vapid02()
    made.generate_keys()
    with transaction.atomic():
        if Install.objects.filter(pk=install.pk, push_key=install.push_key).update(
            push_key=sealing.seal(made.private_pem().decode())
        ):
            if install.push_key:
                PushBrowser.objects.all().delete()
            return made
    return key()  # another process was quicker


def public_key() -> str:
    """As a browser wants it: the uncompressed point, in base64url."""
    point = key().public_key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return str(b64urlencode(point))


# Sending -------------------------------------------------------------------------------------------------------------


def due() -> list[int]:
    """The browsers that something is to be told to, those that have waited longest first."""
    return list(PushBrowser.objects.due().order_by("due_at").values_list("pk", flat=True))


def test(browser: PushBrowser) -> None:
    """Have it told something that has not happened, by the worker; its `test` tells what came of it."""
    with transaction.atomic():
        NoticeTurn.hold(browser.owner_id)
        mine = PushBrowser.objects.filter(pk=browser.pk)
        mine.update(test=Test.WAITING)
        mine.filter(Q(held_until=None) | Q(held_until__lte=Now())).update(due_at=Now())
        transaction.on_commit(outbox.ring)


def send_due(pk: int) -> None:
    """Tell a browser what is due, each once: its service keeps it until it runs. What the service did not take is tried
    again later; should who tells it die, it is due again when the lease is over."""
    browser = claim(pk)
    if browser is None:
        return
    if not _is_signed_in(browser):
        browser.delete()
        return
    if browser.test == Test.WAITING:
        _record_test(browser, send(browser, TRIED, "test"))
    newest = Notice.objects.filter(owner=browser.owner_id).order_by("-pk").values_list("pk", flat=True).first() or 0
    for number, words in notices.gathered(_waiting(browser).filter(pk__lte=newest), MOST_AT_ONCE, newest):
        status = send(browser, words, notices.tag_of(number))
        if not is_taken(status):
            _record_failure(browser, status, newest)
            return
        PushBrowser.objects.filter(pk=pk).update(last=number, used_at=Now(), failures=0)
    _let_go(browser, newest)


def claim(pk: int) -> PushBrowser | None:
    """A browser that is due, for whoever asks alone, and for a while."""
    until = Now() + LEASE
    won = PushBrowser.objects.filter(pk=pk, due_at__lte=Now()).update(
        due_at=until, held_until=until, tries=F("tries") + 1
    )
    return PushBrowser.objects.select_related("owner").filter(pk=pk, owner__is_active=True).first() if won else None


def _waiting(browser: PushBrowser) -> NoticeQuerySet:
    return Notice.objects.filter(owner=browser.owner_id, pk__gt=browser.last, push_at__isnull=False)


def _is_signed_in(browser: PushBrowser) -> bool:
    """Whether the session that it goes with is still good: not over, and by the password of now."""
    found = UserSession.objects.purge_and_list(browser.owner)
    return any(digest(session.session_key) == browser.session for session in found)


def is_taken(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _record_test(browser: PushBrowser, status: int | None) -> None:
    """A browser that is gone stays until the next notice, so that its owner can be told so."""
    if status is None:
        said = Test.UNREACHED
    elif status in GONE:
        said = Test.GONE
    else:
        said = Test.TAKEN if is_taken(status) else Test.REFUSED
    PushBrowser.objects.filter(pk=browser.pk).update(test=said)


def _record_failure(browser: PushBrowser, status: int | None, newest: int) -> None:
    """Try again later, or give these notices up: at once where the service wants none of them. Only its own answers
    count against a browser; that we reach nothing is not its fault."""
    rows = PushBrowser.objects.filter(pk=browser.pk)
    if status in GONE:
        rows.delete()
        return
    may_change = status is None or status in BUSY or status >= 500
    if may_change and browser.tries <= len(PAUSES):
        rows.update(due_at=Now() + PAUSES[browser.tries - 1], held_until=None)
        return
    if status is not None:
        rows.update(failures=F("failures") + 1)
        rows.filter(failures__gte=MOST_FAILURES).delete()
    _let_go(browser, newest)


def _let_go(browser: PushBrowser, last: int) -> None:
    """Nothing up to `last` waits any more. What came meanwhile, or a test, is due at once."""
    with transaction.atomic():
        NoticeTurn.hold(browser.owner_id)
        row = PushBrowser.objects.filter(pk=browser.pk).first()
        if row is None:
            return
        row.last = last
        is_due = row.test == Test.WAITING or _waiting(row).exists()
        PushBrowser.objects.filter(pk=row.pk).update(
            last=last, tries=0, held_until=None, due_at=Now() if is_due else None
        )


def send(browser: PushBrowser, words: Told, tag: str) -> int | None:
    """Tell one browser; what its service answered, or None where it could not be asked."""
    from pywebpush import WebPushException, webpush  # loads much that only who sends needs

    payload = json.dumps({"title": words.title, "body": words.body, "path": words.path, "tag": tag})
    keys = {"p256dh": browser.p256dh, "auth": browser.auth}
    try:
        answer = webpush(
            {"endpoint": browser.endpoint, "keys": keys},
            payload,
            vapid_private_key=key(),
            vapid_claims={"sub": _contact()},
            ttl=KEPT_SECONDS,
            requests_session=_Session(),  # it is asked for nothing else
        )
    except WebPushException as error:
        log.info("browser %s was not told: %s", browser.pk, error)
        return error.response.status_code if error.response is not None else None
    except (JobError, ValueError) as error:
        log.info("browser %s was not told: %s", browser.pk, error)
        return None
    return int(answer.status_code)


def _contact() -> str:
    """Whom a push service may write to."""
    return settings.SITE_URL if settings.SITE_URL.startswith("https:") else f"mailto:{settings.DEFAULT_FROM_EMAIL}"


@dataclasses.dataclass(frozen=True)
class _Answer:
    status_code: int
    text: str
    headers: Any
    reason: str = ""


class _Session:
    """What pywebpush sends with: our own requests, which look at addresses first."""

    def post(self, endpoint: str, *, data: bytes, headers: Mapping[str, str], timeout: float | None) -> _Answer:
        private = settings.WEBHOOK_PRIVATE_ADDRESSES
        with outbound.request(
            "POST", endpoint, private=private, headers=dict(headers), body=data, limits=LIMITS
        ) as answer:
            return _Answer(answer.status, answer.beginning(1024).decode(errors="replace"), answer.headers)
