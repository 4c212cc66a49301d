"""Recordings whose clock starts again, from the upload on: everything that opens one works on the whole of it."""

import asyncio
import io
import json
import shutil
import uuid
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image

from jobs import storage, tasks
from jobs.engine.probe.inspection import inspect
from jobs.models import Job, Video
from jobs.operations.silence_cut import SilenceCutParams
from jobs.services import inputs, plans, sources, videos
from tests import factories
from tests.api import Api
from tests.clips import BITS, Picture, Sound, make, seen

PARTS = ((0, 0.8), (2.4, 3.2))


@pytest.fixture
def ann(db):
    return factories.account()


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    """Two of four seconds, each on a clock that begins at 7 s."""
    folder = tmp_path_factory.mktemp("joined")
    data = b""
    for number in range(2):
        sound = Sound([(begin + 7, end + 7) for begin, end in PARTS], start=Fraction(7), codec="mp2", seed=number)
        data += make(folder / f"{number}.ts", Picture(start=Fraction(7)), sound).read_bytes()
    path = folder / "joined.ts"
    path.write_bytes(data)
    return path


@pytest.fixture
def video(ann, joined):
    file = storage.path("uploads") / uuid.uuid4().hex
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(joined, file)
    return videos.receive(ann, file, name=joined.name)


def file_of(video: Video) -> Path:
    with sources.file(video) as file:
        return file


def test_an_upload_is_as_long_as_all_of_it_and_comes_back_as_it_was(video, joined):
    assert video.duration_seconds == pytest.approx(8, abs=0.2)
    assert video.info.duration == inspect(file_of(video)).duration
    assert storage.path(video.key).read_bytes() == joined.read_bytes()
    assert video.key.endswith(".ts")
    assert not list(storage.path("uploads").iterdir())


@pytest.mark.django_db(transaction=True)
def test_a_job_and_a_preview_and_a_plan_reach_behind_the_joint(ann, video, client):
    keep = json.dumps([[5, 7]])
    response = Api(ann).post("/jobs", {"video": str(video.pk), "operation": "silence-cut", "params": {"keep": keep}})
    assert response.status_code == 201, response.content
    file_of(video).unlink()
    tasks.run_job(response.json()["id"])
    job = Job.objects.get()
    assert job.status == Job.Status.SUCCEEDED, job.error_detail or job.error_message
    numbers = [one.number for one in seen(storage.path(job.artifacts.get().key))]
    # The pictures of the second part count from nought again; one more or less is what begins first.
    assert numbers == [*range(numbers[0], numbers[-1] + 1)]
    assert numbers[0] == pytest.approx(25, abs=1)
    assert numbers[-1] == pytest.approx(75, abs=2)

    file_of(video).unlink()
    client.force_login(ann)
    url = reverse("video-preview", args=[video.pk, "watermark"])
    answer = client.get(url, {"watermark-text": ".", "watermark-scale": 0.01, "at": 6})
    assert answer.headers["Content-Type"] == "image/jpeg", answer.content[:300]
    picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L").resize((64, 64), Image.Resampling.BOX))
    assert int((picture[8::16, 8::16].reshape(-1) > 127) @ BITS) == pytest.approx(50, abs=1)

    plan = asyncio.run(plans.cut_plan(video, SilenceCutParams(threshold_db=-40)))
    assert plan["source_duration"] == pytest.approx(8, abs=0.2)
    assert [begin for begin, _ in plan["keep"]][-1] > 4


def test_work_on_another_recording_gets_the_whole_as_well(video):
    given = inputs.Inputs({"audio": video})
    with given.files() as files:
        assert inspect(files["audio"]).duration == given.infos["audio"].duration
