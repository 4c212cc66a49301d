"""What an account may take in the storage: who is refused, when, and what counts. The doors are tried in
tests/uploads/test_room.py."""

import dataclasses
import re
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from jobs import storage, tasks
from jobs.models import Account, Artifact, Hold, Image, Job, Room, Upload, Video
from jobs.services import (
    inbox,
    jobs,
    keeping,
    parameters,
    quota,
    result_size,
    reuse,
    storage_use,
    uploads,
    videos,
)
from jobs.services.quota import OverQuota
from tests import factories, media
from tests.api import Api, error

pytestmark = pytest.mark.django_db
GB = 1024**3
MB = 1024**2


@pytest.fixture
def ann() -> Account:
    return factories.account()


def allow(owner: Account, size: int) -> None:
    Room.objects.update_or_create(pk=owner.pk, defaults={"gigabytes": size / GB})


def arrived() -> Path:
    """A whole recording in the folder of uploads."""
    return media.video(storage.upload_path(uuid.uuid4()).with_suffix(".mp4"), seconds=1)


def result(job: Job, size: int, **fields: Any) -> Artifact:
    facts = {"kind": "video", "name": "a.mp4", "key": "none", "media_type": "video/mp4", "sha256": "0" * 64}
    return Artifact.objects.create(job=job, size=size, **{**facts, **fields})


def test_the_settings_hold_for_all_and_an_account_may_have_figures_of_its_own(ann: Account, settings: Any):
    settings.QUOTA_BYTES, settings.QUOTA_MINUTES, settings.QUOTA_JOBS = 10 * GB, 60, 4
    assert quota.of(ann) == quota.Quota(10 * GB, 60, 4)
    Room.objects.create(owner=ann, gigabytes=1.5, minutes=0)
    assert quota.of(ann) == quota.Quota(3 * GB // 2, 0, 4)


def test_what_does_not_fit_is_refused_in_figures(ann: Account, settings: Any):
    settings.QUOTA_BYTES = 10 * GB
    factories.video(ann, size=9 * GB - 100 * MB)
    with pytest.raises(OverQuota) as refusal:
        uploads.begin(ann, name="talk.mp4", length=42 * GB // 10)
    told = "This needs 4.2 GB, and 1.1 GB of your 10 GB are left. Delete something, or ask the operator for more."
    assert refusal.value.message == told
    assert not Upload.objects.exists()
    assert uploads.begin(ann, name="talk.mp4", length=GB)
    assert uploads.begin(factories.account("bob@example.org"), name="talk.mp4", length=9 * GB)


def test_what_is_promised_to_uploads_is_not_promised_twice(ann: Account):
    allow(ann, 100 * MB)
    first = uploads.begin(ann, name="a.mp4", length=60 * MB)
    with pytest.raises(OverQuota, match=r"needs 50 MB, and 40 MB of your 100 MB are left"):
        uploads.begin(ann, name="b.mp4", length=50 * MB)
    Upload.objects.filter(pk=first.pk).update(offset=30 * MB)
    with pytest.raises(OverQuota, match="40 MB of"):
        uploads.begin(ann, name="b.mp4", length=50 * MB)
    uploads.abort(first)
    assert uploads.begin(ann, name="b.mp4", length=50 * MB)


def test_without_a_quota_nothing_is_refused(ann: Account):
    factories.video(ann, size=900 * GB)
    quota.refuse(ann, 900 * GB)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_at_once_only_as_many_get_room_as_there_is(ann: Account):
    allow(ann, 100 * MB)
    start, begun, refused = threading.Barrier(6), [], []

    def come() -> None:
        try:
            start.wait()
            begun.append(uploads.begin(ann, name="a.mp4", length=30 * MB))
        except OverQuota as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(begun), len(refused)) == (3, 3)
    assert quota.taken_bytes(ann) == 90 * MB


def test_the_api_says_so_too(ann: Account):
    allow(ann, 1000)
    file = SimpleUploadedFile("talk.mp4", bytes(5000))
    assert error(Api(ann).client.post("/api/v1/videos", {"file": file})) == (413, "quota_full")
    picture = SimpleUploadedFile("logo.png", bytes(5000))
    assert error(Api(ann).client.post("/api/v1/images", {"file": picture})) == (413, "quota_full")
    assert not Video.objects.exists() and not Image.objects.exists()


def test_a_file_that_came_in_one_piece_has_its_room_kept_while_it_is_looked_at(
    ann: Account, monkeypatch: pytest.MonkeyPatch
):
    file = arrived()
    size = file.stat().st_size
    allow(ann, size + 10)
    probe = videos.arrivals.probed

    def looked_at(*args: Any) -> Any:
        with pytest.raises(OverQuota):
            quota.refuse(ann, 11)
        quota.refuse(ann, 10)
        return probe(*args)

    monkeypatch.setattr(videos.arrivals, "probed", looked_at)
    videos.receive(ann, file, name="talk.mp4")
    assert not Hold.objects.exists()
    assert quota.taken_bytes(ann) == size
    with pytest.raises(OverQuota):
        videos.receive(ann, arrived(), name="again.mp4")
    assert Video.objects.count() == 1


def test_the_inbox_says_why_it_does_not_take_a_file(ann: Account, tmp_path: Path):
    allow(ann, 10)
    folder = tmp_path / ann.email / "podcast"
    folder.mkdir(parents=True)
    media.video(folder / "talk.mp4", seconds=1)
    clock = iter(range(0, 100, 30))
    watched = inbox.Inbox(tmp_path, 10, lambda: next(clock))
    watched.look(), watched.look()
    assert "10 bytes" in (folder / "failed" / "talk.mp4.txt").read_text()
    assert not Video.objects.exists()


def test_a_hold_of_who_died_ends_with_its_attempt(ann: Account):
    allow(ann, 100)
    job = factories.job(ann, status=Job.Status.RUNNING, video=factories.video(ann, size=10))
    with quota.held_for(job, job.attempt, lambda: 50):
        assert quota.taken_bytes(ann) == 60
        job.release(job.attempt)
        assert quota.taken_bytes(ann) == 10
        job.start("another")
        assert quota.taken_bytes(ann) == 10, "the next attempt asks for itself"
    assert not Hold.objects.exists()


def test_holds_of_the_dead_are_swept(ann: Account):
    living = factories.job(ann, status=Job.Status.RUNNING)
    Hold.objects.create(owner=ann, size=1)
    Hold.objects.create(owner=ann, size=2, job=living, attempt=1)
    dead = Hold.objects.create(owner=ann, size=3, job=factories.job(ann, status=Job.Status.FAILED), attempt=1)
    Hold.objects.create(owner=ann, size=4)
    long_ago = timezone.now() - timedelta(hours=3)
    Hold.objects.exclude(size=1).update(created_at=long_ago)
    quota.sweep()
    assert set(Hold.objects.values_list("size", flat=True)) == {1, 2}
    assert not Hold.objects.filter(pk=dead.pk).exists()


def test_work_whose_result_does_not_fit_is_not_begun(ann: Account):
    video = videos.receive(ann, arrived(), name="talk.mp4")
    allow(ann, video.size + 1000)
    job = jobs.create(ann, video, "extract-audio", parameters.parse("extract-audio", {"format": "wav"}, video.info))
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_permanent) == (Job.Status.FAILED, "quota_full", False)
    told = r"The result needs about \d+ KB, and 1 KB of your \d+ KB are left\. Delete something, .* then try again\."
    assert re.fullmatch(told, job.error_message)
    allow(ann, video.size * 2)
    again = jobs.retry(job)
    tasks.run_job(str(again.pk))
    again.refresh_from_db()
    assert again.status == Job.Status.SUCCEEDED
    assert not Hold.objects.exists()


def test_what_was_allowed_is_not_refused_when_it_makes_more(ann: Account, monkeypatch: pytest.MonkeyPatch):
    video = videos.receive(ann, arrived(), name="talk.mp4")
    allow(ann, video.size + 10)
    monkeypatch.setattr(result_size, "expected", lambda job, info: 5)
    job = jobs.create(ann, video, "extract-audio", parameters.parse("extract-audio", {"format": "wav"}, video.info))
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert job.status == Job.Status.SUCCEEDED
    assert quota.taken_bytes(ann) > video.size + 10
    with pytest.raises(OverQuota, match="and nothing of your"):
        quota.refuse(ann, 1)


def test_how_large_a_result_will_be_is_learnt_from_others(ann: Account):
    old = factories.video(ann, size=1000)
    for size in (300, 400, 5000):
        done = factories.job(ann, status=Job.Status.SUCCEEDED, video=old, operation="trim", load_key="smart|h264")
        result(done, size)
    info = dataclasses.replace(factories.info(seconds=10), size_bytes=2000)
    asked = factories.job(ann, video=old, operation="trim", load_key="smart|hevc", load_seconds=10)
    assert result_size.expected(asked, info) == 800
    asked.load_seconds = 5
    assert result_size.expected(asked, info) == 400, "of half of it"
    asked.operation = "change-speed"
    assert result_size.expected(asked, info) == 1000, "nothing is known: as much as it is made of"


def test_second_names_for_the_same_bytes_count_once(ann: Account, tmp_path: Path):
    video = factories.video(ann, size=100)
    done = factories.job(ann, status=Job.Status.SUCCEEDED, video=video)
    first = result(done, 40, key=f"artifacts/{done.pk}/1/a.mp4")
    storage.make_folder(storage.path(first.key).parent)
    storage.path(first.key).write_bytes(bytes(40))
    twin = factories.job(ann, status=Job.Status.SUCCEEDED, video=video)
    copy = reuse._copied(twin, 1, first)
    copy.save()
    assert storage_use.of(ann).results == 40
    row = factories.video(ann, id=first.pk, artifact=first, origin=video, key=first.key, size=40)
    kept = keeping.keep(row)
    assert kept.body == first.pk
    use = storage_use.of(ann)
    assert (use.recordings, use.results, use.total) == (100, 40, 140)
    assert storage_use.by_owner()[0].total == 140
    first.delete()
    assert storage_use.of(ann).total == 140, "the bytes are there as long as one of their names is"
    copy.delete()
    assert storage_use.of(ann).total == 140
    kept.delete()
    assert storage_use.of(ann).total == 100


def test_what_is_counted_is_what_lies_on_the_disk(ann: Account, make_tree: Callable[[Path], int]):
    """Nothing but the rows is read, yet it is what the disk has."""
    video = videos.receive(ann, arrived(), name="talk.mp4")
    pending = uploads.begin(ann, name="b.mp4", length=5000)
    storage.upload_path(pending.pk).write_bytes(bytes(3000))
    Upload.objects.filter(pk=pending.pk).update(offset=3000)
    job = factories.job(ann, status=Job.Status.SUCCEEDED, video=video)
    made = result(job, 700, key=f"artifacts/{job.pk}/1/a.mp4")
    storage.make_folder(storage.path(made.key).parent)
    storage.path(made.key).write_bytes(bytes(700))
    again = reuse._copied(factories.job(ann, status=Job.Status.SUCCEEDED, video=video), 1, made)
    assert storage.link(made.key, again.key)
    again.save()
    there = sum(make_tree(storage.path(room)) for room in ("artifacts", "uploads", "images"))
    there += storage.path(video.key).stat().st_size
    assert storage_use.of(ann).total == there


@pytest.fixture
def make_tree() -> Callable[[Path], int]:
    """The bytes below a folder, each once, whatever its names."""

    def measure(folder: Path) -> int:
        found = {(file.stat().st_ino, file.stat().st_size) for file in folder.rglob("*") if file.is_file()}
        return sum(size for _, size in found)

    return measure
