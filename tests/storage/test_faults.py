"""A bucket that is slow, fails or lies, and machines that share its files and their own disk."""

import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from jobs import storage
from jobs.storage import s3_client
from jobs.storage.address import REGIONS, parsed
from jobs.storage.copies import Copies
from jobs.storage.s3 import S3Store
from tests.bucket.faults import Reset, Slow, Status, Truncated, WrongBytes, WrongETag
from videoservice.outages import refusal_of
from videoservice.refusals import AWAY

KEY = "videos/1/source.mp4"
CONTENT = os.urandom(20_000_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "made.mp4"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def kept(s3: S3Store, file: Path) -> S3Store:
    s3.share(file, KEY, HASH)
    return s3


SENDING = [Status(503), Status(500, "InternalError"), Reset(), Reset(answered=True), WrongBytes(sent=True)]
FETCHING = [Status(503), Reset(), Truncated(100_000), WrongBytes(), Slow(1)]


@pytest.mark.parametrize("fault", SENDING, ids=str)
def test_what_is_sent_arrives_whole_all_the_same(s3, file, site_in_bucket, fault):
    with site_in_bucket.inject(fault, "PUT", "source.mp4") as injected:
        s3.share(file, KEY, HASH)
    assert injected.hits
    with s3.open(KEY)[0] as there:
        assert hashlib.sha256(there.read()).hexdigest() == HASH


@pytest.mark.parametrize("fault", FETCHING, ids=str)
def test_what_is_fetched_is_right_all_the_same(kept, site_in_bucket, fault):
    with site_in_bucket.inject(fault, "GET", "source.mp4") as injected, kept.fetch(KEY, HASH) as copy:
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == HASH
    assert injected.hits


def test_a_bucket_that_has_other_bytes_is_not_believed(s3, file, site_in_bucket):
    file.write_bytes(b"small")
    with site_in_bucket.inject(WrongETag(), "HEAD", "source.mp4", times=99), pytest.raises(OSError) as refused:
        s3.share(file, KEY, HASH)
    assert refusal_of(refused.value) is AWAY
    assert file.exists()


@pytest.mark.parametrize("size", [5, len(CONTENT)], ids=["small", "in parts"])
def test_a_bucket_that_encrypts_all_by_itself_is_believed(s3, file, site_in_bucket, size):
    file.write_bytes(CONTENT[:size])
    with site_in_bucket.inject(WrongETag(encrypted=True), "HEAD", "source.mp4", times=99):
        s3.share(file, KEY)
    with site_in_bucket.inject(WrongETag(encrypted=True), "HEAD", "source.mp4"), s3.fetch(KEY) as copy:
        assert copy.read_bytes() == CONTENT[:size]


def test_bytes_that_never_have_their_hash_are_given_to_nobody(kept, site_in_bucket):
    with pytest.raises(OSError, match="SHA-256"), kept.fetch(KEY, "0" * 64):
        pass
    assert [path for path in kept.copies.folder.iterdir() if path.is_file()] == []


def test_a_bucket_that_is_away_is_an_outage_as_of_a_disk(kept, site_in_bucket, settings):
    with site_in_bucket.inject(Status(503), times=999), pytest.raises(OSError) as refused:
        kept.stat(KEY)
    assert refusal_of(refused.value) is AWAY
    away = S3Store(parsed("s3://b?endpoint=http://127.0.0.1:1&region=us-east-1"), settings.SCRATCH_DIR)
    with pytest.raises(OSError, match="does not answer"):
        away.try_out()


def test_credentials_that_may_only_read_are_found_out(s3, site_in_bucket, bucket):
    with site_in_bucket.inject(Status(403, "AccessDenied"), "PUT", times=9), pytest.raises(OSError, match="refused"):
        s3.try_out()
    site_in_bucket.forget()
    for _ in range(3):
        s3.try_out()
    assert len(site_in_bucket.made("PUT")) == len(site_in_bucket.made("DELETE")) == 1
    assert bucket.keys() == []


def test_an_upload_that_was_given_up_leaves_no_parts(s3, file, site_in_bucket, bucket):
    with site_in_bucket.inject(Status(400, "Refused"), "PUT", "partNumber=2", times=99), pytest.raises(OSError):
        s3.publish(file, KEY, HASH)
    assert bucket.client().list_multipart_uploads(Bucket=bucket.BUCKET).get("Uploads", []) == []
    assert not list(bucket.keys())
    assert file.exists()


def test_encryption_is_asked_for_with_all_that_makes_an_object(s3, file, site_in_bucket, settings):
    store = S3Store(parsed(f"{settings.STORAGE_URL}&sse=aws:kms&kms_key=mine"), settings.SCRATCH_DIR)
    for attempt in (lambda: store.share(file, KEY), lambda: store.put_new(b"1", "install")):
        with pytest.raises(OSError):  # this server knows no encryption
            attempt()
    asked = [call.headers for call in site_in_bucket.calls if call.method in ("PUT", "POST")]
    assert asked and all(headers.get("x-amz-server-side-encryption") == "aws:kms" for headers in asked)
    assert {headers["x-amz-server-side-encryption-aws-kms-key-id"] for headers in asked} == {"mine"}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3:///x", "cannot be read"),
        ("s3://key:secret@b", "cannot be read"),
        ("s3://b?colour=red", "colour"),
        ("s3://b?sse=rot13", "sse"),
        ("s3://b?endpoint=minio:9000", "endpoint"),
        ("s3://b?expires=5", "expires"),
        ("s3://b", "names no region"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(url, told, monkeypatch):
    for name in REGIONS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=told):
        parsed(url)


# Copies --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(tmp_path / "copies", tmp_path / "cache")


def of(size: int):
    return lambda part: part.write_bytes(bytes(size))


def test_of_two_who_want_the_same_one_fetches_it(kept, site_in_bucket):
    site_in_bucket.forget()
    begin, contents = threading.Barrier(4), []

    def use() -> None:
        begin.wait()
        with S3Store(kept.address, kept.local).fetch(KEY, HASH) as copy:
            contents.append(copy.stat().st_size)

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert contents == [len(CONTENT)] * 4
    assert site_in_bucket.received("source.mp4") == len(CONTENT)


def test_what_was_used_the_longest_ago_goes_first_and_nothing_that_is_in_use(copies, settings):
    settings.SCRATCH_BYTES, begun = 2500, time.time() - 3600
    for age, name in enumerate("abc"):
        if name != "c":
            with copies.held(name, 1000, of(1000)) as path:
                os.utime(path, (begun + age, begun + age))
    with copies.held("a", 1000, of(0)), copies.held("c", 1000, of(1000)):
        assert sorted(path.name for path in copies.folder.iterdir()) == ["a", "c"]
        with copies.held("d", 1000, of(1000)):  # no room but for what is in use: work goes on all the same
            assert sorted(path.name for path in copies.folder.iterdir()) == ["a", "c", "d"]
    with copies.held("e", 1000, of(1000)):
        assert copies.total_bytes() <= 2500


def test_what_was_measured_makes_room_as_well(copies, settings):
    settings.SCRATCH_BYTES = 1500
    (copies.others / "1234").mkdir(parents=True)
    (copies.others / "1234" / "levels.npz").write_bytes(bytes(1000))
    with copies.held("a", 1000, of(1000)):
        assert not (copies.others / "1234").exists()


def test_what_nobody_used_for_a_week_goes_as_it_may_be_deleted(copies):
    with copies.held("a", 10, of(10)), copies.held("b", 10, of(10)):
        pass
    os.utime(copies.folder / "a", (1000, 1000))
    copies.make_room(0)
    assert [path.name for path in copies.folder.iterdir()] == ["b"]


def test_half_a_copy_is_never_seen(copies):
    def breaks(part: Path) -> None:
        part.write_bytes(b"half")
        raise OSError("the line broke")

    with pytest.raises(OSError, match="the line broke"), copies.held("a", 8, breaks):
        pass
    assert list(copies.folder.iterdir()) == []
    with copies.held("a", 5, of(5)) as path:
        assert path.stat().st_size == 5


def test_a_copy_that_is_being_fetched_does_not_make_room(kept, site_in_bucket, settings):
    settings.SCRATCH_BYTES, over, others = 1, threading.Event(), Copies(kept.copies.folder, kept.copies.others)

    def make_room() -> None:
        while not over.wait(0.01):
            others.make_room(0)

    another_worker = threading.Thread(target=make_room)
    another_worker.start()
    try:
        with site_in_bucket.inject(Slow(per_block=0.01), "GET", "source.mp4", times=9), kept.fetch(KEY, HASH) as copy:
            assert copy.stat().st_size == len(CONTENT)
    finally:
        over.set()
        another_worker.join()


def test_what_a_fetch_left_that_was_killed_goes_after_a_day(copies):
    copies.folder.mkdir(parents=True)
    for name in ("a.mp4.part", "a.mp4.part.1a2B3c4D", "a.mp4.lock"):
        (copies.folder / name).touch()
        os.utime(copies.folder / name, (1000, 1000))
    (copies.folder / "b.mp4.part.1a2B3c4D").touch()
    copies.make_room(0)
    assert [path.name for path in copies.folder.iterdir()] == ["b.mp4.part.1a2B3c4D"]


def test_one_at_a_time_fetches_the_same_also_after_others_failed(copies):
    fetching, most = threading.Semaphore(1), []

    def breaks(part: Path) -> None:
        most.append(is_alone := fetching.acquire(blocking=False))
        time.sleep(0.005)
        if is_alone:
            fetching.release()
        raise OSError("the line broke")

    def insist() -> None:
        for _ in range(5):
            with pytest.raises(OSError, match="the line broke"), copies.held("a", 1, breaks):
                pass

    with ThreadPoolExecutor(4) as pool:
        for insisting in [pool.submit(insist) for _ in range(4)]:
            insisting.result()
    assert most == [True] * 20


def test_a_disk_without_room_is_full_and_not_filled(copies, tmp_path):
    with pytest.raises(OSError) as refused, copies.held("a", 1 << 60, of(1)):
        pass
    assert refused.value.errno == 28


def test_a_result_that_was_just_published_need_not_come_back(s3, file, site_in_bucket):
    s3.publish(file, KEY, HASH)
    site_in_bucket.forget()
    with s3.fetch(KEY, HASH) as copy:
        assert copy.read_bytes() == CONTENT
    assert not site_in_bucket.received("source.mp4") and storage.exists(KEY)


def test_threads_that_begin_together_share_one_client(s3, monkeypatch):
    made, real = [], boto3.session.Session.client
    monkeypatch.setattr(
        boto3.session.Session, "client", lambda *given, **named: made.append(1) or real(*given, **named)
    )
    s3_client._client.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        clients = set(map(id, pool.map(lambda _: s3.client, range(8))))
    assert len(clients) == len(made) == 1
