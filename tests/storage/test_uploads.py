"""Uploads by chunks while the storage is a bucket: any process may take the next chunk, and nothing is lost."""

import hashlib
import io
import os
import shutil
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.test import Client

from jobs import storage
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Upload, UploadPart, Video
from jobs.services import arrivals, leases, part_objects, uploads
from jobs.storage import multipart
from tests import factories, media, pictures
from tests.bucket import faults as wrong
from tests.bucket.faults import Faults
from tests.servers import ObjectStorage

pytestmark = pytest.mark.usefixtures("site_in_bucket")
MIB = 1024**2


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording of a little more than 6 MiB, most of it left unread by players."""
    short = media.video(tmp_path_factory.mktemp("bucket") / "talk.mp4", seconds=1).read_bytes()
    return short + padding(6 * MIB + 12345)


def padding(size: int) -> bytes:
    """A box of an MP4 that says to be skipped."""
    return size.to_bytes(4, "big") + b"free" + os.urandom(size - 8)


@pytest.fixture
def owner(db: None) -> Account:
    return factories.account()


def begun(owner: Account, length: int, name: str = "talk.mp4", **facts: Any) -> Upload:
    return uploads.begin(owner, name=name, length=length, **facts)


def send(upload: Upload, data: bytes, chunk: int, start: int = 0) -> None:
    """Each chunk as a process of its own would take it, which knows nothing but the rows."""
    for offset in range(start, len(data), chunk):
        again = Upload.objects.get(pk=upload.pk)
        uploads.append(again, offset, io.BytesIO(data[offset : offset + chunk]))


def elsewhere() -> None:
    """As another machine, by which nothing of an upload has passed yet."""
    for file in storage.uploads_folder().iterdir():
        file.unlink()


def kept(bucket: ObjectStorage) -> list[str]:
    return bucket.keys("site/uploads/")


@pytest.mark.parametrize("chunk", [5 * MIB, 2 * MIB - 1], ids=["parts", "gathered"])
def test_chunks_become_one_recording(owner: Account, talk: bytes, bucket: ObjectStorage, chunk: int) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, chunk)
    assert uploads.received(upload) == len(talk)
    assert all(part.size >= multipart.LEAST_BYTES for part in list(upload.parts.all())[:-1])
    video = uploads.finish(upload)
    assert isinstance(video, Video)
    assert (video.sha256, video.size) == (hashlib.sha256(talk).hexdigest(), len(talk))
    assert storage.read(video.key) == talk
    assert not kept(bucket) and not list(multipart.unfinished()) and not Upload.objects.exists()
    assert not list(storage.uploads_folder().iterdir()), "the local copy is gone"


@pytest.mark.each_database
def test_few_bytes_are_kept_until_there_are_enough_for_a_part(owner: Account, bucket: ObjectStorage) -> None:
    upload, data = begun(owner, 20 * MIB), os.urandom(6 * MIB)
    send(upload, data[: 4 * MIB], 2 * MIB)
    assert len(kept(bucket)) == 2 and not list(multipart.unfinished())
    uploads.append(upload, 4 * MIB, io.BytesIO(data[4 * MIB :]))
    assert not kept(bucket)
    part = upload.parts.get()
    assert (part.offset, part.size, part.sha256) == (0, 6 * MIB, hashlib.sha256(data).hexdigest())


def test_parts_grow_where_10_000_would_not_be_enough(owner: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MOST_PARTS", 6)
    monkeypatch.setattr(multipart, "SPARE_PARTS", 2)
    upload = begun(owner, 36 * MIB)
    send(upload, bytes(36 * MIB), 5 * MIB)
    assert [part.number for part in upload.parts.all()][-1] <= 6
    assert sum(part.size for part in upload.parts.all()) == 36 * MIB


@pytest.mark.each_database
def test_two_are_kept_apart_until_the_lease_of_who_died_is_over(owner: Account) -> None:
    upload = begun(owner, 100)
    assert Upload.objects.hold(upload.pk, "dead", timedelta(seconds=60))
    for ask in (uploads.received, uploads.abort, lambda one: uploads.append(one, 0, io.BytesIO(b"x"))):
        with pytest.raises(uploads.UploadError) as refusal:
            ask(upload)
        assert refusal.value.code == "busy"
    Upload.objects.update(held_until=Now() - timedelta(seconds=1))
    assert uploads.append(upload, 0, io.BytesIO(b"x")) == 1
    assert Upload.objects.get().held_by == ""


@pytest.mark.each_database
def test_who_has_lost_the_lease_changes_nothing(owner: Account) -> None:
    upload = begun(owner, 20 * MIB)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            Upload.objects.update(held_by="another")
            return super().read(size)

    with pytest.raises(uploads.UploadError) as refusal:
        uploads.append(upload, 0, Slow(b"x" * 6 * MIB))
    assert refusal.value.code == "busy"
    assert not UploadPart.objects.exists() and Upload.objects.get().offset == 0


@pytest.mark.parametrize("moment", ["probed", "record"])
def test_who_has_lost_the_lease_takes_nothing_from_who_was_quicker(
    owner: Account, talk: bytes, bucket: ObjectStorage, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The lease runs out while what came is looked at, or just before its row is made."""
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)
    late = getattr(arrivals, moment)

    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr(arrivals, moment, late)
        Upload.objects.update(held_until=Now() - timedelta(seconds=1))
        uploads.finish(Upload.objects.get())
        return late(*given)

    monkeypatch.setattr(arrivals, moment, overtaken)
    if moment == "probed":
        with pytest.raises(FileNotFoundError):
            uploads.finish(upload)
    else:
        assert uploads.finish(upload).key == Video.objects.get().key
    video = Video.objects.get()
    assert storage.read(video.key) == talk
    assert bucket.keys("site/videos/") == sorted([f"site/{video.key}", f"site/{video.poster}"]), "and nothing else"
    assert not Upload.objects.exists() and not kept(bucket)


def test_who_breaks_off_before_being_told_where_it_is_leaves_nothing(
    owner: Account, faults: Faults, client: Client
) -> None:
    client.force_login(owner)
    client.raise_request_exception = False
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(6 * MIB)}
    for away in (("PUT", "partNumber"), ("", "/uploads/")):
        with faults.inject(wrong.Status(403, "AccessDenied"), *away, times=99):
            answer = client.post("/uploads", bytes(6 * MIB), "application/offset+octet-stream", headers=headers)
        assert answer.status_code == 503
        assert not Upload.objects.exists()


def test_a_part_whose_answer_was_lost_is_sent_again(owner: Account, talk: bytes, faults: Faults) -> None:
    upload = begun(owner, len(talk))
    with faults.inject(wrong.Reset(answered=True), "PUT", "partNumber", times=99), pytest.raises(OSError):
        uploads.append(upload, 0, io.BytesIO(talk[: 5 * MIB]))
    assert uploads.received(upload) == 0
    send(upload, talk, 5 * MIB)
    assert [part.number for part in upload.parts.all()] == [2, 3], "a late part takes nobody's place"
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()


def test_a_part_that_arrives_damaged_is_not_taken(owner: Account, faults: Faults) -> None:
    upload = begun(owner, 20 * MIB)
    with faults.inject(wrong.WrongBytes(sent=True), "PUT", "partNumber", times=99), pytest.raises(OSError):
        uploads.append(upload, 0, io.BytesIO(bytes(5 * MIB)))
    assert uploads.received(upload) == 0


def test_a_chunk_that_breaks_off_or_is_damaged_leaves_nothing(owner: Account, bucket: ObjectStorage) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("the client is gone")
            return super().read(size)

    upload = begun(owner, 20 * MIB)
    uploads.append(upload, 0, io.BytesIO(b"x" * 10))
    with pytest.raises(OSError, match="gone"):
        uploads.append(upload, 10, Broken(b"y" * 6 * MIB))
    with pytest.raises(uploads.UploadError) as refusal:
        uploads.append(upload, 10, io.BytesIO(b"y" * 6 * MIB), uploads.Checksum("sha1", b"another"))
    assert refusal.value.code == "checksum"
    with pytest.raises(uploads.UploadError) as refusal:
        uploads.append(upload, 11, io.BytesIO(b"y"))
    assert refusal.value.code == "offset"
    assert uploads.received(upload) == 10 and len(kept(bucket)) == 1 and not list(multipart.unfinished())


def test_a_lost_database_does_not_cost_the_upload(
    owner: Account, talk: bytes, bucket: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)

    def save(*_: object, **__: object) -> None:
        raise OperationalError("the database went away")

    with monkeypatch.context() as broken, pytest.raises(OperationalError):
        broken.setattr(Video, "save", save)
        uploads.finish(upload)
    assert not bucket.keys("site/videos/"), "nothing half made is left"
    assert uploads.finish(Upload.objects.get()).sha256 == hashlib.sha256(talk).hexdigest()


def test_failures_on_the_way_are_tried_again(owner: Account, talk: bytes, faults: Faults) -> None:
    upload = begun(owner, len(talk))
    with faults.inject(wrong.Status(503), "PUT", "partNumber"), faults.inject(wrong.Reset(), "POST", "uploadId="):
        send(upload, talk, 5 * MIB)
        assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()


def test_what_passed_this_machine_is_not_fetched_again(owner: Account, talk: bytes, faults: Faults) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 2 * MIB)
    faults.forget()
    video = uploads.finish(upload)
    assert not faults.made("GET", "/whole") and faults.made("PUT", "videos/")
    assert storage.read(video.key) == talk and video.sha256 == hashlib.sha256(talk).hexdigest()


def test_only_what_passed_other_machines_is_fetched(owner: Account, talk: bytes, faults: Faults) -> None:
    upload = begun(owner, len(talk))
    uploads.append(upload, 0, io.BytesIO(talk[: 5 * MIB]))
    elsewhere()
    send(upload, talk, 5 * MIB, start=5 * MIB)
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()
    (fetched,) = faults.made("GET", "/whole")
    assert fetched.headers["range"] == f"bytes=0-{5 * MIB - 1}"


def test_what_was_damaged_here_is_fetched(owner: Account, talk: bytes, faults: Faults) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)
    (here,) = storage.uploads_folder().iterdir()
    with here.open("r+b") as file:
        file.seek(6 * MIB)
        file.write(bytes(1000))
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()
    (fetched,) = faults.made("GET", "/whole")
    assert fetched.headers["range"].startswith(f"bytes={5 * MIB}-")


def test_what_the_bucket_calls_otherwise_is_read_again(owner: Account, talk: bytes, faults: Faults) -> None:
    """It may have other bytes, or a key of KMS has encrypted them: then the name tells nothing."""
    for method, piece in (("PUT", "partNumber"), ("HEAD", "/whole")):
        upload = begun(owner, len(talk))
        faults.forget()
        with faults.inject(wrong.WrongETag(), method, piece, times=99):
            send(upload, talk, 5 * MIB)
            assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()
        read = [call for call in faults.made("GET", "/whole") if "range" in call.headers]
        assert sum(call.received for call in read) == len(talk)


def test_a_machine_without_room_has_nothing_of_it_stay(
    owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(owner, len(talk))
    uploads.append(upload, 0, io.BytesIO(talk[: 5 * MIB]))
    usage = shutil._ntuple_diskusage(10**12, 10**12, uploads.MARGIN_BYTES)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: usage)
        send(upload, talk, 5 * MIB, start=5 * MIB)
    assert not list(storage.uploads_folder().iterdir())
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()


@pytest.mark.parametrize("lie", [wrong.WrongBytes(), wrong.Truncated(1000)], ids=["wrong bytes", "cut short"])
def test_bytes_that_come_back_otherwise_are_asked_for_again(
    owner: Account, talk: bytes, faults: Faults, lie: wrong.Fault
) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)
    elsewhere()
    with faults.inject(lie, "GET", "/whole") as injected:
        assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()
    assert injected.hits == 1


def test_a_storage_that_lies_on_costs_no_upload(owner: Account, talk: bytes, faults: Faults) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)
    elsewhere()
    lying = faults.inject(wrong.WrongBytes(), "GET", "/whole", times=99)
    with lying, pytest.raises(ResourceError, match="other bytes"):
        uploads.finish(upload)
    assert not Video.objects.exists()
    assert uploads.finish(Upload.objects.get()).sha256 == hashlib.sha256(talk).hexdigest()


def test_a_part_that_was_called_otherwise_is_found_again(owner: Account, talk: bytes, faults: Faults) -> None:
    upload = begun(owner, len(talk))
    with faults.inject(wrong.WrongETag(), "PUT", "partNumber"):
        send(upload, talk, 5 * MIB)
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()


def test_who_died_after_completing_is_followed_by_another(
    owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)
    with monkeypatch.context() as dying:
        dying.setattr(part_objects, "bring", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            uploads.finish(upload)
    assert uploads.received(upload) == len(talk)
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()


def test_what_the_storage_has_lost_is_sent_anew(owner: Account, talk: bytes) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)
    multipart.abort(part_objects.whole_key(upload.pk), Upload.objects.get().multipart)
    with pytest.raises(uploads.UploadError) as refusal:
        uploads.finish(upload)
    assert refusal.value.code == "gone"
    assert uploads.received(upload) == 0
    send(upload, talk, 5 * MIB)
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()


def test_what_is_no_recording_leaves_nothing(owner: Account, bucket: ObjectStorage) -> None:
    upload = begun(owner, 6 * MIB)
    send(upload, os.urandom(6 * MIB), 6 * MIB)
    with pytest.raises(InputError):
        uploads.finish(upload)
    assert not kept(bucket) and not Upload.objects.exists() and not bucket.keys("site/videos/")


def test_work_that_begins_on_this_machine_does_not_fetch_it_again(owner: Account, talk: bytes, faults: Faults) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)
    video = uploads.finish(upload)
    faults.forget()
    with storage.fetch(video.key, video.sha256) as file:
        assert file.read_bytes() == talk
    assert not faults.made("GET")


def test_a_machine_without_room_to_look_refuses_at_once_and_keeps_what_came(
    owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(owner, len(talk))
    send(upload, talk, 5 * MIB)
    elsewhere()
    usage = shutil._ntuple_diskusage(10**12, 10**12, uploads.MARGIN_BYTES + 3 * MIB)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(ResourceError, match=r"room for 3\.0 MB only"):
            begun(owner, 4 * MIB)
        full.setattr(shutil, "disk_usage", lambda path: usage._replace(free=MIB))
        with pytest.raises(ResourceError, match="is kept") as refusal:
            uploads.finish(upload)
        assert refusal.value.code == "disk_full"
    assert uploads.finish(Upload.objects.get()).sha256 == hashlib.sha256(talk).hexdigest()


def test_what_one_who_died_left_on_this_machine_goes_with_the_next(owner: Account, talk: bytes) -> None:
    upload, other = begun(owner, len(talk)), begun(owner, 10)
    folder, long_ago = storage.uploads_folder(), time.time() - 3600
    left, held = folder / f"{upload.pk}.{'0' * 32}.part", folder / f"{other.pk}.{'1' * 32}.part"
    for file in (left, held):
        file.write_bytes(b"left")
        os.utime(file, (long_ago, long_ago))
    assert Upload.objects.hold(other.pk, "1" * 32, leases.LEASE)
    send(upload, talk, 5 * MIB)
    uploads.finish(Upload.objects.get(pk=upload.pk))
    assert [file.name for file in folder.iterdir()] == [held.name]


def test_an_image_comes_the_same_way(owner: Account, bucket: ObjectStorage) -> None:
    logo = pictures.logo()
    upload = begun(owner, len(logo), name="logo.png", kind=Upload.Kind.IMAGE)
    send(upload, logo, 1000)
    image = uploads.finish(upload)
    assert bucket.keys("site/images/") == [f"site/{image.key}"] and not kept(bucket)


def test_what_is_given_up_or_expired_leaves_nothing(owner: Account, bucket: ObjectStorage) -> None:
    given_up, expired = begun(owner, 20 * MIB), begun(owner, 20 * MIB)
    for upload in (given_up, expired):
        send(upload, bytes(6 * MIB), 5 * MIB)
    assert len(list(multipart.unfinished())) == 2 and len(kept(bucket)) == 2
    uploads.abort(given_up)
    Upload.objects.update(expires_at=Now() - timedelta(seconds=1))
    assert uploads.expire() == 1
    assert not kept(bucket) and not list(multipart.unfinished()) and not Upload.objects.exists()


def test_what_no_row_knows_is_swept_once_it_is_old(
    owner: Account, bucket: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = begun(owner, 20 * MIB), begun(owner, 20 * MIB)
    for upload in (known, unknown):
        send(upload, bytes(6 * MIB), 5 * MIB)
    multipart.begin(part_objects.whole_key(known.pk))  # by one who died before its row knew
    multipart.begin("artifacts/1/2/large.mp4")
    Upload.objects.filter(pk=unknown.pk).delete()
    assert uploads.expire() == 0, "somebody may be at it just now"
    elsewhere()
    monkeypatch.setattr(part_objects.part_files, "ORPHANED_SECONDS", -60)
    assert uploads.expire() == 3
    assert sorted(one.key for one in multipart.unfinished()) == sorted(
        ["artifacts/1/2/large.mp4", part_objects.whole_key(known.pk)]
    )
    monkeypatch.setattr(part_objects, "LONGEST_SENDING", timedelta(seconds=-60))
    assert uploads.expire() == 1
    send(known, bytes(20 * MIB), 7 * MIB, start=6 * MIB)
    assert uploads.received(known) == 20 * MIB
