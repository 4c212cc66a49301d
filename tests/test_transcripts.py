"""The newest transcript of a recording, and changes to its lines."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from jobs import storage
from jobs.engine.captions import cues
from jobs.errors import InputError
from jobs.models import Artifact, Job
from jobs.services import transcripts
from tests import factories, transcribed
from tests.markup import squeezed

pytestmark = pytest.mark.django_db
SAID = transcribed.transcript((1, "we seize the day"), (5, "and <b>that</b> was it"))


@pytest.fixture
def video():
    video = factories.video(factories.account("ann@example.org"))
    transcribed.keep(video, SAID, Path(settings.MEDIA_ROOT))
    return video


@pytest.fixture
def ann(client, video):
    client.force_login(video.owner)
    return client


def texts(video) -> dict[str, str]:
    """What the files of the newest transcript hold, by their endings."""
    found = transcripts.of(video)
    assert found is not None
    return {suffix: storage.path(one.key).read_text() for suffix, one in found.files.items()}


def version(video) -> str:
    return transcripts.of(video).version


def change(client, video, place=0, text="we cease the day", **more):
    body = {"version": version(video), "text": text} | more
    address = reverse("transcript-line", args=[video.pk, place])
    return client.post(address, json.dumps(body), content_type="application/json")


def test_the_newest_one_is_shown(video):
    newer = transcribed.transcript((2, "another try"))
    transcribed.keep(video, newer, Path(settings.MEDIA_ROOT))
    assert transcripts.of(video).transcript == newer
    Job.objects.order_by("-finished_at").first().delete()
    assert transcripts.of(video).transcript == SAID


def test_a_transcript_whose_file_is_gone_or_broken_is_none(video):
    path = storage.path(transcripts.newest(video).key)
    for content in ("{", "[1]", '{"version": 1}'):
        path.write_text(content)
        assert transcripts.of(video) is None
    path.unlink()
    assert transcripts.of(video) is None
    with transcripts.file_of(video) as file:
        assert file is None


def test_a_change_is_in_every_file_and_the_old_files_are_gone(video):
    before = {one.pk: one.key for one in Artifact.objects.all()}
    changed = transcripts.edit(transcripts.of(video), version(video), 0, "we cease the day")
    assert changed.transcript.lines[0].text == "we cease the day"
    found = texts(video)
    assert all("we cease the day" in found[suffix] for suffix in (".srt", ".vtt", ".txt"))
    assert cues.parse(found[".vtt"])[0].start == 1
    assert {one.pk for one in Artifact.objects.all()} == set(before)
    assert not any(storage.path(key).exists() for key in before.values())
    for one in Artifact.objects.all():
        assert one.size == storage.path(one.key).stat().st_size
    assert list((Path(settings.MEDIA_ROOT) / "scratch").iterdir()) == []


def test_changes_are_taken_back(video):
    before = texts(video)
    first = transcripts.edit(transcripts.of(video), version(video), 0, "one")
    second = transcripts.edit(first, first.version, 1, "")
    assert texts(video)[".txt"] == "one\n"
    transcripts.undo(transcripts.undo(second, second.version), version(video))
    assert texts(video) == before


def test_of_two_changes_at_once_the_later_one_is_told(video):
    stored = transcripts.of(video)
    transcripts.edit(stored, stored.version, 0, "mine")
    # Both read the same version; the second has not seen the first's change.
    with pytest.raises(InputError) as refused:
        transcripts.edit(stored, stored.version, 1, "yours")
    assert refused.value.code == "changed"
    assert texts(video)[".txt"].startswith("mine")
    assert "yours" not in texts(video)[".json"]
    present = {Path(one.key).name for one in Artifact.objects.all()}
    folder = storage.path(Artifact.objects.first().key).parent
    assert {path.name for path in folder.iterdir()} == present, "files of the lost change are left"


def test_a_change_by_the_page(ann, video):
    told = change(ann, video).json()
    assert told["line"]["words"][1] == [1.4, 1.8, "cease"]
    assert (told["changes"], told["place"], told["version"]) == (1, 0, version(video))
    undo = reverse("transcript-undo", args=[video.pk])
    told = ann.post(undo, json.dumps({"version": version(video)}), content_type="application/json").json()
    assert (told["changes"], told["line"]["words"][1][2]) == (0, "seize")
    again = ann.post(undo, json.dumps({"version": version(video)}), content_type="application/json")
    assert (again.status_code, again.json()["error"]["code"]) == (422, "no_edit")


@pytest.mark.parametrize(
    ("more", "status"),
    [({"place": 9}, 422), ({"text": "x" * 600}, 422), ({"version": "old"}, 409), ({"version": None}, 409)],
)
def test_a_change_that_cannot_be_made_says_why(ann, video, more, status):
    answer = change(ann, video, **more)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].endswith(".")
    assert texts(video)[".txt"].startswith("we seize")


@pytest.mark.parametrize("body", ["", "[]", "{", "3", '{"text": "x"}'])
def test_a_change_that_cannot_be_understood_is_refused(ann, video, body):
    address = reverse("transcript-line", args=[video.pk, 0])
    assert ann.post(address, body, content_type="application/json").status_code == 422


def test_nobody_else_reads_or_changes_it(client, video):
    addresses = [reverse("transcript", args=[video.pk]), reverse("video-part", args=[video.pk, "transcript"])]
    assert [client.get(address).status_code for address in addresses] == [401, 302]
    client.force_login(factories.account("eve@example.org"))
    assert [client.get(address).status_code for address in addresses] == [404, 404]
    assert change(client, video).status_code == 404
    undo = reverse("transcript-undo", args=[video.pk])
    assert client.post(undo, "{}", content_type="application/json").status_code == 404
    assert texts(video)[".txt"].startswith("we seize")


def test_the_page_shows_it_as_text_without_scripts(ann, video):
    html = squeezed(ann.get(video.get_absolute_url()).content.decode())
    assert "we seize the day" in html
    assert "and &lt;b&gt;that&lt;/b&gt; was it" in html
    assert "written down by pocketsphinx" in html
    assert "Expect" in html
    files = transcripts.of(video).files
    assert set(files) == {".srt", ".vtt", ".txt", ".json"}
    for one in files.values():
        assert reverse("artifact-file", args=[one.pk]) in html
    assert f'<track kind="captions" src="{reverse("artifact-file", args=[files[".vtt"].pk])}"' in html


def test_a_recording_without_one_has_no_transcript(client):
    video = factories.video(factories.account("bob@example.org"))
    client.force_login(video.owner)
    assert "Find in the transcript" not in client.get(video.get_absolute_url()).content.decode()
    assert client.get(reverse("transcript", args=[video.pk])).status_code == 404


@pytest.mark.parametrize("burnt", [False, True])
def test_a_result_is_played_with_its_captions_unless_they_are_in_the_picture(ann, video, burnt):
    job = Job.objects.get(operation="transcribe")
    film = {"name": "a.mp4", "key": "artifacts/none", "size": 1, "media_type": "video/mp4", "sha256": "0" * 64}
    Artifact.objects.create(job=job, kind="video", position=9, metadata={"burnt": burnt}, **film)
    html = squeezed(ann.get(reverse("job", args=[job.pk])).content.decode())
    captions_file = job.artifacts.get(media_type="text/vtt")
    assert (f'<track kind="captions" src="{reverse("artifact-file", args=[captions_file.pk])}"' in html) is not burnt
