"""Taking finished work off the queue's page. Nothing is removed: each account says until when it has seen enough."""

from datetime import datetime

from django.db.models.functions import Now

from jobs.models import Account


def clear(owner: Account) -> datetime | None:
    """Up to now. Returns until when it had been cleared before, for taking this back."""
    before = Account.objects.values_list("queue_cleared_at", flat=True).get(pk=owner.pk)
    Account.objects.filter(pk=owner.pk).update(queue_cleared_at=Now())
    owner.refresh_from_db(fields=["queue_cleared_at"])
    return before


def take_back(owner: Account, until: datetime | None) -> None:
    """Have again what had ended after `until`, or all of it."""
    Account.objects.filter(pk=owner.pk).update(queue_cleared_at=until)
    owner.queue_cleared_at = until
