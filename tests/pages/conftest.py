"""Who looks at the pages."""

import pytest

from tests import factories


@pytest.fixture
def ann(client):
    """Signed in."""
    account = factories.account("ann@example.org")
    client.force_login(account)
    return account


@pytest.fixture
def eve():
    return factories.account("eve@example.org")
