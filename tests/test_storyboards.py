"""The storyboard that the library's cards and the player look through."""

import re

import pytest
from django.urls import reverse

from jobs import storage
from jobs.models import Artifact, Job
from jobs.services import storyboards
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def video(client):
    ann = factories.account("ann@example.org")
    client.force_login(ann)
    return factories.video(ann)


def board(video, sheet="Talk storyboard 01.jpg"):
    job = factories.job(video.owner, video=video, status=Job.Status.SUCCEEDED)
    common = {"job": job, "size": 9}
    made = {}
    for kind, name, media_type in (("image", sheet, "image/jpeg"), ("data", "Talk storyboard.vtt", "text/vtt")):
        key = f"artifacts/{job.pk}/{name}"
        made[kind] = Artifact.objects.create(kind=kind, name=name, media_type=media_type, key=key, **common)
    path = storage.path(made["data"].key)
    path.parent.mkdir(parents=True)
    path.write_text("WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nTalk%20storyboard%2001.jpg#xywh=0,0,160,90\n")
    return made


def test_its_file_names_the_sheets_by_their_addresses(client, video):
    made = board(video)

    response = client.get(reverse("artifact-storyboard", args=[made["data"].pk]))

    sheet = reverse("artifact-file", args=[made["image"].pk])
    assert response["Content-Type"].startswith("text/vtt")
    assert response.content.decode().splitlines()[3] == f"{sheet}#xywh=0,0,160,90"


def test_what_is_no_storyboard_is_not_found(client, video):
    made = board(video)
    assert client.get(reverse("artifact-storyboard", args=[made["image"].pk])).status_code == 404
    storage.delete(made["data"].key)
    assert client.get(reverse("artifact-storyboard", args=[made["data"].pk])).status_code == 404


def test_pages_use_the_newest_one(client, video):
    board(video)
    newest = board(video)["data"]

    assert storyboards.newest(video) == newest
    for page in ("/", video.get_absolute_url()):
        named = re.findall(r'data-storyboard="(.*?)"', client.get(page).content.decode())
        assert set(named) == {reverse("artifact-storyboard", args=[newest.pk])}


def test_without_one_the_library_shows_the_poster_and_the_page_offers_to_make_one(client, video):
    assert "data-storyboard" not in client.get("/").content.decode()
    page = client.get(video.get_absolute_url()).content.decode()
    assert "Make preview pictures for the time bar" in page

    client.post(reverse("video-run", args=[video.pk]), {"operations": "thumbnails", "thumbnails-mode": "storyboard"})

    job = Job.objects.get(video=video)
    assert (job.params["mode"], job.params["tile_width"]) == ("storyboard", 160)


def test_other_files_with_cues_are_none(video):
    job = factories.job(video.owner, video=video, status=Job.Status.SUCCEEDED, operation="transcribe")
    Artifact.objects.create(job=job, kind="data", name="x.vtt", key="x", size=1, media_type="text/vtt")

    assert storyboards.newest(video) is None


def test_sound_has_nothing_to_look_through(client, video):
    sound = factories.video(video.owner, facts=factories.info(video=None))
    page = client.get(sound.get_absolute_url()).content.decode()
    assert "data-storyboard" not in page and "Make preview pictures" not in page
