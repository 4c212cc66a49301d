import pytest
from django.core.exceptions import ValidationError

from jobs import storage
from jobs.engine.pipelines.probe import inspect
from jobs.errors import InputError
from jobs.models import Artifact, Job
from jobs.operations.preview import PreviewParams
from jobs.services import parameters, videos
from tests import factories, media
from tests.api import Api


def parsed(**params):
    return parameters.parse("preview", params)


def wrong(**params):
    with pytest.raises(ValidationError) as raised:
        parsed(**params)
    return set(raised.value.message_dict)


def test_a_trailer_has_its_defaults():
    assert parsed() == PreviewParams("trailer", 15, 5, "", "", "mp4", 640)
    assert parsed().plan.audio


def test_a_loop_has_its_own_and_neither_sound_nor_cards():
    params = parsed(kind="loop", title="Weekly review", closing="More inside")
    assert params == PreviewParams("loop", 4, 3, "", "", "mp4", 320)
    assert not params.plan.audio


def test_what_is_given_wins():
    params = parsed(kind="loop", seconds=6.5, count=2, width=200, format="gif")
    assert (params.seconds, params.count, params.width, params.format) == (6.5, 2, 200, "gif")


def test_excerpts_by_hand_keep_their_order_and_say_how_long_it_is():
    params = parsed(excerpts="0:02.5-0:04, 1-2.25", seconds=30, count=9)
    assert (params.excerpts, params.count) == (((2.5, 4.0), (1.0, 2.25)), 2)
    assert params.seconds == pytest.approx(1.5 + 1.25 - 0.4)
    assert parsed(excerpts=[[1, 2.25]]).excerpts == ((1.0, 2.25),)
    with pytest.raises(InputError, match="ends after 4 s"):
        parameters.parse("preview", {"excerpts": "2-5"}, factories.info(seconds=4))


def test_moving_images_are_silent():
    assert not parsed(format="webp").plan.audio


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"kind": "film"}, "kind"),
        ({"seconds": 1}, "seconds"),
        ({"seconds": 61}, "seconds"),
        ({"format": "gif", "seconds": 21}, "seconds"),
        ({"seconds": 4, "count": 5}, "count"),
        ({"count": 0}, "count"),
        ({"excerpts": "soon"}, "excerpts"),
        ({"excerpts": "1-1.5"}, "excerpts"),
        ({"excerpts": "4-2"}, "excerpts"),
        ({"excerpts": "0-61"}, "excerpts"),
        ({"excerpts": "0-21", "format": "gif"}, "excerpts"),
        ({"excerpts": "1-3," * 21}, "excerpts"),
        ({"width": 20}, "width"),
        ({"title": "x" * 201}, "title"),
    ],
)
def test_values_that_make_no_sense_are_refused(params, field):
    assert wrong(**params) == {field}


def test_titles_are_tidied_and_letters_that_cannot_be_written_are_named():
    assert parsed(title=" \u202eWeekly\x07 review ").title == "Weekly review"
    with pytest.raises(InputError, match="cannot write"):
        parameters.parse("preview", {"closing": "\U00013000"}, factories.info())


def test_sound_alone_is_refused():
    with pytest.raises(InputError, match="sound only"):
        parameters.parse("preview", {}, factories.info(video=None))


def test_parameters_survive_being_stored():
    params = parsed(title="Weekly review", excerpts="1-3, 4-6.5")
    assert parameters.from_json("preview", parameters.as_json(params)) == params


@pytest.fixture
def talk(db):
    file = storage.path("uploads") / "talk.mp4"
    file.parent.mkdir(parents=True, exist_ok=True)
    media.video(file, seconds=4)
    return videos.receive(factories.account(), file, name="talk.mp4")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("params", "kind", "name", "media_type"),
    [
        ({"seconds": 3, "count": 2, "title": "Talk"}, "video", "talk (trailer).mp4", "video/mp4"),
        ({"kind": "loop", "seconds": 2, "count": 2, "format": "webp"}, "image", "talk (loop).webp", "image/webp"),
    ],
)
def test_a_job_makes_it(talk, params, kind, name, media_type):
    from jobs import tasks

    response = Api(talk.owner).post("/jobs", {"video": str(talk.pk), "operation": "preview", "params": params})
    assert response.status_code == 201, response.content
    tasks.run_job(response.json()["id"])
    job = Job.objects.get()
    assert job.status == Job.Status.SUCCEEDED, job.error_detail or job.error_message
    artifact = job.artifacts.get()
    assert (artifact.kind, artifact.name, artifact.media_type) == (kind, name, media_type)
    assert artifact.metadata["duration"] == params["seconds"]
    assert artifact.metadata["preview"] == params.get("kind", "trailer")
    assert len(artifact.metadata["excerpts"]) == 2
    assert artifact.metadata["summary"] == f"2 moments in {params['seconds']} s"
    if kind == "video":
        assert float(inspect(storage.path(artifact.key)).duration) == pytest.approx(3, abs=0.05)


def result(video, kind, **metadata):
    job = factories.job(video.owner, video=video, status=Job.Status.SUCCEEDED, operation="preview")
    values = {"key": "none", "size": 5, "media_type": "x/y", "sha256": "0" * 64}
    return Artifact.objects.create(job=job, kind=kind, name="x", metadata=metadata, **values)


def test_the_library_plays_the_newest_loop_and_no_trailer(client, db):
    video, other = factories.video(title="with"), factories.video(title="without")
    older, newer = (result(video, "video", preview="loop") for _ in range(2))
    shunned = [result(video, "video", preview="trailer"), result(other, "image", preview="loop")]
    client.force_login(video.owner)
    page = " ".join(client.get("/").content.decode().split())
    assert page.count('class="loop"') == 1
    assert f'class="loop" src="/artifacts/{newer.pk}/file"' in page
    assert not any(f"/artifacts/{one.pk}/" in page for one in [older, *shunned])
