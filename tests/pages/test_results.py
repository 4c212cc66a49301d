"""What came of the work on a recording, as cards on its page, and all of it as one file."""

import html
import io
import zipfile

import pytest
from django.urls import reverse

from jobs import storage
from jobs.models import Job
from jobs.services import results as services
from tests import factories
from tests.pages.rows import S, artifact
from tests.pages.test_versions import done, words

pytestmark = pytest.mark.django_db


def results(client, video) -> str:
    return client.get(reverse("video-part", args=[video.pk, "results"])).content.decode()


def cards(client, video) -> str:
    return words(html.unescape(results(client, video)))


def test_a_recording_without_results_shows_none(client, ann):
    assert "hidden" in results(client, factories.video(ann)).split(">")[0]


def test_pictures_can_become_the_poster(client, ann):
    job = done(ann, operation="thumbnails")
    for place in range(2):
        artifact(job, name=f"{place}.jpg", metadata={"time": 3.5, "width": 640}, position=place)
    page = results(client, job.video)
    assert "2 pictures, 640 px, JPEG" in page
    assert page.count(f'action="{reverse("artifact-poster", args=[job.artifacts.first().pk])}"') == 1
    assert "2 files, 9.8 KB" in words(page)


def test_a_storyboard_is_for_the_player_alone(client, ann):
    job = done(ann, operation="thumbnails")
    artifact(job, name="storyboard 01.jpg")
    artifact(job, "data", name="storyboard.vtt", media_type="text/vtt", metadata={"storyboard": True})
    assert "Thumbnails" not in results(client, job.video)
    page = client.get(job.video.get_absolute_url()).content.decode()
    assert 'data-storyboard="' in page


def test_sound_says_what_it_is_and_has_an_address(client, ann):
    job = done(ann, operation="extract-audio")
    told = {"codec": "opus", "bit_rate": 64_200, "loudness": {"lufs_after": -16.02}}
    sound = artifact(job, "audio", name="talk.opus", metadata=told)
    page = results(client, job.video)
    assert "Opus 64 kbit/s, 4.9 KB, \N{MINUS SIGN}16 LUFS" in page
    assert f'data-copy="{reverse("artifact-file", args=[sound.pk])}"' in page
    assert f'data-levels="{reverse("video-levels", args=[job.video_id])}"' in page


def test_a_cut_for_other_programs_stands_beside_its_version(client, ann):
    job = done(ann)
    artifact(job, "video", name="talk (cut).mp4", metadata={"keep": [[0, 1], [2, 3], [4, 5]]})
    told = {"format": "OpenTimelineIO", "frame_rate": "30000/1001"}
    artifact(job, "timeline", name="talk (cut).otio", metadata=told)
    said = cards(client, job.video)
    assert "Cut for other programs" in said
    assert "2 cuts, frame exact, 29.97 fps" in said
    assert "talk (cut).mp4" not in said


def test_what_was_made_of_a_version_is_on_the_page_of_the_recording_too(client, ann):
    first = done(ann)
    cut = artifact(first, "video", name="cut.mp4")
    source = factories.video(ann, pk=cut.pk, artifact=cut, origin=first.video, title="cut")
    job = done(ann, video=first.video, on_result=True, source=source, operation="extract-audio")
    artifact(job, "audio", name="cut.mp3")
    other = done(ann, video=first.video, operation="thumbnails")
    artifact(other)
    assert "Sound alone" in cards(client, first.video)
    assert "Sound alone" in cards(client, source)
    assert "Thumbnails" not in cards(client, source)


def test_a_result_whose_file_is_gone_says_so(client, ann):
    job = done(ann, operation="extract-audio")
    artifact(job, "audio", name="talk.opus", missing_since=job.finished_at)
    assert "Missing from the server" in results(client, job.video)


def test_all_results_come_as_one_file_with_names_of_their_own(client, ann):
    job = done(ann, operation="thumbnails")
    for place, name in enumerate(("one.jpg", "ONE.jpg", "gone.jpg")):
        made = artifact(job, name=name, position=place)
        made.key = f"artifacts/{job.pk}/{place}.jpg"
        made.save()
        if name != "gone.jpg":
            path = storage.path(made.key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
    answer = client.get(reverse("video-results", args=[job.video_id]))
    assert "Weekly review (results).zip" in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(b"".join(answer))) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {
            "one.jpg": b"one.jpg",
            "ONE (2).jpg": b"ONE.jpg",
            "left out.txt": b"Missing from the server:\ngone.jpg\n",
        }


def test_one_file_holds_what_all_work_has_made_however_much_has_a_card(client, ann, monkeypatch):
    monkeypatch.setattr(services, "MOST_JOBS", 2)
    monkeypatch.setattr(services, "AT_ONCE", 2)
    video = factories.video(ann)
    for number in range(5):
        made = artifact(done(ann, video=video, operation="thumbnails"), name=f"{number}.jpg")
        made.key = f"artifacts/{made.job_id}/{number}.jpg"
        made.save()
        storage.path(made.key).parent.mkdir(parents=True, exist_ok=True)
        storage.path(made.key).write_bytes(b"picture")
    assert "2 files, 9.8 KB" not in cards(client, video), "what is said beside the button is not all of it"
    answer = client.get(reverse("video-results", args=[video.pk]))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer))) as packed:
        assert sorted(packed.namelist()) == [f"{number}.jpg" for number in range(5)]


def test_without_results_there_is_nothing_to_pack(client, ann):
    assert client.get(reverse("video-results", args=[factories.video(ann).pk])).status_code == 404


def test_no_part_of_a_page_but_its_own_is_found(client, ann):
    assert client.get(reverse("video-part", args=[factories.video(ann).pk, "secrets"])).status_code == 404


def test_cards_come_with_the_newest_first_and_work_that_has_ended_otherwise_makes_none(client, ann):
    video = factories.video(ann)
    for status in (S.FAILED, S.CANCELLED):
        artifact(factories.job(ann, video=video, status=status))
    assert "<article" not in results(client, video)
    assert Job.objects.count() == 2
