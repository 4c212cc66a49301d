"""The trash by the API."""

import pytest

from jobs import storage
from jobs.models import Job, Removal, Video
from jobs.services import trash
from tests import factories
from tests.api import Api, error
from tests.trash.conftest import chain

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.mark.parametrize("noun", ["videos", "jobs", "runs"])
def test_the_api_removes_and_restores(ann, talk, cut, noun):
    subject = {"videos": talk, "jobs": cut, "runs": chain(talk, S.SUCCEEDED)}[noun]
    api, path = Api(ann), f"/{noun}/{subject.pk}"
    before = api.get(path).json()
    gone = api.delete(path)
    assert gone.status_code == 200
    assert error(api.get(path)) == (404, "not_found")
    listed = api.get("/trash").json()
    assert (listed["count"], listed["bytes"]) == (1, gone.json()["bytes"])
    (item,) = listed["items"]
    assert (item["id"], item["trashed_until"]) == (str(subject.pk), gone.json()["trashed_until"])
    back = api.post(f"{path}/restore")
    assert back.status_code == 200
    assert back.json() == before
    assert api.get("/trash").json()["count"] == 0
    assert error(api.post(f"{path}/restore")) == (404, "not_found")


@pytest.mark.parametrize("noun", ["videos", "jobs", "runs"])
@pytest.mark.parametrize("first", [True, False], ids=["from the trash", "at once"])
def test_the_api_deletes_for_good(ann, talk, cut, noun, first):
    subject = {"videos": talk, "jobs": cut, "runs": chain(talk, S.SUCCEEDED)}[noun]
    api, path = Api(ann), f"/{noun}/{subject.pk}"
    size = api.delete(path).json()["bytes"] if first else None
    gone = api.delete(f"{path}?permanently=1")
    assert (gone.status_code, gone.json()["trashed_until"]) == (200, None)
    assert size in (None, gone.json()["bytes"])
    assert not type(subject).with_trash.filter(pk=subject.pk).exists()
    assert not Removal.objects.exists()
    assert error(api.delete(f"{path}?permanently=1")) == (404, "not_found")


def test_the_api_restores_a_result_and_tells_what_has_to_come_back_first(ann, talk, cut):
    api, artifact = Api(ann), cut.artifacts.get()
    assert api.delete(f"/videos/{artifact.pk}").status_code == 200
    assert error(api.get(f"/artifacts/{artifact.pk}/file")) == (404, "not_found")
    api.delete(f"/jobs/{cut.pk}")
    assert error(api.post(f"/videos/{artifact.pk}/restore")) == (409, "in_trash")
    assert api.post(f"/jobs/{cut.pk}/restore").json()["artifacts"] == []
    assert api.post(f"/videos/{artifact.pk}/restore").json()["id"] == str(artifact.pk)
    assert len(api.get(f"/jobs/{cut.pk}").json()["artifacts"]) == 1


def test_the_api_empties_the_trash(ann, talk, cut):
    api = Api(ann)
    api.delete(f"/jobs/{cut.pk}")
    api.delete(f"/videos/{talk.pk}")
    assert api.delete(f"/trash/{cut.pk}").json() == {"count": 1, "bytes": 5}
    assert api.delete("/trash").json() == {"count": 1, "bytes": talk.size}
    assert api.delete("/trash").json() == {"count": 0, "bytes": 0}
    assert not Video.with_trash.exists()
    assert not storage.path(talk.key).exists()


@pytest.mark.parametrize("call", [("post", "/videos/{}/restore"), ("delete", "/trash/{}"), ("delete", "/videos/{}")])
def test_the_trash_of_others_does_not_exist(ann, talk, call):
    bob = Api(factories.account("bob@example.org"))
    trash.remove(talk)
    method, path = call
    assert error(getattr(bob, method)(path.format(talk.pk))) == (404, "not_found")
    assert bob.get("/trash").json()["items"] == []
    assert bob.delete("/trash").json()["count"] == 0
    assert Api(ann).get("/trash").json()["count"] == 1
