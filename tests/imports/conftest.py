import pytest

from jobs import fetching, storage
from jobs.models import Import
from jobs.services.imports import QUEUE
from tests import factories, media
from tests.api import ROOT, Api


@pytest.fixture(scope="module")
def talk(tmp_path_factory) -> bytes:
    return media.video(tmp_path_factory.mktemp("talk") / "talk.mp4", seconds=2).read_bytes()


@pytest.fixture
def ann():
    return Api(factories.account("ann@example.org"))


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    settings.IMPORT_PRIVATE_ADDRESSES = True
    monkeypatch.setattr(fetching, "PAUSES_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(fetching, "REPORT_SECONDS", 0.0)


def asked(api: Api, url: str, **fields: str) -> Import:
    answer = api.post("/videos", {"url": url, **fields})
    assert answer.status_code == 202, answer.content
    assert answer.headers["Location"] == f"{ROOT}/imports/{answer.json()['id']}"
    return Import.objects.get(pk=answer.json()["id"])


def fetched(api: Api, url: str, **fields: str) -> Import:
    row = asked(api, url, **fields)
    fetching.take_turn(QUEUE)
    row.refresh_from_db()
    return row


def left() -> list[str]:
    """What lies where files arrive."""
    folder = storage.path("uploads")
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
