import uuid

import pytest

from tests.browser.everything import everything


@pytest.fixture
def email():
    """An account of its own for every test, on the site that they share."""
    return f"{uuid.uuid4().hex[:12]}@example.org"


@pytest.fixture
def client(site, email):
    return site.client(email)


@pytest.fixture(scope="session")
def things(site):
    """What is on the site, by name: an account with something in every state."""
    return everything(site)
