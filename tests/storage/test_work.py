"""Work on what lies in a bucket: fetched once, or read where little of it is needed, and made there again."""

import asyncio
import json
import shutil
import time
from pathlib import Path

import pytest
from django.urls import reverse

from jobs import storage, tasks
from jobs.engine.runtime import processors
from jobs.models import Job
from jobs.operations.silence_cut import SilenceCutParams
from jobs.services import arrivals, keeping, measuring, plans, previews, sources, versions, videos
from tests import factories
from tests.api import Api
from tests.bucket.faults import Slow, Status
from tests.media import run_ffmpeg

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann(db):
    return factories.account()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 s that no codec makes small, about 20 MB, with its index at the end as cameras write it."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    noise = "testsrc2=size=640x360:rate=25:duration=40,noise=alls=60:allf=t"
    sound = "sine=frequency=440:duration=40,volume=enable='between(t,8,20)':volume=0"
    picture = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-minrate", "4M", "-g", "50")
    run_ffmpeg("-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", sound, *picture, "-c:a", "aac", path)
    return path


@pytest.fixture
def video(ann, site_in_bucket, film):
    arrived = storage.uploads_folder() / "arrived.part"
    shutil.copy(film, arrived)
    made = videos.receive(ann, arrived, name="film.mp4")
    assert not arrived.exists()
    return made


def done(ann, video, operation: str, **params) -> Job:
    response = Api(ann).post("/jobs", {"video": str(video.pk), "operation": operation, "params": params})
    assert response.status_code == 201, response.content
    tasks.run_job(response.json()["id"])
    job = Job.objects.get(pk=response.json()["id"])
    assert job.status == Job.Status.SUCCEEDED, job.error_detail or job.error_message
    return job


def forget_copies() -> None:
    """As another machine, which has nothing yet."""
    for name in ("copies", "cache"):
        shutil.rmtree(storage.room(name), ignore_errors=True)


def test_a_cut_is_made_of_a_copy_that_comes_once_and_its_result_lies_in_the_bucket(ann, video, site_in_bucket, bucket):
    job = done(ann, video, "silence-cut", keep=json.dumps([[1, 5]]))
    artifact = job.artifacts.get()
    assert {f"site/{artifact.key}", f"site/{video.poster}"} <= set(bucket.keys())
    with storage.fetch(artifact.key, artifact.sha256) as result:
        assert result.stat().st_size == artifact.size
    assert len(site_in_bucket.made("GET", "source.mp4")) <= -(-video.size // 2**23)
    before = site_in_bucket.received("source.mp4")
    done(ann, video, "trim", start=2, end=3)
    assert site_in_bucket.received("source.mp4") == before
    assert not list(storage.room("scratch").iterdir())


def test_pictures_of_a_large_file_are_read_where_they_lie(ann, video, site_in_bucket, monkeypatch):
    monkeypatch.setattr(sources, "WORTH_BYTES", 0)
    forget_copies()
    site_in_bucket.forget()
    job = done(ann, video, "thumbnails", count=2)
    assert job.artifacts.count() == 2
    assert site_in_bucket.received("source.mp4") < video.size / 4
    assert not list((storage.room("copies")).glob("*.mp4"))


def test_what_one_machine_has_measured_no_other_measures_again(ann, video, site_in_bucket):
    params = SilenceCutParams(threshold_db=-40)
    plan = asyncio.run(plans.cut_plan(video, params))
    assert [round(end) for _, end in plan["keep"]] == [8, 40]
    forget_copies()
    site_in_bucket.forget()
    assert asyncio.run(plans.cut_plan(video, params)) == plan
    assert site_in_bucket.received("source.mp4") == 0


def test_who_leaves_stops_the_fetching_as_well(ann, video, site_in_bucket):
    forget_copies()
    site_in_bucket.forget()

    async def leave() -> None:
        asked = asyncio.create_task(plans.heard(video, "loudness", "all"))
        while not site_in_bucket.received("source.mp4"):
            await asyncio.sleep(0.05)
        asked.cancel()
        while measuring._running:
            await asyncio.sleep(0.05)

    with site_in_bucket.inject(Slow(per_block=0.3), "GET", "source.mp4", times=99):
        asyncio.run(leave())
    assert site_in_bucket.received("source.mp4") < video.size / 2
    assert not list(storage.room("copies").iterdir()), "no half of it is left"


def test_a_preview_waits_for_no_large_recording_and_holds_no_turn_meanwhile(
    ann, video, site_in_bucket, client, monkeypatch
):
    monkeypatch.setattr(sources, "WORTH_BYTES", 0)
    forget_copies()
    client.force_login(ann)
    asked = reverse("video-preview", args=[video.pk, "watermark"]), {"watermark-text": "Ann", "at": 6}
    with site_in_bucket.inject(Slow(per_block=0.1), "GET", "source.mp4", times=99):
        for _ in range(2):
            answer = client.get(*asked)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_busy")
            assert "is being fetched" in answer.json()["error"]["message"]
            assert arrivals.PROBES._value == processors.available(), "uploads need them"
    while previews._fetched:
        time.sleep(0.05)
    assert client.get(*asked)["Content-Type"] == "image/jpeg"


def test_a_preview_says_what_went_wrong_with_fetching(ann, video, site_in_bucket, client, monkeypatch):
    monkeypatch.setattr(sources, "WORTH_BYTES", 0)
    forget_copies()
    client.force_login(ann)
    client.raise_request_exception = False
    asked = reverse("video-preview", args=[video.pk, "watermark"]), {"watermark-text": "Ann", "at": 6}
    with site_in_bucket.inject(Status(403, "AccessDenied"), "GET", "source.mp4", times=99):
        assert "is being fetched" in client.get(*asked).json()["error"]["message"]
        while not any(previews._fetched.values()):
            time.sleep(0.05)
    answer = client.get(*asked)
    assert answer.status_code == 503 and "is being fetched" not in answer.content.decode()
    assert not previews._fetched


def test_a_result_goes_on_as_a_recording_and_as_one_of_its_own(ann, video, site_in_bucket):
    job = done(ann, video, "trim", start=2, end=4)
    version = versions.of(job.artifacts.get())
    assert storage.exists(version.poster)
    kept = keeping.keep(version)
    storage.delete_tree(storage.recording_key(version.pk))
    with storage.fetch(kept.key, kept.sha256) as copy:
        assert copy.stat().st_size == kept.size
    assert done(ann, kept, "trim", start=0, end=1).artifacts.count() == 1


def test_nothing_is_left_of_what_is_deleted(ann, video, bucket):
    done(ann, video, "trim", start=1, end=2)
    videos.delete(video)
    assert bucket.keys() == []
