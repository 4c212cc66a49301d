"""What the waveform of a page is drawn from, and who gets it."""

import gzip
import json

import numpy as np
import pytest
from django.test import Client

from jobs import storage
from jobs.engine.analysis import level_quantizer, peak_levels, vad
from jobs.engine.analysis.activity import whole_words
from jobs.engine.analysis.level_quantizer import LEVELS_DB
from jobs.engine.pipelines import probe
from jobs.models import Account
from tests import clips, factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db):
    return factories.account("ann@example.org")


@pytest.fixture
def client(ann):
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def video(ann):
    return recording(ann)


def recording(owner: Account):
    """Four seconds at -10 dBFS, of which the second is at -40."""
    file = storage.path("videos/one/source.mka")
    file.parent.mkdir(parents=True, exist_ok=True)
    loud = clips.Sound(loud=[(0, 1), (2, 4)], floor_db=-40, codec="pcm_s16le")
    clips.make(file, None, loud)
    return factories.video(owner, key="videos/one/source.mka", facts=probe.probe(file).info, sha256="a1" * 32)


def heard(response):
    assert response.status_code == 200
    body = response.content
    if response.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    head, _, steps = body.partition(b"\n")
    return json.loads(head), np.frombuffer(steps, np.uint8)


def test_every_step_lies_on_the_right_side_of_every_border(client, video):
    head, steps = heard(client.get(f"/videos/{video.pk}/levels"))
    measured = peak_levels.measure(storage.path(video.key), video.info)
    assert head["step_ms"] == 20
    assert head["duration_ms"] == pytest.approx(4000, abs=1)
    assert len(steps) == len(measured.db) == 200
    assert {head["sure"], head["before"], -120, -41.5, 0} <= set(head["borders"])
    assert (head["sure"], head["before"]) == peak_levels.auto_thresholds(measured)
    assert head["after"] == head["before"]
    for place, border in enumerate(head["borders"]):
        assert ((steps > place) == (measured.db >= border)).all(), border


def test_levels_on_a_border_reach_it():
    db = np.array([-np.inf, -120, -60.5, -60.51, -60.49, 0, 3], np.float32)
    found = level_quantizer.of_levels(peak_levels.Levels(db, peak_levels.STEP * len(db)))
    for border in LEVELS_DB:
        place = found.borders.index(border)
        assert ((found.steps > place) == (db >= border)).all(), border


def test_digital_silence_has_no_level_of_its_own():
    found = level_quantizer.of_levels(peak_levels.Levels(np.full(100, -np.inf, np.float32), peak_levels.STEP * 100))
    head = json.loads(found.to_bytes().partition(b"\n")[0])
    assert (head["sure"], head["before"], head["after"]) == (None, None, None)
    assert not found.steps.any()


def test_voice_is_sent_the_same_way(client, video):
    head, steps = heard(client.get(f"/videos/{video.pk}/levels?detector=voice"))
    measured = vad.measure(storage.path(video.key), video.info)
    assert head["step_ms"] == 32
    assert head["borders"] == [head["before"], head["after"], head["sure"]]
    assert ((steps == 2) == (whole_words(measured.probability) >= np.float32(head["sure"]))).all()


def test_it_is_compressed_for_those_who_can_read_that(client, video):
    plain = client.get(f"/videos/{video.pk}/levels")
    packed = client.get(f"/videos/{video.pk}/levels", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content


def test_what_a_browser_has_is_not_sent_again(client, video, monkeypatch):
    etag = client.get(f"/videos/{video.pk}/levels")["ETag"]
    monkeypatch.setattr(peak_levels, "measure", None)  # and not measured either
    again = client.get(f"/videos/{video.pk}/levels", headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert again["ETag"] == etag
    assert "private" in again["Cache-Control"]


@pytest.mark.parametrize("query", ["?detector=voice", "?track=0"])
def test_other_questions_have_other_answers(client, video, query):
    assert client.get(f"/videos/{video.pk}/levels")["ETag"] != client.get(f"/videos/{video.pk}/levels{query}")["ETag"]


def test_the_sound_is_decoded_once(client, video):
    client.get(f"/videos/{video.pk}/levels")
    kept = storage.cache_dir(video.sha256) / f"levels-all.v{peak_levels.VERSION}.npz"
    stamp = kept.stat().st_mtime_ns
    heard(client.get(f"/videos/{video.pk}/levels"))
    assert kept.stat().st_mtime_ns == stamp


def test_others_get_404_and_nobody_is_asked_to_sign_in(video):
    bob = Client()
    bob.force_login(factories.account("bob@example.org"))
    assert bob.get(f"/videos/{video.pk}/levels").status_code == 404
    assert Client().get(f"/videos/{video.pk}/levels").status_code == 401


def test_a_recording_without_sound_is_refused_in_a_sentence(client, ann):
    file = storage.path("videos/two/source.mp4")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"anything")
    mute = factories.video(ann, facts=factories.info(audio=()), key="videos/two/source.mp4")
    response = client.get(f"/videos/{mute.pk}/levels")
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "no_audio"


@pytest.mark.parametrize("query", ["detector=ears", "track=first", "track=-1", "track=9"])
def test_what_cannot_be_asked_is_refused(client, video, query):
    assert client.get(f"/videos/{video.pk}/levels?{query}").status_code == 422


def test_a_recording_whose_file_is_gone_is_not_found(client, ann):
    assert client.get(f"/videos/{factories.video(ann).pk}/levels").status_code == 404
