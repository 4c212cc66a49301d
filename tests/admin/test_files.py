"""What is deleted in the admin takes its files along."""

import pytest

from jobs import storage
from jobs.models import Job, Upload, Video
from jobs.services import part_files, uploads
from tests import factories
from tests.admin.conftest import act, address, delete, with_file, with_source

pytestmark = pytest.mark.django_db
S = Job.Status


def test_selected_videos_are_deleted_with_all_files(admin_client, ann):
    video, source = with_source(ann)
    other, kept = with_source(ann)
    _, result = with_file(factories.job(ann, video=video, status=S.SUCCEEDED))
    act(admin_client, Video, "delete_selected", video, post="yes")
    assert list(Video.objects.all()) == [other]
    assert not source.exists()
    assert not result.exists()
    assert kept.exists()


def test_a_deleted_result_takes_its_file_and_leaves_the_job(admin_client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    artifact, file = with_file(job)
    _, other = with_file(job, "2.jpg")
    delete(admin_client, artifact)
    assert not file.exists()
    assert other.exists()
    assert Job.objects.get().artifacts.count() == 1


def test_a_deleted_upload_takes_its_part_file(admin_client, ann):
    upload = uploads.begin(ann, name="talk.mp4", length=100)
    part = storage.upload_path(upload.pk)
    assert part.exists()
    delete(admin_client, upload)
    assert not part.exists()
    assert Upload.objects.count() == 0


def test_only_the_title_of_a_video_can_be_changed(admin_client, ann):
    video = factories.video(ann)
    admin_client.post(address(Video, "change", video.pk), {"title": "New", "sha256": "1" * 64, "key": "../etc"})
    changed = Video.objects.get()
    assert (changed.title, changed.sha256, changed.key) == ("New", video.sha256, video.key)


def test_an_upload_that_is_just_arriving_stays_and_is_named(admin_client, ann):
    upload = uploads.begin(ann, name="talk.mp4", length=100)
    with part_files.held(upload):
        page = delete(admin_client, upload).content.decode()
    assert "Another request is at this upload" in page
    assert "deleted successfully" not in page
    assert Upload.objects.count() == 1
