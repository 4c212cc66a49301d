"""Moving an install's files between places while it runs: nothing is lost, nothing is taken on trust."""

import hashlib
import io
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from jobs import storage
from jobs.models import Install, Video
from jobs.services import moving, uploads
from jobs.storage.both import BothStores
from jobs.storage.transfer import transfer
from tests import factories, media
from tests.bucket import faults as wrong
from tests.bucket.faults import Faults
from tests.servers import ObjectStorage

pytestmark = pytest.mark.django_db
KEYS = [f"{room}/{name}" for room in ("videos", "images", "artifacts") for name in ("1/a.mp4", "2/b c.mp4", "3/ü.mp4")]


@pytest.fixture
def address(bucket: ObjectStorage, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in bucket.env.items():
        monkeypatch.setenv(name, value)
    return bucket.url("site", faults.endpoint)


def fill(store: storage.Store, keys: list[str] = KEYS) -> dict[str, bytes]:
    """Some files, each with bytes of its own."""
    there = {key: key.encode() * 1000 for key in keys}
    for key, content in there.items():
        store.put_new(content, key)
    return there


def held(store: storage.Store) -> dict[str, bytes]:
    keys = [found.key for room in moving.ROOMS for found in store.listed(room)]
    return {key: store.open(key)[0].read() for key in keys}


def move(to: str, *options: str) -> tuple[int, str, str]:
    """The exit status, and what was said."""
    out, error = io.StringIO(), io.StringIO()
    try:
        call_command("move_storage", "--to", to, *options, stdout=out, stderr=error)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), error.getvalue()
    return 0, out.getvalue(), error.getvalue()


@pytest.fixture(params=["folder to bucket", "bucket to folder", "prefix to prefix"])
def way(request: pytest.FixtureRequest, address: str, bucket: ObjectStorage, tmp_path: Path) -> tuple[str, str]:
    other = bucket.url("other")
    return {
        "folder to bucket": ("", address),
        "bucket to folder": (address, str(tmp_path / "kept")),
        "prefix to prefix": (other, address),
    }[request.param]


def test_all_files_come_to_the_new_place_whichever_way(way: tuple[str, str], settings: Any, tmp_path: Path) -> None:
    settings.STORAGE_URL, to = way
    Path(to).mkdir(exist_ok=True) if "://" not in to else None
    there = fill(storage.new())
    status, said, error = move(to)
    assert status == 0, error
    assert held(storage.at(to)) == held(storage.new()) == there
    assert f": {len(there)} files" in said and "STORAGE_ALSO" in said
    assert moving.stamp_of(storage.at(to)) == str(Install.get().identity)
    storage.new().put_new(b"late", "videos/4/late.mp4")
    assert ": 1 file," in move(to)[1]
    assert ": 0 files," in move(to)[1]


def test_a_dry_run_says_how_much_it_is_and_writes_nothing(address: str, bucket: ObjectStorage) -> None:
    fill(storage.new())
    status, said, _ = move(address, "--dry-run")
    assert (status, bucket.keys()) == (0, [])
    assert f"{len(KEYS)} files" in said and "Nothing was written" in said


def test_what_failed_is_named_and_copied_by_the_next_run(address: str, faults: Faults) -> None:
    there = fill(storage.new())
    with faults.inject(wrong.Status(403, "AccessDenied"), "PUT", "videos/2/", times=99):
        status, _, error = move(address)
    assert status == 1 and "videos/2/b c.mp4: " in error and "Run the command again" in error
    faults.forget()
    status, said, _ = move(address)
    assert status == 0 and ": 1 file," in said
    assert [call.address for call in faults.made("PUT", "/videos/") + faults.made("PUT", "/images/")] == [
        "/recordings/site/videos/2/b c.mp4"
    ]
    assert held(storage.at(address)) == there


def test_what_does_not_come_back_as_it_was_sent_is_not_taken_for_moved(address: str, faults: Faults) -> None:
    fill(storage.new())
    with faults.inject(wrong.WrongBytes(), "GET", "videos/1/", times=99):
        status, _, error = move(address)
    assert status == 1 and "videos/1/a.mp4: its SHA-256 is" in error
    assert move(address)[0] == 0


def test_notes_that_are_lost_cost_reading_and_no_copying(address: str, faults: Faults) -> None:
    fill(storage.new())
    move(address)
    for file in (Path(settings.DATA_DIR) / "moves").iterdir():
        file.unlink()
    storage.at(address).delete("videos/1/a.mp4")
    storage.at(address).put_new(b"x" * len(b"images/1/a.mp4" * 1000), "images/1/x.mp4")
    faults.forget()
    assert move(address)[0] == 0
    assert [call.address for call in faults.made("PUT", "/site/videos/")] == ["/recordings/site/videos/1/a.mp4"]


def test_bytes_that_are_not_those_of_their_row_are_named(address: str) -> None:
    video = factories.video(factories.account())
    storage.delete(video.key)
    storage.put_new(b"whole", video.key)
    Video.objects.update(sha256=hashlib.sha256(b"whole").hexdigest())
    assert move(address)[2].count(video.key) == 0
    storage.delete(video.key)
    storage.put_new(b"rotten", video.key)
    status, _, error = move(address)
    assert status == 0 and video.key in error and "not those that came once" in error


def test_a_place_of_another_install_is_refused(address: str) -> None:
    fill(storage.new())
    storage.at(address).put_new(b"6f9619ff-8b86-4d01-b42d-00cf4fc964ff\n", "install")
    status, _, error = move(address)
    assert status == 1 and "belong to another install" in error
    storage.at(address).delete("install")
    fill(storage.at(address), ["videos/9/a.mp4"])
    status, _, error = move(address)
    assert status == 1 and "of nobody knows which install" in error


@pytest.mark.parametrize("to", ["s3://", "s3://bucket?colour=red", ""])
def test_a_place_that_cannot_be_read_is_said(to: str, address: str) -> None:
    status, _, error = move(to)
    assert status == 1 and error.strip()


# Both at once --------------------------------------------------------------------------------------------------------


@pytest.fixture
def both(address: str, settings: Any) -> Iterator[tuple[storage.Store, storage.Store]]:
    """The bucket is the new place already, and the folder the old one."""
    old = storage.new()
    settings.STORAGE_URL, settings.STORAGE_ALSO = address, str(settings.MEDIA_ROOT)
    yield storage.new(), old


def test_files_are_found_wherever_they_are(both: tuple[storage.Store, storage.Store]) -> None:
    new, old = both
    old.put_new(b"old", "videos/1/a.mp4")
    storage.put_new(b"new", "videos/2/b.mp4")
    assert new.open("videos/2/b.mp4")[0].read() == b"new"
    assert (storage.read("videos/1/a.mp4"), storage.read("videos/2/b.mp4")) == (b"old", b"new")
    assert [found.key for found in storage.listed("videos")] == ["videos/2/b.mp4", "videos/1/a.mp4"]
    assert sorted(storage.folders("videos")) == ["1", "2"]
    storage.copy("videos/1/a.mp4", "videos/3/c.mp4")
    assert new.open("videos/3/c.mp4")[0].read() == b"old"
    with storage.fetch("videos/1/a.mp4") as file:
        assert file.read_bytes() == b"old"
    assert storage.in_folder("videos/1/a.mp4") and not storage.in_folder("videos/2/b.mp4")


def test_what_is_deleted_meanwhile_does_not_come_back(both: tuple[storage.Store, storage.Store], address: str) -> None:
    new, old = both
    fill(old)
    assert move(address)[0] == 0, "from the other place, as this install writes to the new one already"
    storage.delete_tree("videos/1")
    storage.delete("images/1/a.mp4")
    status, said, _ = move(address)
    assert status == 0 and "Take STORAGE_ALSO away" in said and "sweep --fix" in said
    assert held(new).keys() == held(old).keys() == set(KEYS) - {"videos/1/a.mp4", "images/1/a.mp4"}


def test_an_upload_under_way_goes_on_in_the_bucket(address: str, settings: Any, tmp_path: Path) -> None:
    talk = media.video(tmp_path / "talk.mp4", seconds=1).read_bytes()
    upload = uploads.begin(factories.account(), name="talk.mp4", length=len(talk))
    uploads.append(upload, 0, io.BytesIO(talk[:1000]))
    part = storage.upload_path(upload.pk)
    left = part.with_name(f"{uuid.uuid4()}.part")
    left.touch()
    os.utime(left, (0, 0))
    settings.STORAGE_URL, settings.STORAGE_ALSO = address, str(settings.MEDIA_ROOT)
    settings.SCRATCH_DIR = tmp_path / "scratch"
    assert uploads.received(upload) == 1000
    uploads.append(upload, 1000, io.BytesIO(talk[1000:]))
    video = uploads.finish(upload)
    assert storage.new().open(video.key)[0].read() == talk
    assert not part.exists()
    assert uploads.expire() == 1 and not left.exists(), "nothing lies at the old place for ever"


def test_what_is_deleted_while_it_is_copied_does_not_come_back(
    both: tuple[storage.Store, storage.Store], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = both
    fill(old)

    def deleted_meanwhile(source: storage.Store, key: str, *given: Any, **more: Any) -> str:
        sha256 = transfer(source, key, *given, **more)
        if key == KEYS[0]:
            source.delete(key)
        return sha256

    monkeypatch.setattr(moving, "transfer", deleted_meanwhile)
    assert move(address)[0] == 0
    assert held(new).keys() == held(old).keys() == set(KEYS[1:])


@pytest.mark.parametrize("way", ["delete", "delete_tree", "delete_with_folders"])
def test_who_deletes_looks_again_where_a_move_may_have_put_it(
    both: tuple[storage.Store, storage.Store], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    new, old = both
    fill(old, KEYS[:1])
    deleting = getattr(storage.FolderStore, way)

    def moved_meanwhile(store: storage.FolderStore, *given: str) -> None:
        fill(new, KEYS[:1])
        deleting(store, *given)

    monkeypatch.setattr(storage.FolderStore, way, moved_meanwhile)
    given = {"delete": KEYS[:1], "delete_tree": ["videos/1"], "delete_with_folders": [KEYS[0], "videos"]}
    getattr(storage, way)(*given[way])
    assert not held(new) and not held(old)


def test_what_comes_next_is_said(address: str, settings: Any) -> None:
    here = str(settings.MEDIA_ROOT)
    for url, also, said in (
        ("", "", "in STORAGE_ALSO and restart everything; then exchange"),
        ("", address, "name the new place in STORAGE_URL"),
        (address, here, "Take STORAGE_ALSO away"),
    ):
        settings.STORAGE_URL, settings.STORAGE_ALSO = url, also
        assert isinstance(storage.store(), BothStores) == bool(also)
        assert said in moving.next_step(storage.at(here), storage.at(address))
