"""The page of a recording, and the work that it offers."""

import re

import pytest
from django.urls import reverse

from jobs.models import Job, Video
from jobs.operations import registry
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_page_of_a_recording_says_what_it_is(client, ann):
    video = factories.video(ann, title="Lecture 4")
    page = client.get(video.get_absolute_url()).content.decode()
    for fact in ("Lecture 4", "0:10, 1 KB", "AAC, stereo, 48 kHz", "review.mp4"):
        assert fact in page
    assert "160 by 90 at 25, H.264" in " ".join(page.split())


def test_an_audio_recording_gets_a_player_for_sound(client, ann):
    video = factories.video(ann, facts=factories.info(video=None))
    page = client.get(video.get_absolute_url()).content.decode()
    assert "<audio" in page
    assert "<video" not in page


def test_a_recording_can_be_renamed(client, ann):
    video = factories.video(ann)
    response = client.post(reverse("video-title", args=[video.pk]), {"title": "  Tuesday  "})
    assert response["Location"] == video.get_absolute_url()
    video.refresh_from_db()
    assert video.title == "Tuesday"
    assert client.post(reverse("video-title", args=[video.pk]), {"title": " "}).status_code == 422


def test_work_is_started_on_a_recording(client, ann):
    video = factories.video(ann)
    run = reverse("video-run", args=[video.pk])
    response = client.post(run, {"operations": "thumbnails", "thumbnails-count": "4"})
    assert response["Location"] == f"{video.get_absolute_url()}#jobs"
    job = Job.objects.get()
    assert (job.video, job.owner, job.params["count"]) == (video, ann, 4)


def test_wrong_settings_are_shown_where_they_were_typed(client, ann):
    video = factories.video(ann)
    run = reverse("video-run", args=[video.pk])
    response = client.post(run, {"operations": "silence-cut", "silence-cut-threshold_db": "loud"})
    assert response.status_code == 422
    assert 'value="loud"' in response.content.decode()
    assert not Job.objects.exists()


def test_work_that_the_recording_does_not_allow_is_refused(client, ann):
    video = factories.video(ann, facts=factories.info(audio=()))
    response = client.post(reverse("video-run", args=[video.pk]), {"operations": "silence-cut"})
    assert response.status_code == 422
    assert "no audio track" in response.content.decode()
    assert not Job.objects.exists()


NEEDS = {operation.slug: operation.accepts for operation in registry.every()}
ONLY_SOUND, ONLY_PICTURE = factories.info(video=None), factories.info(audio=())


@pytest.mark.parametrize(("facts", "needs"), [(ONLY_SOUND, "video"), (ONLY_PICTURE, "audio")], ids=["sound", "picture"])
def test_what_cannot_be_done_with_a_recording_is_not_offered(client, ann, facts, needs):
    factories.video(ann, title="Another one, to join it with")
    page = client.get(factories.video(ann, facts=facts).get_absolute_url()).content.decode()
    assert offered(page) == {slug for slug, accepts in NEEDS.items() if accepts != needs}
    assert page.count("needs a picture" if needs == "video" else "needs sound") >= len(NEEDS) - len(offered(page))


def offered(page):
    """The operations that the list leads to."""
    desk = {"silence-cut"} if '<a href="#cut">' in page else set()
    return set(re.findall(r'data-do="([\w-]+)"', page)) | desk


def test_what_can_be_done_is_offered(client, ann):
    factories.video(ann, title="Another one, to join it with")
    page = client.get(factories.video(ann).get_absolute_url()).content.decode()
    assert offered(page) == set(NEEDS)


@pytest.mark.parametrize("slug", [slug for slug, accepts in NEEDS.items() if accepts != "any"])
def test_what_is_not_offered_is_refused_with_its_reason_on_page_and_api(client, ann, slug):
    facts, lacks = (ONLY_SOUND, "needs a picture") if NEEDS[slug] == "video" else (ONLY_PICTURE, "needs sound")
    video, params = factories.video(ann, facts=facts), dict(registry.get(slug).example)
    typed = {f"{slug}-{name}": value for name, value in params.items()}
    response = client.post(reverse("video-run", args=[video.pk]), {"operations": slug, **typed})
    assert response.status_code == 422
    assert f"“{registry.title(slug)}” {lacks}" in response.content.decode()
    order = {"video": str(video.pk), "operation": slug, "params": params}
    answer = client.post("/api/v1/jobs", order, content_type="application/json")
    assert answer.status_code == 422
    assert lacks in answer.json()["error"]["message"]
    assert not Job.objects.exists()


def test_settings_that_need_a_picture_are_left_out_for_sound(client, ann):
    video = factories.video(ann, facts=ONLY_SOUND)
    page = client.get(video.get_absolute_url()).content.decode()
    assert 'name="trim-end"' in page
    assert 'name="trim-render"' not in page
    assert 'name="transcribe-burn"' not in client.get(f"{video.get_absolute_url()}?do=transcribe").content.decode()
    response = client.post(reverse("video-run", args=[video.pk]), {"operations": "trim", "trim-end": "2"})
    assert response.status_code == 302
    assert Job.objects.get().params["end"] == 2


def test_deleting_asks_first(client, ann):
    job = factories.job(ann)
    delete = reverse("video-delete", args=[job.video_id])
    page = client.get(delete).content.decode()
    assert "1 job with all results" in page
    assert "1 of them is still under way" in page
    assert Video.objects.exists()
    assert client.post(delete).status_code == 200, "a button asks, too, where work would be stopped"
    assert Video.objects.exists()
    assert client.post(delete, {"sure": "yes"})["Location"] == "/"
    assert not Video.objects.exists()
    assert not Job.objects.exists()
