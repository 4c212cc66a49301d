"""What webhooks are told of, and when they are told."""

from datetime import timedelta

import django_rq
from django.utils import timezone

from jobs.models import Delivery
from jobs.services import outbox
from tests import factories


def ended(owner=None, **fields):
    """A job that has just succeeded."""
    job = factories.job(owner, **fields)
    job.start("here")
    job.succeed(1)
    return job


def rung() -> int:
    return django_rq.get_queue(outbox.QUEUE).count


def due_now(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now() - timedelta(seconds=1))
