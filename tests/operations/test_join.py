import json
import shutil
import uuid

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict

from jobs import storage, tasks
from jobs.api.operation_schema import schema_of
from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError
from jobs.forms import WorkForm
from jobs.models import Job
from jobs.operations import registry
from jobs.operations.base import Given
from jobs.operations.join import JoinParams
from jobs.services import parameters, videos
from tests import clips, factories
from tests.api import Api, error
from tests.clips import Picture, Sound

ONE, TWO = "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11", "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c12"


def parsed(**params):
    return parameters.parse("join", params)


# Parameters ----------------------------------------------------------------------------------------------------------


def test_the_order_of_recordings_is_kept_and_one_may_come_twice():
    params = parsed(recordings=[TWO, ONE, TWO])
    assert params == JoinParams((TWO, ONE, TWO))
    wanted = registry.get("join").inputs(params)
    assert wanted == {
        "recordings-0": Given("recording", TWO),
        "recordings-1": Given("recording", ONE),
        "recordings-2": Given("recording", TWO),
    }
    stored = json.loads(json.dumps(parameters.as_json(params)))
    assert parameters.from_json("join", stored) == params


@pytest.mark.parametrize("given", [None, [], "", "nobody", ["nobody"], {"a": 1}, [1], [ONE] * 50])
def test_what_is_no_list_of_recordings_is_refused_at_its_field(given):
    with pytest.raises(ValidationError) as refused:
        parsed(recordings=given)
    ((field, (message,)),) = refused.value.message_dict.items()
    assert field == "recordings" and message.endswith(".")


def test_the_numbered_lists_of_a_page_make_one_list_without_its_holes():
    data = QueryDict(f"x-recordings_10={ONE}&x-recordings_2={TWO}&x-recordings_0=&x-recordings_1={ONE}")
    assert parameters.parse("join", data, prefix="x").recordings == (ONE, TWO, ONE)


def test_scripts_are_told_what_the_list_takes():
    schema = schema_of(registry.get("join"))
    assert schema["required"] == ["recordings"]
    told = schema["properties"]["recordings"]
    assert (told["type"], told["minItems"], told["maxItems"]) == ("array", 1, 49)
    assert told["items"] == {"type": "string", "format": "uuid", "x-input": "recording"}


def test_a_page_without_scripts_has_room_for_one_more_than_was_chosen():
    form = registry.get("join").form_class({"recordings": [ONE] * 5})
    ((group),) = form["recordings"].subwidgets
    names = [one["name"] for one in group.data["subwidgets"]]
    assert names == [f"recordings_{number}" for number in range(6)]


# The whole -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ann(db):
    storage.path("uploads").mkdir(parents=True, exist_ok=True)
    return factories.account()


def uploaded(ann, folder, number, seconds=2):
    sound = Sound([(0.5, 1.5)], seconds, seed=number)
    path = clips.make(folder / f"GX01{number}.mp4", Picture(seconds=seconds), sound)
    taken = storage.path("uploads") / uuid.uuid4().hex
    shutil.copy(path, taken)
    return videos.receive(ann, taken, name=path.name)


def ask(ann, first, *others, **params):
    body = {"recordings": [str(other.pk) for other in others], **params}
    return Api(ann).post("/jobs", {"video": str(first.pk), "operation": "join", "params": body})


@pytest.mark.django_db(transaction=True)
def test_a_job_joins_recordings_in_the_order_that_was_asked_for(ann, tmp_path, client):
    one, two, three = (uploaded(ann, tmp_path, number, 2 + number) for number in range(3))
    response = ask(ann, two, three, one, two)
    assert response.status_code == 201, response.content
    assert Job.objects.get().load_seconds == 12
    tasks.run_job(response.json()["id"])
    job = Job.objects.get()
    assert job.load_seconds == 12
    assert job.status == Job.Status.SUCCEEDED, job.error_detail or job.error_message
    artifact = job.artifacts.get()
    assert (artifact.kind, artifact.name, artifact.media_type) == ("video", "GX011 (joined).mp4", "video/mp4")
    told = artifact.metadata
    assert [part["name"] for part in told["parts"]] == ["GX011.mp4", "GX012.mp4", "GX010.mp4", "GX011.mp4"]
    assert [part["start"] for part in told["parts"]] == [0, 3, 7, 9]
    assert told["frames"] == told["frames_copied"] == 300
    assert told["summary"] == "4 recordings joined"
    assert inspect(storage.path(artifact.key)).duration == 12
    client.force_login(ann)
    page = client.get(job.get_absolute_url()).content.decode()
    assert "4 recordings joined" in page
    assert "GX012, GX010, GX011" in page


@pytest.mark.django_db(transaction=True)
def test_a_recording_that_went_meanwhile_is_told_by_its_number(ann, tmp_path):
    one, two = uploaded(ann, tmp_path, 0), uploaded(ann, tmp_path, 1)
    pk = ask(ann, one, one, two).json()["id"]
    storage.delete(two.key)
    tasks.run_job(pk)
    job = Job.objects.get(pk=pk)
    assert (job.status, job.error_code) == (Job.Status.FAILED, "missing_input")
    assert job.error_message == "Then these, in this order, number 2: This recording is not there. Choose another one."


def test_deleting_one_of_them_ends_the_work(ann, tmp_path):
    one, two = uploaded(ann, tmp_path, 0), uploaded(ann, tmp_path, 1)
    pk = ask(ann, one, two).json()["id"]
    videos.delete(two)
    assert (Job.objects.get(pk=pk).error_code) == "missing_input"


def test_a_recording_of_somebody_else_is_not_there(ann, tmp_path):
    bob = factories.account("bob@example.org")
    response = ask(ann, uploaded(ann, tmp_path, 0), uploaded(bob, tmp_path, 1))
    assert error(response) == (422, "invalid")
    assert response.json()["error"]["detail"][0]["field"] == "params.recordings"
    assert "Number 1: This recording is not there." in response.content.decode()


def test_sound_alone_is_no_webm(ann):
    facts = factories.info(video=None)
    operation, params = registry.get("join"), parsed(recordings=[ONE], container="webm")
    with pytest.raises(InputError) as refused:
        operation.check_inputs(facts, params, {"recordings-0": facts})
    assert refused.value.code == "bad_container"
    operation.check_inputs(facts, params, {"recordings-0": factories.info()})


def test_the_page_offers_the_other_recordings_in_numbered_lists(ann, tmp_path, client):
    one, two = uploaded(ann, tmp_path, 0), uploaded(ann, tmp_path, 1)
    client.force_login(ann)
    page = client.get(f"{one.get_absolute_url()}?do=join").content.decode()
    for number in range(3):
        assert f'name="join-recordings_{number}"' in page
    assert page.count(f'<option value="{two.pk}"') >= 3
    form = WorkForm(QueryDict(f"operations=join&join-recordings_0=&join-recordings_1={two.pk}"), owner=ann, video=one)
    assert form.is_valid(), form.errors
    assert form.work["join"]["recordings"] == (str(two.pk),)
