"""Who delivers, and who wakes it."""

import threading
from datetime import timedelta

import django_rq
import pytest
from django.db import connection
from django.utils import timezone
from rq.registry import ScheduledJobRegistry

from jobs.models import Delivery, Webhook
from jobs.services import deliveries, outbox, queues, reconcile, webhooks
from tests.hooks.conftest import deliver, hooked
from tests.hooks.events import due_now, ended, rung
from tests.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_workers_one_delivers(hook, receiver, ann):
    receiver.seconds = 0.3
    ended(ann)
    threads = [threading.Thread(target=lambda: (deliver(), connection.close())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.received) == 1


def test_what_a_dead_worker_had_taken_is_due_again(hook, receiver, ann):
    ended(ann)
    taken = deliveries.claim(hook.pk)
    assert deliveries.claim(hook.pk) is None
    deliver()
    assert receiver.received == []
    due_now(taken)
    reconcile.sweep()
    assert rung()
    deliver()
    assert receiver.kinds() == ["job.succeeded"]


def test_rqs_scheduler_is_to_wake_somebody_for_the_next_one(hook, receiver, ann):
    receiver.status = 500
    for _ in range(2):
        ended(ann)
    deliver()
    queue = django_rq.get_queue(outbox.QUEUE)
    registry = ScheduledJobRegistry(queue=queue)
    (name,) = registry.get_job_ids()
    due_at = min(hook.deliveries.values_list("due_at", flat=True))
    assert abs((registry.get_scheduled_time(name) - due_at).total_seconds()) < 1.01
    assert queue.fetch_job(name).func_name == outbox.ENTRY


def test_a_lost_wake_up_is_repaired_and_a_paused_queue_is_left_alone(hook, receiver, ann):
    ended(ann)
    django_rq.get_queue(outbox.QUEUE).empty()
    queues.pause("hooks", by=None)
    reconcile.sweep()
    deliver()
    assert rung() == 0 and receiver.received == []
    queues.resume("hooks")
    reconcile.sweep()
    assert rung() == 1


def test_old_deliveries_are_forgotten(hook, ann):
    ended(ann)
    ended(ann)
    old, new = hook.deliveries.order_by("created_at")
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=30, minutes=1))
    Delivery.objects.filter(pk=new.pk).update(created_at=timezone.now() - timedelta(days=29))
    deliveries.sweep()
    assert list(hook.deliveries.all()) == [new]


def test_whoever_pauses_deletes_and_delivers_at_once_waits_for_nobody_forever(receive, ann, settings):
    """A database that found two waiting for each other would end one of them."""
    settings.WEBHOOK_PAUSES = (0,) * 50
    receiver = receive(status=500)
    hook = hooked(ann, receiver)
    for _ in range(5):
        ended(ann)
    wrong: list[BaseException] = []

    def press() -> None:
        try:
            for count in range(10):
                wait_for(lambda: len(receiver.received) > count, "another try")  # noqa: B023 called at once
                webhooks.pause(Webhook.objects.get(pk=hook.pk))
                webhooks.resume(Webhook.objects.get(pk=hook.pk))
            webhooks.delete(Webhook.objects.get(pk=hook.pk))
        except BaseException as error:  # noqa: BLE001 told below
            wrong.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=press)
    thread.start()
    while thread.is_alive():
        deliver()
    thread.join()
    deliver()
    assert wrong == [] and receiver.received and not Delivery.objects.exists()
