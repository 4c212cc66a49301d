"""Notices to browsers whose pages are closed: Web Push (RFC 8030), encrypted (RFC 8291), signed with a key of this
install (RFC 8292). Its addresses come from browsers, so they are asked like others that people give.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode

from jobs.errors import InputError, JobError
from jobs.models import Account, Install, Notice, PushBrowser
from jobs.services import notices, outbound, sealing
from jobs.services.notices import Told
from jobs.services.outbound import Limits

log = logging.getLogger(__name__)
KEPT_SECONDS = 24 * 3600
"""How long the browser's service may keep a notice for a browser that is not running."""
MOST_FAILURES = 10
"""So many notices refused in a row, and a browser is given up."""
MOST_BROWSERS = 20
MOST_AT_ONCE = 3
"""Of more pieces of work that ended one notice tells the number."""
LIMITS = Limits(connect_seconds=5, silence_seconds=10, total_seconds=15, body_bytes=16 * 1024)
GONE = (404, 410)
KEY = re.compile(r"[A-Za-z0-9_-]{80,100}={0,2}")
AUTH = re.compile(r"[A-Za-z0-9_-]{16,32}={0,2}")


# Browsers ------------------------------------------------------------------------------------------------------------


def add(owner: Account, subscription: Mapping[str, Any], name: str) -> PushBrowser:
    """A browser that its owner is in front of. Raises InputError for what is no subscription, and for too many."""
    keys = subscription.get("keys")
    endpoint, p256dh, auth = str(subscription.get("endpoint", "")), "", ""
    if isinstance(keys, Mapping):
        p256dh, auth = str(keys.get("p256dh", "")), str(keys.get("auth", ""))
    if len(endpoint) > 2000 or not KEY.fullmatch(p256dh) or not AUTH.fullmatch(auth):
        raise InputError("This is no subscription as browsers make it.", code="subscription")
    endpoint = outbound.check(endpoint)
    digest = hashlib.sha256(endpoint.encode()).hexdigest()
    if owner.push_browsers.exclude(digest=digest).count() >= MOST_BROWSERS:
        raise InputError(f"{MOST_BROWSERS} browsers are told already. Remove one first.", code="too_many")
    fields = {"owner": owner, "name": name[:200], "endpoint": endpoint, "p256dh": p256dh, "auth": auth, "failures": 0}
    return PushBrowser.objects.update_or_create(digest=digest, defaults=fields)[0]


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
    """The accounts whose browsers are to be told something."""
    return list(Notice.objects.push_due().order_by().values_list("owner", flat=True).distinct())


def send_due(owner: int) -> None:
    """Tell the browsers of an account what is due, each once: their service keeps it for them."""
    rows = list(Notice.objects.push_due().filter(owner=owner).select_related("job__video", "run__video").order_by("pk"))
    taken = [row for row in rows if Notice.objects.filter(pk=row.pk, push_at__isnull=False).update(push_at=None)]
    found = [(f"notice-{row.pk}", words) for row in taken if (words := notices.told(row))]
    if len(found) > MOST_AT_ONCE:
        found = [(found[-1][0], notices.sum_of([row.kind for row in taken]))]
    for browser in PushBrowser.objects.filter(owner=owner):
        for tag, words in found:
            if not send(browser, words, tag):
                break


def send(browser: PushBrowser, words: Told, tag: str) -> bool:
    """Tell one browser; whether its service took it. One that is gone is forgotten."""
    from pywebpush import WebPushException, webpush  # loads much that only who sends needs

    payload = json.dumps({"title": words.title, "body": words.body, "path": words.path, "tag": tag})
    keys = {"p256dh": browser.p256dh, "auth": browser.auth}
    try:
        webpush(
            {"endpoint": browser.endpoint, "keys": keys},
            payload,
            vapid_private_key=key(),
            vapid_claims={"sub": _contact()},
            ttl=KEPT_SECONDS,
            requests_session=_Session(),  # it is asked for nothing else
        )
    except WebPushException as error:
        return _refused(browser, error.response.status_code if error.response is not None else None)
    except (JobError, ValueError) as error:
        log.info("browser %s was not told: %s", browser.pk, error)
        return _refused(browser, None)
    PushBrowser.objects.filter(pk=browser.pk).update(used_at=Now(), failures=0)
    return True


def _contact() -> str:
    """Whom a push service may write to."""
    return settings.SITE_URL if settings.SITE_URL.startswith("https:") else f"mailto:{settings.DEFAULT_FROM_EMAIL}"


def _refused(browser: PushBrowser, status: int | None) -> bool:
    rows = PushBrowser.objects.filter(pk=browser.pk)
    rows.update(failures=F("failures") + 1)
    if status in GONE or rows.filter(failures__gte=MOST_FAILURES).exists():
        rows.delete()
    return False


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
