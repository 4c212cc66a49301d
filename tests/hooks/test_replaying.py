"""Deliveries that are told once more, and tests."""

import pytest

from jobs.errors import InputError
from jobs.models import Delivery
from jobs.services import deliveries, webhooks
from tests.hooks.conftest import deliver, delivery_of
from tests.hooks.events import ended

pytestmark = pytest.mark.django_db(transaction=True)
S = Delivery.State


def test_a_replay_tells_the_same_by_the_same_id(hook, receiver, ann):
    ended(ann)
    deliver()
    deliveries.replay(delivery_of(hook))
    deliver()
    first, second = receiver.received
    assert (first.event, first.body) == (second.event, second.body)
    assert len(delivery_of(hook).tries) == 2


def test_all_that_was_given_up_can_be_replayed_at_once(hook, receiver, ann, settings):
    settings.WEBHOOK_PAUSES = ()
    receiver.status = 500
    for _ in range(3):
        ended(ann)
    deliver()
    assert set(hook.deliveries.values_list("state", flat=True)) == {S.FAILED}
    receiver.status = 200
    assert deliveries.replay_failed(hook) == 3
    deliver()
    assert set(hook.deliveries.values_list("state", flat=True)) == {S.DELIVERED}


def test_a_paused_one_replays_nothing(hook, receiver, ann):
    ended(ann)
    webhooks.pause(hook)
    with pytest.raises(InputError):
        deliveries.replay(delivery_of(hook))
    with pytest.raises(InputError):
        deliveries.replay_failed(hook)


def test_a_test_is_sent_once_also_while_it_is_paused_and_says_nothing_of_its_health(hook, receiver):
    webhooks.pause(hook)
    receiver.status = 500
    deliveries.test(hook)
    deliver()
    delivery = delivery_of(hook)
    assert (delivery.state, receiver.kinds()) == (S.FAILED, ["webhook.test"])
    hook.refresh_from_db()
    assert hook.failing_since is None
