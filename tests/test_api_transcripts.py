"""The transcript of a recording through the API, in step with the one on its page."""

from pathlib import Path

import pytest
from django.conf import settings

from jobs import storage
from jobs.services import transcripts
from tests import factories, transcribed
from tests.api import Api, error

pytestmark = pytest.mark.django_db
SAID = transcribed.transcript((1, "we seize the day"), (5, "and that was it"))


@pytest.fixture
def video():
    video = factories.video(factories.account("ann@example.org"))
    transcribed.keep(video, SAID, Path(settings.MEDIA_ROOT))
    return video


@pytest.fixture
def ann(video):
    return Api(video.owner)


def said(found):
    return [line["text"] for line in found["lines"]]


def test_every_word_has_its_time(ann, video):
    response = ann.get(f"/videos/{video.pk}/transcript")
    found = response.json()
    assert said(found) == ["we seize the day", "and that was it"]
    assert found["lines"][1]["words"][0] == {"text": "and", "start": 5, "end": 5.4, "confidence": 0.8, "glued": False}
    assert (found["language"], found["engine"], found["changes"]) == ("en", "pocketsphinx", 0)
    assert response.headers["ETag"].strip('W/"') == found["version"] == transcripts.of(video).version


def test_lines_are_changed_together_and_all_files_follow(ann, video):
    before = ann.get(f"/videos/{video.pk}/transcript").json()
    lines = [{"line": 0, "text": "we cease the day"}, {"line": 1, "text": ""}]
    after = ann.patch(f"/videos/{video.pk}/transcript", {"version": before["version"], "lines": lines}).json()
    assert said(after) == ["we cease the day", ""]
    assert (after["changes"], after["version"] != before["version"]) == (2, True)
    assert after["lines"][0]["words"][0] == before["lines"][0]["words"][0]
    assert after["lines"][0]["words"][1]["confidence"] is None
    files = transcripts.of(video).files
    assert "cease" in storage.path(files[".srt"].key).read_text()
    assert ann.get(f"/videos/{video.pk}/transcript").json() == after


def test_a_change_of_an_older_version_is_refused(ann, video):
    before = ann.get(f"/videos/{video.pk}/transcript").json()["version"]
    address = f"/videos/{video.pk}/transcript"
    mine = ann.patch(address, {"version": before, "lines": [{"line": 0, "text": "mine"}]}).json()
    theirs = ann.patch(address, {"version": before, "lines": [{"line": 1, "text": "theirs"}]})
    assert error(theirs) == (409, "changed")
    assert error(ann.post(f"{address}/undo", {"version": before})) == (409, "changed")
    assert ann.get(address).json() == mine


def test_a_line_that_is_not_there_changes_none(ann, video):
    version = transcripts.of(video).version
    lines = [{"line": 0, "text": "mine"}, {"line": 2, "text": "nothing"}]
    refused = ann.patch(f"/videos/{video.pk}/transcript", {"version": version, "lines": lines})
    assert error(refused) == (422, "no_line")
    assert transcripts.of(video).version == version


@pytest.mark.parametrize(
    "body", [{}, {"version": "x"}, {"version": "x", "lines": []}, {"version": "x", "lines": [{"line": -1, "text": ""}]}]
)
def test_a_change_that_says_nothing_is_a_422(ann, video, body):
    assert error(ann.patch(f"/videos/{video.pk}/transcript", body)) == (422, "invalid")


def test_changes_are_taken_back_one_by_one(ann, video):
    address = f"/videos/{video.pk}/transcript"
    version = ann.get(address).json()["version"]
    lines = [{"line": 0, "text": "one"}, {"line": 1, "text": "two"}]
    changed = ann.patch(address, {"version": version, "lines": lines}).json()
    once = ann.post(f"{address}/undo", {"version": changed["version"]}).json()
    assert said(once) == ["one", "and that was it"]
    twice = ann.post(f"{address}/undo", {"version": once["version"]}).json()
    assert said(twice) == said(ann.get(address).json()) == ["we seize the day", "and that was it"]
    assert error(ann.post(f"{address}/undo", {"version": twice["version"]})) == (422, "no_edit")


def test_without_a_transcript_there_is_none(ann, video):
    other = factories.video(video.owner)
    assert error(ann.get(f"/videos/{other.pk}/transcript")) == (404, "not_found")


def test_a_transcript_of_others_does_not_exist(video):
    bob = Api(factories.account("bob@example.org"))
    version = transcripts.of(video).version
    answers = [
        bob.get(f"/videos/{video.pk}/transcript"),
        bob.patch(f"/videos/{video.pk}/transcript", {"version": version, "lines": [{"line": 0, "text": "x"}]}),
        bob.post(f"/videos/{video.pk}/transcript/undo", {"version": version}),
    ]
    assert [error(answer) for answer in answers] == [(404, "not_found")] * 3
