import json
import shutil

import pytest
from django.core.exceptions import ValidationError

from jobs import storage, tasks
from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError
from jobs.models import Job
from jobs.operations import registry
from jobs.operations.clean_audio import CleanAudioParams
from jobs.services import parameters, videos
from tests import factories, spoken
from tests.api import Api
from tests.media import FAST_X264, picture, run_ffmpeg, url


def parsed(**params):
    return parameters.parse("clean-audio", params)


def test_nothing_given_means_less_noise_and_no_hum():
    assert parsed() == CleanAudioParams(0.5, "auto", None, None, 0)
    assert parsed(loudness_lufs="on", highpass_hz=80) == CleanAudioParams(0.5, "auto", 80.0, -16.0, 0)
    assert parsed(strength=0).strength == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strength", 1.1),
        ("strength", "strong"),
        ("strength", "nan"),
        ("hum", "55"),
        ("highpass_hz", 5000),
        ("loudness_lufs", 3),
        ("track", -1),
    ],
)
def test_values_that_make_no_sense_are_refused_at_their_field(name, value):
    with pytest.raises(ValidationError) as refused:
        parsed(**{name: value})
    assert list(refused.value.message_dict) == [name]


def test_parameters_survive_being_stored():
    params = parsed(strength=0.3, hum="60", highpass_hz=90, loudness_lufs=-18, track=1)
    assert parameters.from_json("clean-audio", json.loads(json.dumps(parameters.as_json(params)))) == params


def test_a_track_that_is_not_there_is_refused():
    with pytest.raises(InputError):
        registry.get("clean-audio").check(factories.info(), parsed(track=1))


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not spoken.there(), reason="espeak-ng is not installed")
def test_a_job_cleans_the_sound_and_plays_both(tmp_path, client):
    storage.path("uploads").mkdir(parents=True, exist_ok=True)
    talk = spoken.talk(7, 12)
    wav = spoken.write(tmp_path / "noisy.wav", talk.over(spoken.room(len(talk.samples), 3), 10))
    run_ffmpeg(*picture(12, 25, "64x48"), "-i", url(wav), *FAST_X264, "-c:a", "aac", url(tmp_path / "film.mp4"))
    taken = storage.path("uploads") / "film"
    shutil.copy(tmp_path / "film.mp4", taken)
    ann = factories.account()
    film = videos.receive(ann, taken, name="film.mp4")

    body = {"video": str(film.pk), "operation": "clean-audio", "params": {"loudness_lufs": -16}}
    response = Api(ann).post("/jobs", body)
    assert response.status_code == 201, response.content
    tasks.run_job(response.json()["id"])

    job = Job.objects.get()
    assert job.status == Job.Status.SUCCEEDED, job.error_detail or job.error_message
    artifact = job.artifacts.get()
    assert (artifact.kind, artifact.name, artifact.media_type) == ("video", "film (clean).mp4", "video/mp4")
    assert artifact.metadata["after"]["loudness_lufs"] == pytest.approx(-16, abs=0.5)
    assert artifact.metadata["frames_copied"] == 300
    assert inspect(storage.path(artifact.key)).video == inspect(tmp_path / "film.mp4").video
    client.force_login(ann)
    page = client.get(job.get_absolute_url()).content.decode()
    assert "Before and after" in page
    assert f"/videos/{film.pk}/file" in page
    assert "dBFS before" in page
