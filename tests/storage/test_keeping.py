"""What holds files and rows together, with a bucket in place of a folder: sweep, backup, restore, custody."""

import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from jobs import storage
from jobs.errors import InputError
from jobs.models import Account, Artifact, Image, Install, Job, Video
from jobs.services import backups, custody, images, restoring, storage_use, sweeping, trash, videos
from tests import factories
from tests.backups.installs import emptied, everything, silent
from tests.bucket import faults as wrong
from tests.bucket.faults import Faults
from tests.servers import ObjectStorage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("site_in_bucket")]
S = Job.Status


def put(key: str, content: bytes) -> str:
    storage.put_new(content, key)
    return key


@pytest.fixture
def ann(settings: Any, tmp_path: Path) -> Account:
    """With a recording and its poster, a result and an image."""
    settings.DATA_DIR = tmp_path
    ann = factories.account()
    video = factories.video(ann, size=4000, sha256="a" * 64)
    video.key = put(f"videos/{video.pk}/source.mp4", b"film" * 1000)
    video.poster = put(f"videos/{video.pk}/poster-x.jpg", b"poster")
    video.save()
    job = factories.job(ann, video=video, status=S.SUCCEEDED)
    key = put(f"artifacts/{job.pk}/1/cut.mp4", b"cut")
    Artifact.objects.create(job=job, kind="video", name="cut.mp4", key=key, size=3, media_type="video/mp4")
    image = Image(owner=ann, name="logo.png", size=4, sha256="b" * 64, width=1, height=1)
    image.key = put(images.key_of(image.pk), b"logo")
    image.save()
    return ann


@pytest.fixture
def late(ann: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that was made for the test is more than an hour old."""
    now, seconds = time.time, 2 * sweeping.YOUNG_SECONDS
    monkeypatch.setattr(sweeping.time, "time", lambda: now() + seconds)
    for rows in (Video.with_trash, Artifact.with_trash, Image.objects):
        rows.update(created_at=Now() - timedelta(seconds=seconds))


def test_what_fits_together_is_clean(late: None, site_in_bucket: Faults) -> None:
    assert custody.is_ours(Install.get())
    site_in_bucket.forget()
    report = sweeping.run()
    assert report.is_clean and (report.files, report.rows) == (4, 3), report.sentences
    assert len(site_in_bucket.made("GET")) == len(custody.ROOMS), "each room is listed as a whole"
    assert not site_in_bucket.made("HEAD"), "what the list tells is not asked again"


def test_files_of_both_storages_are_swept_while_an_install_moves(ann: Account, late: None, settings: Any) -> None:
    settings.STORAGE_ALSO = str(settings.SCRATCH_DIR / "also")
    folder = storage.FolderStore(settings.SCRATCH_DIR / "also")
    folder.put_new(b"1", Video.objects.get().key.replace("source", "another"))
    report = sweeping.run()
    assert (report.files, report.strays.count, report.missing.count) == (5, 1, 0)


def test_strays_go_and_rows_without_files_are_marked(ann: Account, late: None, bucket: ObjectStorage) -> None:
    stray = put(f"videos/{uuid.uuid4()}/source.mp4", b"nobody's")
    half = put(f"artifacts/{uuid.uuid4()}/1/{uuid.uuid4()}.poster.jpg", b"half")
    video = Video.objects.get()
    storage.delete(video.key)
    report = sweeping.run(fix=True)
    assert (report.strays.count, report.half_moved.count, report.missing.count) == (1, 1, 1)
    assert not {f"site/{stray}", f"site/{half}"} & set(bucket.keys())
    video.refresh_from_db()
    assert video.missing_since
    put(video.key, b"film" * 1000)
    assert sweeping.run(fix=True).is_clean
    video.refresh_from_db()
    assert video.missing_since is None


def test_nothing_is_judged_while_the_bucket_does_not_answer(late: None, site_in_bucket: Faults) -> None:
    custody.is_ours(Install.get())
    with site_in_bucket.inject(wrong.Status(403, "AccessDenied"), "", "", times=99), pytest.raises(OSError):
        sweeping.run(fix=True)
    assert not Video.objects.exclude(missing_since=None).exists()


def test_another_database_judges_nothing_there(late: None) -> None:
    assert custody.is_ours(Install.get())
    Install.objects.update(identity=uuid.uuid4())
    assert not custody.is_ours(Install.get())


def test_an_install_comes_back_from_a_backup(
    ann: Account, bucket: ObjectStorage, settings: Any, tmp_path: Path
) -> None:
    custody.is_ours(Install.get())
    rows, keys = everything(), bucket.keys("site/")
    made = backups.make(tmp_path / "backups", silent)
    assert made.missing == [] and made.facts["files"] == 4
    read = []
    backups.make(tmp_path / "backups", read.append)
    assert not read, "what has not changed is not fetched again"
    settings.MEDIA_ROOT = tmp_path / "none"
    settings.MEDIA_ROOT.mkdir()
    emptied(settings.MEDIA_ROOT)
    storage.delete_tree("videos")
    storage.delete_tree("artifacts")
    assert restoring.restore(backups.find(tmp_path / "backups"), silent) == []
    assert everything() == rows and bucket.keys("site/") == keys
    assert storage.read(Video.objects.get().key) == b"film" * 1000
    assert custody.is_ours(Install.get())


def test_what_the_bucket_does_not_delete_it_deletes_at_the_next_try(
    ann: Account, bucket: ObjectStorage, site_in_bucket: Faults
) -> None:
    key, removal = Video.objects.get().key, trash.remove(Video.objects.get())
    assert removal
    with site_in_bucket.inject(wrong.Status(403, "AccessDenied"), "POST", "delete", times=99):
        assert trash.purge(removal)
        assert trash.sweep() == 0
    assert storage.exists(key) and Video.with_trash.exists()
    with pytest.raises(InputError, match="not in the trash"):
        trash.restore(removal)
    assert trash.sweep() == 1
    assert not storage.exists(key) and not Video.with_trash.exists()


def test_rows_go_whether_or_not_the_bucket_deletes_their_files(ann: Account, site_in_bucket: Faults) -> None:
    with site_in_bucket.inject(wrong.Status(403, "AccessDenied"), "POST", "delete", times=99):
        videos.delete(Video.objects.get())
        images.delete(Image.objects.get())
    assert not Video.with_trash.exists() and not Image.objects.exists()


def test_what_is_deleted_leaves_the_bucket(ann: Account, bucket: ObjectStorage) -> None:
    assert storage_use.of(ann).total == 4007
    images.delete(Image.objects.get())
    videos.delete(Video.objects.get())
    assert bucket.keys("site/") == []
