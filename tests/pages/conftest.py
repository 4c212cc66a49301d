"""Who looks at the pages."""

import pytest
from django.conf import settings

from jobs.services import pipelines
from tests import factories
from tests.chains.conftest import MARK, STILLS, TRIM
from tests.pages.chain_editor import Editor


@pytest.fixture
def ann(client):
    """Signed in."""
    account = factories.account("ann@example.org")
    client.force_login(account)
    return account


@pytest.fixture
def eve():
    return factories.account("eve@example.org")


@pytest.fixture
def editor(client, ann):
    return Editor(client)


@pytest.fixture
def inbox():
    """The folder that the web process makes when it starts."""
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def mine(ann):
    return pipelines.save(ann, "Mine", [TRIM, MARK, STILLS])
