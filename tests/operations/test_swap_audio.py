import json
import re
import shutil
import uuid
from fractions import Fraction

import pytest
from django.core.exceptions import ValidationError

from jobs import storage, tasks
from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError
from jobs.models import Job
from jobs.operations import registry
from jobs.operations.swap_audio import SwapAudioParams
from jobs.services import parameters, videos
from tests import factories, spoken
from tests.api import Api, error
from tests.media import FAST_X264, picture, run_ffmpeg, url
from tests.rooms import camera, recorder

OTHER = "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"


def parsed(**params):
    return parameters.parse("swap-audio", params)


# Parameters ----------------------------------------------------------------------------------------------------------


def test_the_other_recording_alone_replaces_the_sound():
    assert parsed(audio=OTHER) == SwapAudioParams(OTHER, "replace", 0.5)
    assert parsed(audio=OTHER, mode="mix", balance=0.8).balance == 0.8


@pytest.mark.parametrize(
    "params", [{"audio": ""}, {"audio": "x"}, {"mode": "swap"}, {"mode": "mix", "balance": 1.5}, {"balance": "nan"}]
)
def test_values_that_make_no_sense_are_refused_at_their_field(params):
    with pytest.raises(ValidationError) as refused:
        parsed(**{"audio": OTHER} | params)
    assert list(refused.value.message_dict) == [list(params)[-1]]


def test_a_balance_where_nothing_is_mixed_concerns_nobody():
    assert parsed(audio=OTHER, balance=1).balance == 0.5


def test_parameters_survive_being_stored():
    params = parsed(audio=OTHER, mode="mix", balance=0.3)
    assert parameters.from_json("swap-audio", json.loads(json.dumps(parameters.as_json(params)))) == params


@pytest.mark.parametrize(("facts", "code"), [({"audio": ()}, "no_audio"), ({"seconds": 7}, "too_short")])
def test_a_recording_that_cannot_be_found_by_its_sound_is_refused_before_any_work(facts, code):
    good, bad = factories.info(), factories.info(**facts)
    operation, params = registry.get("swap-audio"), parsed(audio=OTHER)
    with pytest.raises(InputError) as refused:
        operation.check(bad, params)
    assert refused.value.code == code
    with pytest.raises(InputError) as refused:
        operation.check_inputs(good, params, {"audio": bad})
    assert refused.value.code == code
    operation.check_inputs(good, params, {"audio": good})


# The whole -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A film and a recorder of one talk, and a recorder of another one."""
    if not spoken.there():
        pytest.skip("espeak-ng is not installed")
    folder = tmp_path_factory.mktemp("recorded")
    talk = spoken.talk(3, 25)
    wav = spoken.write(folder / "camera.wav", camera(talk, noise_db=15))
    run_ffmpeg(*picture(25, 25, "64x48"), "-i", url(wav), *FAST_X264, "-c:a", "aac", url(folder / "film.mp4"))
    spoken.write(folder / "recorder.wav", recorder(talk, -2, 30, 145, 20))
    spoken.write(folder / "unlike.wav", spoken.talk(4, 25).samples)
    return folder


@pytest.fixture
def ann(db):
    storage.path("uploads").mkdir(parents=True, exist_ok=True)
    return factories.account()


def uploaded(ann, path):
    taken = storage.path("uploads") / uuid.uuid4().hex
    shutil.copy(path, taken)
    return videos.receive(ann, taken, name=path.name)


def asked(ann, recorded, other, **params):
    film, audio = uploaded(ann, recorded / "film.mp4"), uploaded(ann, recorded / other)
    body = {"video": str(film.pk), "operation": "swap-audio", "params": {"audio": str(audio.pk)} | params}
    response = Api(ann).post("/jobs", body)
    assert response.status_code == 201, response.content
    tasks.run_job(response.json()["id"])
    return Job.objects.get()


@pytest.mark.django_db(transaction=True)
def test_a_job_swaps_the_sound_and_tells_where_it_was(ann, recorded, client):
    job = asked(ann, recorded, "recorder.wav")

    assert job.status == Job.Status.SUCCEEDED, job.error_detail or job.error_message
    artifact = job.artifacts.get()
    assert (artifact.kind, artifact.name, artifact.media_type) == ("video", "film (new sound).mp4", "video/mp4")
    assert artifact.metadata["offset_ms"] == pytest.approx(-2000, abs=1)
    assert artifact.metadata["drift_ppm"] == pytest.approx(145, abs=30)
    assert artifact.metadata["frames_copied"] == 625
    assert inspect(storage.path(artifact.key)).duration == pytest.approx(Fraction(25), abs=0.05)
    client.force_login(ann)
    page = client.get(job.get_absolute_url()).content.decode()
    assert "ms: the other recording was started before the video" in page
    assert f"{artifact.metadata['agreeing']} of {artifact.metadata['windows']} places fit" in page


@pytest.mark.django_db(transaction=True)
def test_a_job_with_another_talk_fails_with_a_sentence(ann, recorded):
    job = asked(ann, recorded, "unlike.wav")

    assert (job.status, job.error_code) == (Job.Status.FAILED, "unlike")
    assert "do not seem to be of the same event" in job.error_message
    assert not job.artifacts.exists()


def test_the_page_offers_the_other_recordings(ann, recorded, client):
    film, audio = uploaded(ann, recorded / "film.mp4"), uploaded(ann, recorded / "recorder.wav")
    client.force_login(ann)
    page = client.get(f"{film.get_absolute_url()}?do=swap-audio").content.decode()
    (choices,) = re.findall(r'<select name="swap-audio-audio".*?</select>', page, re.DOTALL)
    assert f'<option value="{audio.pk}">recorder (0:30)</option>' in choices
    assert f'<option value="{film.pk}"' not in choices


def test_without_the_other_recording_there_is_a_sentence(ann, recorded):
    film = uploaded(ann, recorded / "film.mp4")
    body = {"video": str(film.pk), "operation": "swap-audio", "params": {}}
    assert error(Api(ann).post("/jobs", body)) == (422, "invalid")
