"""The form for uploads without JavaScript."""

from pathlib import Path

import pytest
from django.conf import settings

from jobs.models import Job, Video
from tests import media

pytestmark = pytest.mark.django_db


@pytest.fixture
def inbox():
    """The folder that the web process makes when it starts."""
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def recording(tmp_path, inbox):
    return media.video(tmp_path / "garden-walk.mp4", seconds=1)


def test_the_plain_form_takes_recordings_and_the_work_on_them(client, ann, recording):
    with recording.open("rb") as file:
        response = client.post("/submit/", {"file": file, "operations": "thumbnails", "thumbnails-count": "2"})
    assert response.status_code == 302
    assert response["Location"] == "/queue/"
    video = Video.objects.get()
    assert (video.owner, video.title) == (ann, "garden walk")
    job = Job.objects.get()
    assert (job.video, job.operation, job.params["count"]) == (video, "thumbnails", 2)


def test_the_plain_form_takes_a_recording_again_only_when_told_to(client, ann, recording):
    for more, status in [({}, 302), ({}, 422), ({"duplicate": "allow"}, 302)]:
        with recording.open("rb") as file:
            response = client.post("/submit/", {"file": file, **more})
        assert response.status_code == status
        if status == 422:
            assert "already there as “garden walk”" in response.content.decode()
    assert Video.objects.count() == 2


def test_the_plain_form_without_work_leads_to_the_library(client, ann, recording):
    with recording.open("rb") as file:
        assert client.post("/submit/", {"file": file})["Location"] == "/"


def test_wrong_settings_are_told_and_nothing_is_kept(client, ann, recording):
    with recording.open("rb") as file:
        response = client.post(
            "/submit/", {"file": file, "operations": "silence-cut", "silence-cut-threshold_db": "loud"}
        )
    page = response.content.decode()
    assert response.status_code == 422
    assert "Write auto, or a level in dBFS" in page
    assert 'value="loud"' in page
    assert not Video.objects.exists()


def test_what_is_no_recording_is_refused_with_its_name(client, ann, tmp_path, inbox):
    file = tmp_path / "notes.mp4"
    file.write_text("not a recording at all\n" * 50)
    with file.open("rb") as opened:
        response = client.post("/submit/", {"file": opened})
    assert response.status_code == 422
    assert "notes.mp4: " in response.content.decode()
    assert not Video.objects.exists()
    assert [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()] == []


def test_a_form_without_a_file_says_so(client, ann):
    response = client.post("/submit/", {"operations": "thumbnails"})
    assert response.status_code == 422
    assert "Choose a recording first, or paste the address of one." in response.content.decode()


def test_the_settings_of_all_work_come_when_the_bar_is_opened_or_by_a_link(client, ann):
    field = 'name="split-minutes"'
    assert field not in client.get("/").content.decode()
    assert field in client.get("/order/settings/").content.decode()
    assert field in client.get("/?settings=1").content.decode()
