"""Large results that become recordings of their own while the storage is a bucket: a worker copies them."""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from jobs import fetching, storage
from jobs.models import Account, Artifact, Job, Keeping, Video
from jobs.services import imports, keeping, line, queues, reconcile, versions, videos
from tests import factories
from tests.bucket import faults as wrong
from tests.bucket.faults import Faults
from tests.servers import ObjectStorage

pytestmark = pytest.mark.django_db(transaction=True)
MIB = 1024**2
CUT = os.urandom(6 * MIB)


@pytest.fixture(autouse=True)
def small_is_large(site_in_bucket: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE_BYTES", MIB)


@pytest.fixture
def ann(db: None) -> Account:
    return factories.account()


@pytest.fixture
def version(ann: Account) -> Video:
    """A result that is known as a recording."""
    job = factories.job(ann, status=Job.Status.SUCCEEDED)
    key = f"artifacts/{job.pk}/1/cut.mp4"
    storage.put_new(CUT, key)
    facts = {"kind": "video", "name": "cut.mp4", "key": key, "size": len(CUT), "sha256": "c" * 64}
    artifact = Artifact.objects.create(job=job, media_type="video/mp4", **facts)
    same = {name: getattr(job.video, name) for name in ("duration_seconds", "details")}
    return Video.objects.create(pk=artifact.pk, owner=ann, artifact=artifact, origin=job.video, **facts, **same)


def made(ann: Account) -> list[Video]:
    """Recordings that were made of results."""
    return list(Video.objects.of(ann).uploaded().filter(name="cut.mp4"))


def rings() -> int:
    return line.rung(imports.QUEUE)


def test_the_page_says_that_it_is_being_kept_until_a_worker_has(
    ann: Account, version: Video, client: Client, site_in_bucket: Faults
) -> None:
    client.force_login(ann)
    press = reverse("video-keep", args=[version.pk])
    page = client.post(press, follow=True).content.decode()
    assert "This is being made a recording of its own" in page
    assert "Is being kept" in page and not made(ann)
    assert not site_in_bucket.made("PUT", "videos/"), "the page waits for no copy"
    assert (Keeping.objects.count(), rings()) == (1, 1)
    client.post(press)
    assert (Keeping.objects.count(), rings()) == (1, 1), "a second press does nothing"
    row = Keeping.objects.get()
    fetching.take_turn(imports.QUEUE)
    (video,) = made(ann)
    assert (video.pk, video.size, storage.read(video.key)) == (row.pk, len(CUT), CUT)
    assert not Keeping.objects.exists()
    assert client.post(press)["Location"] == video.get_absolute_url(), "it leads there"
    assert "Is being kept" not in client.get(version.get_absolute_url()).content.decode()


def test_what_is_small_is_kept_at_once(version: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE_BYTES", len(CUT))
    kept = keeping.begin(version)
    assert kept and storage.read(kept.key) == CUT and not Keeping.objects.exists()


def in_a_process(work: Callable[[], None]) -> int:
    connection.close()
    pid = os.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)
    return pid


def test_what_a_worker_had_begun_who_was_killed_the_next_one_makes(
    ann: Account, version: Video, site_in_bucket: Faults, bucket: ObjectStorage
) -> None:
    keeping.begin(version)
    with site_in_bucket.inject(wrong.Slow(600), "PUT", "videos/") as copying:
        pid = in_a_process(keeping.take_turn)
        while not copying.hits:
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    row = Keeping.objects.get()
    assert (row.tries, row.problem) == (1, "") and row.held_by
    keeping.take_turn()
    assert not made(ann), "nobody else begins while its lease lasts"
    Keeping.objects.update(held_until=Now() - timedelta(seconds=1))
    while rings():
        line.django_rq.get_queue(imports.QUEUE).empty()
    reconcile.sweep()
    assert rings() == 1, "the reconciler wakes somebody"
    fetching.take_turn(imports.QUEUE)
    (video,) = made(ann)
    assert video.pk == row.pk and storage.read(video.key) == CUT and not Keeping.objects.exists()


@pytest.mark.each_database
def test_who_has_lost_the_lease_makes_nothing(
    ann: Account, version: Video, bucket: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping.begin(version)
    copy = storage.copy

    def overtaken(*given: str) -> bool:
        monkeypatch.setattr(storage, "copy", copy)
        Keeping.objects.update(held_until=Now() - timedelta(seconds=1))
        keeping.take_turn()
        return copy(*given)

    monkeypatch.setattr(storage, "copy", overtaken)
    keeping.take_turn()
    (video,) = made(ann)
    assert bucket.keys("site/videos/") == [f"site/{video.key}"], "and leaves nothing"


def test_a_storage_that_is_away_costs_no_try(ann: Account, version: Video, site_in_bucket: Faults) -> None:
    keeping.begin(version)
    with site_in_bucket.inject(wrong.Status(503), "PUT", "videos/", times=99):
        keeping.take_turn()
    row = Keeping.objects.get()
    assert (row.tries, row.problem) == (0, "")
    Keeping.objects.update(held_until=None)
    keeping.take_turn()
    assert made(ann)


def test_what_cannot_be_copied_is_given_up_with_a_sentence_and_asked_for_again(
    ann: Account, version: Video, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lying(*_: str) -> bool:
        raise OSError(errno.EIO, "the copy has other bytes")

    keeping.begin(version)
    with monkeypatch.context() as broken:
        broken.setattr(storage, "copy", lying)
        for _ in range(keeping.MOST_TRIES):
            Keeping.objects.update(held_until=None)
            keeping.take_turn()
    assert not Keeping.objects.due().exists()
    client.force_login(ann)
    page = client.get(version.get_absolute_url()).content.decode()
    assert "This could not be copied." in page and "Is being kept" not in page
    assert keeping.begin(version) is None
    keeping.take_turn()
    assert made(ann)


def test_a_result_whose_file_is_gone_says_so(ann: Account, version: Video) -> None:
    keeping.begin(version)
    storage.delete(version.key)
    keeping.take_turn()
    assert "has been deleted" in Keeping.objects.get().problem
    with pytest.raises(versions.InputError, match="has been deleted"):
        keeping.begin(version)


def test_what_is_deleted_meanwhile_is_kept_no_more(ann: Account, version: Video, bucket: ObjectStorage) -> None:
    keeping.begin(version)
    videos.delete(version)
    assert not Keeping.objects.exists()
    keeping.take_turn()
    assert not made(ann)


def test_a_paused_queue_copies_nothing(ann: Account, version: Video) -> None:
    queues.pause(imports.QUEUE, None)
    keeping.begin(version)
    fetching.take_turn(imports.QUEUE)
    assert Keeping.objects.due().exists() and not made(ann)
