import uuid

import pytest


@pytest.fixture
def email():
    """An account of its own for every test, on the site that they share."""
    return f"{uuid.uuid4().hex[:12]}@example.org"


@pytest.fixture
def client(site, email):
    return site.client(email)
