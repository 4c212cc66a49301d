"""Who uploads what."""

import uuid

import pytest

from jobs.models import Account
from tests import factories, media
from tests.site import Client, Site


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.video(tmp_path_factory.mktemp("uploads") / "talk.mp4", seconds=2).read_bytes()


@pytest.fixture
def ann(site: Site) -> Client:
    return site.client(f"{uuid.uuid4().hex}@example.org")


@pytest.fixture
def owner(db: None) -> Account:
    return factories.account()
