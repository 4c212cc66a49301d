"""Values of a form under a name: saved, used, changed, deleted and taken back, by their owner alone."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Job, Preset
from jobs.services import presets
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db
LOGO = {"name": "Our logo", "operation": "watermark", "params": {"text": "© Us", "corner": "bottom-right"}}


@pytest.fixture
def ann():
    return Api(factories.account())


@pytest.fixture
def logo(ann):
    made = ann.post("/presets", LOGO)
    assert made.status_code == 201, made.content
    return made.json()


def test_one_is_saved_with_all_values_and_found_again(ann, logo):
    assert logo["params"]["scale"] == 0.2
    assert ann.get(f"/presets/{logo['id']}").json() == logo
    assert ann.get("/presets", operation="watermark").json() == {"items": [logo], "count": 1}
    assert ann.get("/presets", operation="trim").json()["count"] == 0


def test_a_job_takes_what_was_left_out_from_it(ann, logo):
    video = factories.video()
    for preset in (logo["id"], "Our logo"):
        asked = {"video": str(video.pk), "operation": "watermark", "preset": preset, "params": {"corner": "top-right"}}
        made = ann.post("/jobs", asked)
        assert made.status_code == 201, made.content
        assert made.json()["params"]["text"] == "© Us" and made.json()["params"]["corner"] == "top-right"
    other = {"video": str(video.pk), "operation": "trim", "preset": logo["id"]}
    assert error(ann.post("/jobs", other)) == (422, "unknown_preset")
    assert Job.objects.count() == 2


def test_it_is_renamed_and_changed(ann, logo):
    path = f"/presets/{logo['id']}"
    assert ann.patch(path, {"name": "  New\tlogo "}).json()["name"] == "New logo"
    changed = ann.patch(path, {"params": {"text": "Them"}}).json()
    assert (changed["name"], changed["params"]["text"]) == ("New logo", "Them")
    assert changed["params"]["corner"] == "top-left"
    assert error(ann.patch(path, {"params": {"opacity": 3}})) == (422, "invalid")


def test_two_of_one_kind_have_two_names(ann, logo):
    assert error(ann.post("/presets", LOGO)) == (409, "taken")
    other = ann.post("/presets", {**LOGO, "name": "Another"}).json()
    assert error(ann.patch(f"/presets/{other['id']}", {"name": "Our logo"})) == (409, "taken")
    trim = {"name": "Our logo", "operation": "trim", "params": {"start": 2}}
    assert ann.post("/presets", trim).status_code == 201


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"operation": "nothing"}, "unknown_operation"),
        ({"params": {}}, "invalid"),
        ({"params": {"text": "A", "colour": "red"}}, "invalid"),
        ({"name": "\u200f"}, "no_name"),
    ],
)
def test_what_is_wrong_is_said(ann, change, code):
    assert error(ann.post("/presets", {**LOGO, **change})) == (422, code)


def test_a_deleted_one_comes_back_for_a_day(ann, logo):
    path = f"/presets/{logo['id']}"
    assert ann.delete(path).json()["name"] == "Our logo"
    assert error(ann.get(path)) == (404, "not_found")
    again = ann.post("/presets", LOGO).json()
    back = ann.post(f"{path}/restore").json()
    assert back["id"] == logo["id"] and back["name"] == "Our logo (2)"
    assert {one.name for one in presets.of(factories.account())} == {"Our logo", "Our logo (2)"}
    ann.delete(path)
    Preset.objects.filter(pk=logo["id"]).update(deleted_at=timezone.now() - timedelta(days=2))
    ann.delete(f"/presets/{again['id']}")
    assert error(ann.post(f"{path}/restore")) == (404, "not_found")


def test_others_see_none_of_it(logo):
    bob = Api(factories.account("bob@example.org"))
    path = f"/presets/{logo['id']}"
    assert bob.get("/presets").json()["count"] == 0
    for answer in (bob.get(path), bob.patch(path, {"name": "Mine"}), bob.delete(path), bob.post(f"{path}/restore")):
        assert error(answer) == (404, "not_found")
    video = factories.video(factories.account("bob@example.org"))
    asked = {"video": str(video.pk), "operation": "watermark", "preset": logo["id"]}
    assert error(bob.post("/jobs", asked)) == (422, "unknown_preset")


def test_there_cannot_be_any_number(ann, logo, monkeypatch):
    monkeypatch.setattr(presets, "MOST", 1)
    assert error(ann.post("/presets", {**LOGO, "name": "Another"})) == (422, "too_many")
    ann.delete(f"/presets/{logo['id']}")
    other = ann.post("/presets", LOGO).json()
    assert error(ann.post(f"/presets/{logo['id']}/restore")) == (422, "too_many")
    ann.delete(f"/presets/{other['id']}")
    assert [one.pk for one in Preset.objects.all()] == [uuid.UUID(other["id"])], "nor of deleted ones"
    assert presets.find(factories.account(), uuid.uuid4()) is None
