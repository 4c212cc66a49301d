from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from jobs import delivering
from jobs.models import Account, Delivery, Webhook
from jobs.services import webhooks
from jobs.services.events import Kind
from tests import factories
from tests.receivers import Receiver, receiving


@pytest.fixture(autouse=True)
def quick(settings) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    settings.WEBHOOK_TIMEOUT_SECONDS = 1


@pytest.fixture
def ann() -> Account:
    return factories.account()


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers, which end with the test."""
    with ExitStack() as stack:
        yield lambda **fields: stack.enter_context(receiving(**fields))


@pytest.fixture
def receiver(receive: Callable[..., Receiver]) -> Receiver:
    return receive()


@pytest.fixture
def hook(ann: Account, receiver: Receiver) -> Webhook:
    """Ann's, of every event, with its secret as `told_secret`."""
    return hooked(ann, receiver)


def hooked(owner: Account, receiver: Receiver, *kinds: str) -> Webhook:
    webhook, secret = webhooks.create(owner, receiver.url, kinds or Kind.values)
    webhook.told_secret = secret
    return webhook


def deliver() -> None:
    """What the worker does when it is woken."""
    delivering.deliver_due()


def delivery_of(webhook: Webhook) -> Delivery:
    return webhook.deliveries.get()
