import uuid
import zipfile
from io import BytesIO

import pytest
from asgiref.sync import async_to_sync

from jobs import storage
from jobs.models import Run
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account()


@pytest.fixture
def ann(account):
    return Api(account)


@pytest.fixture
def mine(account):
    return [factories.video(account, title=title, key=f"videos/{title}/source.mp4") for title in ("One", "Two")]


@pytest.fixture
def theirs():
    return factories.video(factories.account("eve@example.org"))


async def read(response) -> bytes:
    return b"".join([block async for block in response.streaming_content])


def test_a_chain_is_run_on_each_and_once_by_its_key(ann, mine, theirs):
    body = {"ids": [str(video.pk) for video in (*mine, theirs)]}
    first, again = (ann.post("/videos/bulk/pipelines/podcast", body, **{"Idempotency-Key": "m"}) for _ in range(2))
    assert [one["status"] for one in first.json()["items"]] == [201, 201, 404]
    assert [one["run"]["video"] for one in first.json()["items"][:2]] == [str(video.pk) for video in mine]
    assert (first.status_code, first.json(), Run.objects.count()) == (207, again.json(), 2)
    assert error(ann.post("/videos/bulk/pipelines/none", body)) == (404, "not_found")


def test_many_are_downloaded_as_one_file(ann, mine, theirs):
    for video in mine:
        storage.path(video.key).parent.mkdir(parents=True, exist_ok=True)
        storage.path(video.key).write_bytes(video.title.encode())
    ids = ",".join(str(pk) for pk in (*(video.pk for video in mine), theirs.pk, uuid.uuid4()))
    answer = ann.get("/videos/zip", ids=ids)
    whole = async_to_sync(read)(answer)
    assert (answer.headers["Content-Type"], int(answer.headers["Content-Length"])) == ("application/zip", len(whole))
    with zipfile.ZipFile(BytesIO(whole)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"One.mp4": b"One", "Two.mp4": b"Two"}
    assert ann.client.head(f"/api/v1/videos/zip?ids={ids}").headers["Content-Length"] == str(len(whole))


def test_a_file_of_nothing_is_refused(ann, mine, theirs):
    assert error(ann.get("/videos/zip", ids=str(theirs.pk))) == (404, "not_found")
    assert error(ann.get("/videos/zip", ids=str(mine[0].pk))) == (422, "missing_file")
    assert error(ann.get("/videos/zip")) == (422, "invalid")


def test_lists_are_narrowed_as_the_library_is(ann, account, mine):
    ann.post("/videos/bulk/tags", {"ids": [str(mine[0].pk)], "add": ["Talks"]})
    factories.video(account, title="Sound", facts=factories.info(video=None, seconds=900))

    def titles(**query):
        return [one["title"] for one in ann.get("/videos", **query).json()["items"]]

    assert titles(tag="TALKS") == titles(search="talk") == ["One"]
    assert titles(kind="audio") == titles(min_seconds=600) == ["Sound"]
    assert titles(state="failed") == titles(created_after="2100-01-01T00:00:00Z") == titles(tag="none") == []
    assert titles(order="title", max_seconds=600) == ["One", "Two"]
    for wrong in (
        {"kind": "x"},
        {"state": "x"},
        {"created_after": "2026-01-01"},
        {"created_before": "9999-12-31T23:59:59-12:00"},
    ):
        assert error(ann.get("/videos", **wrong)) == (422, "invalid"), wrong
