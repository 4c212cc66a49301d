"""Requests that may be sent again, each told by a key of its sender: made once, and answered alike for a day."""

import contextlib
import time
from datetime import timedelta

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models.functions import Now

from jobs.errors import InputError, NotNow
from jobs.models import Account, KeptAnswer
from jobs.models.kept_answer import KEPT, digest
from jobs.services import sealing

LEASE = timedelta(minutes=5)
"""How long a request may be under way until it counts as lost with its process, and another one may make the thing."""
PATIENCE_SECONDS = 0.4
PAUSE_SECONDS = 0.1
"""How long, and how often, the same request is waited for: a thread is held meanwhile."""


def claim(owner: Account, key: str, asked: str) -> KeptAnswer:
    """The row of a key, which is the caller's to fill in while its `status` is None.

    Raises InputError (idempotency_mismatch) when the key was used for something else, and NotNow (in_progress) while
    the same request is under way for longer than it is waited for.
    """
    key_digest, asked_digest = digest(key), digest(asked)
    rows = KeptAnswer.objects.filter(owner=owner, key_digest=key_digest)
    rows.filter(begun_at__lt=Now() - KEPT).delete()
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = rows.first()
        if found is None:
            if made := _made(owner, key_digest, asked_digest):
                return made
        elif found.asked_digest != asked_digest:
            raise InputError(
                "This Idempotency-Key was used for another request. Use a new one.", code="idempotency_mismatch"
            )
        elif found.status is not None or _taken_over(found):
            return found
        elif time.monotonic() > until:
            raise NotNow(
                "A request with this Idempotency-Key is under way. Wait a moment, then send it again.",
                code="in_progress",
            )
        else:
            time.sleep(PAUSE_SECONDS)


def _made(owner: Account, key_digest: str, asked_digest: str) -> KeptAnswer | None:
    """None: somebody else was quicker."""
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(owner=owner, key_digest=key_digest, asked_digest=asked_digest)
    except IntegrityError:
        return None


def _taken_over(row: KeptAnswer) -> bool:
    """Whether its request was lost, and is ours to repeat."""
    lost = KeptAnswer.objects.filter(pk=row.pk, status=None, begun_at__lt=Now() - LEASE)
    return lost.update(begun_at=Now()) == 1


def keep(row: KeptAnswer, key: str, status: int, location: str, content: str) -> None:
    """The thing was made, and this is what its maker was told."""
    row.status, row.location, row.sealed = status, location, sealing.seal(content, key)
    row.save(update_fields=["status", "location", "sealed"])


def opened(row: KeptAnswer, key: str) -> str | None:
    """The answer; None when it cannot be read any more."""
    try:
        return sealing.unseal(row.sealed, key)
    except sealing.Unreadable:
        return None


def leave(row: KeptAnswer) -> None:
    """Something went wrong, and what was made by then nobody knows: the same request may take it over at once, and
    finds it by the row's id. Where the database is away that waits for the end of the lease."""
    with contextlib.suppress(DatabaseError):
        rows = KeptAnswer.objects.filter(pk=row.pk, status=None)
        rows.update(begun_at=Now() - LEASE - timedelta(seconds=1))


def release(row: KeptAnswer) -> None:
    """Nothing was made: the key is free again."""
    row.delete()
