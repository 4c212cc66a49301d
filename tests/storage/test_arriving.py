"""Recordings that come whole, from an address or a watched folder, into a bucket; and what pages say of it."""

import threading
from pathlib import Path
from typing import Any

import pytest

from jobs import fetching, storage
from jobs.models import Account, Import, Video
from jobs.services import inbox, metrics, storage_use, usage
from tests import factories, media
from tests.api import Api
from tests.elsewhere import Elsewhere, Recording
from tests.servers import ObjectStorage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site_in_bucket")]


@pytest.fixture
def ann() -> Account:
    return factories.account("ann@example.org")


def arrived(bucket: ObjectStorage) -> bytes:
    """The bytes of the one recording, of which nothing is left where it came in."""
    video = Video.objects.get()
    assert bucket.keys(f"site/{video.key}")
    assert not [file for file in storage.uploads_folder().iterdir() if file.name != ".gitkeep"]
    return storage.read(video.key)


def test_from_an_address(ann: Account, bucket: ObjectStorage, settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_PRIVATE_ADDRESSES = True
    talk = media.video(tmp_path / "talk.mp4", seconds=1).read_bytes()
    with Elsewhere(Recording(talk)) as server:
        assert Api(ann).post("/videos", {"url": server.url}).status_code == 202
        fetching.take_turn("fetch")
    assert Import.objects.get().status == Import.Status.SUCCEEDED
    assert arrived(bucket) == talk


def test_from_a_watched_folder(ann: Account, bucket: ObjectStorage, tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / ann.email / "podcast"
    folder.mkdir(parents=True)
    talk = media.video(folder / "talk.mp4", seconds=1).read_bytes()
    clock = iter(range(0, 100, 30))
    watched = inbox.Inbox(tmp_path / "inbox", 10, lambda: next(clock))
    assert watched.look() + watched.look() == 1
    assert arrived(bucket) == talk
    assert (folder / "done" / "talk.mp4").exists()


def test_a_bucket_has_no_bound_that_pages_could_tell(ann: Account, client: Any) -> None:
    factories.video(ann, size=4000)
    disk = storage_use.disk()
    assert (disk.total, disk.other, disk.is_near_full) == (4000, 0, False)
    assert [family.name for family in metrics.of_storage()] == ["videoservice_stored_bytes"]
    ann.is_staff = True
    ann.save()
    client.force_login(ann)
    for page in ("/operators/", "/stats/"):
        answer = client.get(page, follow=True)
        assert answer.status_code == 200 and "EB" not in answer.content.decode()


def test_what_was_measured_of_many_recordings_is_asked_for_side_by_side(
    ann: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for name in "ab":
        video = factories.video(ann, sha256=name * 64)
        keys += [storage.poster_key(video.pk), f"cache/{video.sha256}/levels.npz"]
    for key in keys:
        storage.put_new(b"x" * 100, key)
    listed, together = storage.listed, threading.Barrier(2, timeout=20)
    monkeypatch.setattr(storage, "listed", lambda key: together.wait() in (0, 1) and listed(key))
    assert usage.caches(ann) == 400
