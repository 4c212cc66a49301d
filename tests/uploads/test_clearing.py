"""What is cleared away, what is started late, and what the services refuse."""

import fcntl
import io
import os
import time
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import storage
from jobs.errors import InputError
from jobs.models import Account, Job, Upload, Video
from jobs.services import parameters, part_files, uploads, videos
from tests import factories
from tests.site import Client, Site
from tests.tus import metadata, upload
from tests.uploads.parts import pending, stored


def test_what_nobody_goes_on_with_is_cleared_away(owner: Account):
    old, young = pending(owner, b"old"), pending(owner, b"young")
    Upload.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert uploads.expire() == 1
    assert set(Upload.objects.all()) == {young}
    assert stored() == {f"uploads/{young.pk}.part"}


def test_an_upload_under_way_does_not_expire(owner: Account):
    upload = pending(owner, b"x")
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with storage.upload_path(upload.pk).open() as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        assert uploads.expire() == 0
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    uploads.append(upload, 1, io.BytesIO(b"y"))
    assert uploads.expire() == 0, "every chunk puts it off"


def test_files_without_an_upload_are_cleared_away_once_they_are_old(owner: Account):
    kept = pending(owner, b"kept")
    folder = storage.upload_path(kept.pk).parent
    names = [f"{uuid.uuid4()}.part", "tmpabcdef.upload.mp4", f"{uuid.uuid4()}.poster.jpg"]
    for name in names:
        (folder / name).write_bytes(b"left behind")
    assert uploads.expire() == 0
    long_ago = time.time() - 2 * part_files.ORPHANED_SECONDS
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert uploads.expire() == 3
    assert stored() == {f"uploads/{kept.pk}.part"}


def test_work_is_started_after_a_crash_before_it(owner: Account, talk: bytes):
    work = {"thumbnails": parameters.as_json(parameters.parse("thumbnails", {}))}
    upload = uploads.begin(owner, name="talk.mp4", length=len(talk), work=work)
    path = storage.upload_path(upload.pk)
    path.write_bytes(talk)
    video = videos.receive(owner, path, name="talk.mp4", pk=upload.pk)  # and here the process ended
    uploads.expire()
    assert [job.operation for job in video.jobs.all()] == ["thumbnails"]
    assert not Upload.objects.exists()
    videos.start(video, work)
    assert video.jobs.count() == 1, "each job is made once"


def test_the_same_bytes_are_told_apart_only_when_asked_to(owner: Account, talk: bytes):
    def receive(who: Account, **options: bool) -> Video:
        file = storage.upload_path(uuid.uuid4())
        file.write_bytes(talk)
        return uploads.receive(who, file, name="talk.mp4", **options)

    first = receive(owner)
    with pytest.raises(uploads.DuplicateVideo) as refusal:
        receive(owner, allow_duplicate=False)
    assert refusal.value.video == first
    assert receive(owner) != first
    assert receive(factories.account("bob@example.org"), allow_duplicate=False), "others' recordings do not count"
    assert not [name for name in stored() if name.startswith("uploads/")]


def test_a_deleted_recording_leaves_nothing(owner: Account, talk: bytes):
    file = storage.upload_path(uuid.uuid4())
    file.write_bytes(talk)
    work = {"thumbnails": parameters.as_json(parameters.parse("thumbnails", {}))}
    video = uploads.receive(owner, file, name="talk.mp4", work=work)
    assert stored() and video.jobs.count() == 1
    videos.delete(video)
    assert not stored()
    assert not Job.objects.exists() and not Video.objects.exists()


def test_unknown_work_is_refused(owner: Account, talk: bytes):
    file = storage.upload_path(uuid.uuid4())
    file.write_bytes(talk)
    with pytest.raises(InputError, match="paint-it-red"):
        uploads.receive(owner, file, name="talk.mp4", work={"paint-it-red": {}})
    assert not stored()


def test_metadata_carries_any_name(site: Site, ann: Client, talk: bytes):
    answer = upload(ann, talk, filename="../../Besuch \u202eder\x07 K\u00f6nigin \U0001f3a5.mp4", title="")
    with site.orm():
        video = Video.objects.get(pk=answer.headers["Video-Id"])
    assert video.name == "Besuch der K\u00f6nigin \U0001f3a5.mp4"
    assert video.title == "Besuch der K\u00f6nigin \U0001f3a5"
    assert metadata(filename="a") == "filename YQ=="
