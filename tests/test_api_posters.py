import uuid

import pytest
from PIL import Image

from jobs import storage
from jobs.models import Artifact, Job
from tests import factories
from tests.api import Api, error
from tests.picture_clips import solid

pytestmark = pytest.mark.django_db


@pytest.fixture
def video():
    made = factories.video(factories.account("ann@example.org"))
    made.poster = f"videos/{made.pk}/poster.jpg"
    made.save()
    put(made.poster, (200, 0, 0))
    return made


@pytest.fixture
def ann(video):
    return Api(video.owner)


def put(key, colour):
    storage.path(key).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(solid(colour, (640, 360))).save(storage.path(key), "JPEG")


def thumbnail(video, **metadata):
    job = factories.job(video.owner, video=video, status=Job.Status.SUCCEEDED)
    key = f"artifacts/{job.pk}/1.jpg"
    put(key, (0, 200, 0))
    return Artifact.objects.create(
        job=job, kind="image", name="1", key=key, size=9, media_type="image/jpeg", metadata=metadata
    )


def poster(video):
    video.refresh_from_db()
    with Image.open(storage.path(video.poster)) as picture:
        return max(zip(picture.getpixel((5, 5)), ("red", "green", "blue"), strict=True))[1]


def test_a_picture_is_chosen_and_taken_back(ann, video):
    picture = thumbnail(video, time=3.0)
    chosen = ann.put(f"/videos/{video.pk}/poster", {"artifact": str(picture.pk)})
    assert (chosen.status_code, chosen.json()["id"], poster(video)) == (200, str(video.pk), "green")
    assert b"".join(ann.get(f"/videos/{video.pk}/poster")) == storage.path(video.poster).read_bytes()
    for _ in range(2):
        assert ann.delete(f"/videos/{video.pk}/poster").status_code == 200
        assert poster(video) == "red"


def test_what_is_no_picture_of_one_moment_is_refused(ann, video):
    sheet = thumbnail(video)
    assert error(ann.put(f"/videos/{video.pk}/poster", {"artifact": str(sheet.pk)})) == (422, "no_moment")
    assert poster(video) == "red"


def test_a_picture_of_another_recording_is_refused(ann, video):
    other = thumbnail(factories.video(video.owner), time=3.0)
    assert error(ann.put(f"/videos/{video.pk}/poster", {"artifact": str(other.pk)})) == (409, "other_recording")


def test_pictures_and_recordings_of_others_do_not_exist(ann, video):
    bob = factories.account("bob@example.org")
    theirs = thumbnail(factories.video(bob), time=3.0)
    mine = thumbnail(video, time=3.0)
    for api, one, picture in ((ann, video.pk, theirs), (Api(bob), video.pk, mine), (ann, uuid.uuid4(), mine)):
        assert error(api.put(f"/videos/{one}/poster", {"artifact": str(picture.pk)})) == (404, "not_found")
    assert error(Api(bob).delete(f"/videos/{video.pk}/poster")) == (404, "not_found")
    assert poster(video) == "red"
