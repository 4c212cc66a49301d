"""Results as sources, saved chains and runs, by the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import tasks
from jobs.models import Artifact, Job, Run
from jobs.services import runs, versions
from tests import factories
from tests.api import Api, error
from tests.chains.conftest import MARK, STILLS, TRIM, ann, arrive, chain, step, talk, work_off  # noqa: F401 fixtures

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(ann):  # noqa: F811
    return Api(ann)


@pytest.fixture
def trimmed(api, talk) -> dict:  # noqa: F811
    job = api.post("/jobs", {"video": str(talk.pk), "operation": "trim", "params": {"start": 1}}).json()
    tasks.run_job(job["id"])
    return api.get(f"/jobs/{job['id']}").json()


def on(source: dict, **body: object) -> dict:
    return {"source": source, "operation": "trim", "params": {"start": 2}, **body}


def test_a_result_is_worked_on_by_its_id(api, talk, trimmed):  # noqa: F811
    (artifact,) = trimmed["artifacts"]
    response = api.post("/jobs", on({"artifact": artifact["id"]}))
    assert response.status_code == 201, response.content
    job = response.json()
    assert (job["video"], job["source"]) == (str(talk.pk), {"artifact": artifact["id"], "job": None})
    assert trimmed["source"] is None
    facts = api.get(f"/videos/{artifact['id']}").json()
    assert facts["duration_seconds"] == pytest.approx(3, abs=0.05)
    assert api.get("/videos").json()["count"] == 1, "the list is of recordings"


def test_the_result_of_a_job_that_is_not_done_is_waited_for(api, talk):  # noqa: F811
    first = api.post("/jobs", {"video": str(talk.pk), "operation": "trim", "params": {"start": 1}}).json()
    job = api.post("/jobs", on({"job": first["id"]})).json()
    assert (job["status"], job["source"]) == ("waiting", {"artifact": None, "job": first["id"]})


def test_the_same_key_makes_one_job_on_a_result(api, trimmed):
    for source in ({"artifact": trimmed["artifacts"][0]["id"]}, {"job": trimmed["id"]}):
        first, again = (api.post("/jobs", on(source), **{"Idempotency-Key": str(source)}) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200), again.content
        assert first.json()["id"] == again.json()["id"]
    other = on(source, params={"start": 1})
    assert error(api.post("/jobs", other, **{"Idempotency-Key": str(source)})) == (422, "idempotency_mismatch")


def test_a_source_that_is_unclear_or_not_there_is_told(api, talk, trimmed):  # noqa: F811
    nothing = "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"
    assert error(api.post("/jobs", on({"artifact": nothing}))) == (404, "not_found")
    assert error(api.post("/jobs", on({"job": nothing}))) == (404, "not_found")
    bob = Api(factories.account("bob@example.org"))
    assert error(bob.post("/jobs", on({"artifact": trimmed["artifacts"][0]["id"]}))) == (404, "not_found")
    for body in (on({}), on({"artifact": nothing, "job": nothing}), on({"job": nothing}, video=str(talk.pk))):
        response = api.post("/jobs", body)
        assert error(response) == (422, "invalid")
        assert response.json()["error"]["detail"][0]["field"] == "source"


def test_a_result_that_is_needed_is_not_removed(api, trimmed):
    api.post("/jobs", on({"artifact": trimmed["artifacts"][0]["id"]}))
    assert error(api.delete(f"/jobs/{trimmed['id']}")) == (409, "still_needed")


CHAIN = {"name": "Mine", "steps": [TRIM, MARK, STILLS]}


def test_chains_are_saved_changed_and_deleted(api):
    response = api.post("/pipelines", CHAIN)
    assert response.status_code == 201, response.content
    saved = response.json()
    assert (saved["slug"], [one["name"] for one in saved["steps"]]) == ("mine", ["Trim", "Mark", "Stills"])
    assert response.headers["Location"].endswith("/pipelines/mine")
    assert api.get("/pipelines/mine").json() == saved
    assert [one["slug"] for one in api.get("/pipelines").json()["items"]] == [
        "mine",
        "podcast",
        "lecture",
        "social-clip",
    ]
    changed = api.patch("/pipelines/mine", {"name": "Ours", "steps": [TRIM], "default": True}).json()
    assert (changed["slug"], changed["name"], len(changed["steps"]), changed["default"]) == ("mine", "Ours", 1, True)
    again = api.post("/pipelines", {"name": "Mine again", "steps": saved["steps"]})
    assert again.json()["steps"] == saved["steps"], "what is given out can be read in"
    assert api.delete("/pipelines/mine").status_code == 200
    assert error(api.get("/pipelines/mine")) == (404, "not_found")


def test_chains_that_came_with_the_install_are_not_changed(api):
    assert error(api.patch("/pipelines/podcast", {"name": "Mine"})) == (409, "shipped")
    assert error(api.delete("/pipelines/podcast")) == (409, "shipped")
    assert api.patch("/pipelines/podcast", {"default": True}).json()["default"]


def test_chains_of_others_are_not_there(api):
    api.post("/pipelines", CHAIN)
    bob = Api(factories.account("bob@example.org"))
    assert error(bob.get("/pipelines/mine")) == (404, "not_found")
    assert error(bob.delete("/pipelines/mine")) == (404, "not_found")


def test_what_is_wrong_with_a_chain_names_the_step(api):
    response = api.post("/pipelines", {"name": "Bad", "steps": [TRIM, step("Words", "transcribe", "Nothing")]})
    assert error(response) == (422, "invalid")
    (problem,) = response.json()["error"]["detail"]
    assert problem["field"] == "steps.1.input"
    assert "“Words”" in problem["message"]


def test_a_saved_chain_is_run_and_followed(api, talk):  # noqa: F811
    api.post("/pipelines", CHAIN)
    response = api.post(f"/videos/{talk.pk}/pipelines/mine")
    assert response.status_code == 201, response.content
    run = response.json()
    assert (run["slug"], run["status"]) == ("mine", "queued")
    assert [(one["name"], one["status"]) for one in run["steps"]] == [
        ("Trim", "queued"),
        ("Mark", "waiting"),
        ("Stills", "waiting"),
    ]
    work_off(Run.objects.get())
    done = api.get(f"/runs/{run['id']}").json()
    assert (done["status"], {one["status"] for one in done["steps"]}) == ("succeeded", {"succeeded"})
    assert done["steps"][0]["passing_bytes"] > 0
    assert error(api.post(f"/runs/{run['id']}/cancel")) == (409, "ended")
    assert error(api.post(f"/runs/{run['id']}/retry")) == (409, "all_done")
    again = api.post(f"/runs/{run['id']}/retry", {"params": {"Mark": {"resolution": 64}}})
    assert again.status_code == 201
    assert [one["reused"] for one in again.json()["steps"]] == [True, False, False]
    assert error(api.post(f"/runs/{run['id']}/retry", {"params": {"No": {}}})) == (422, "invalid")
    assert api.post(f"/runs/{run['id']}/keep/Trim").json()["steps"][0]["keep"]
    assert api.get("/runs").json()["count"] == 2
    assert api.delete(f"/runs/{run['id']}").json()["jobs"] == 3


def test_a_chain_that_is_not_saved_is_run_once_by_its_key(api, talk):  # noqa: F811
    first, again = (
        api.post(
            f"/videos/{talk.pk}/pipeline", {"steps": [TRIM, STILLS | {"input": "Trim"}]}, **{"Idempotency-Key": "a"}
        )
        for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["name"] == "Trim → Stills"
    other = api.post(f"/videos/{talk.pk}/pipeline", {"steps": [TRIM]}, **{"Idempotency-Key": "a"})
    assert error(other) == (422, "idempotency_mismatch")
    api.post(f"/runs/{first.json()['id']}/keep/Trim")
    steps = [TRIM | {"keep": True}, STILLS | {"input": "Trim"}]
    kept = api.post(f"/videos/{talk.pk}/pipeline", {"steps": steps}, **{"Idempotency-Key": "a"})
    assert (kept.status_code, kept.json()["id"]) == (200, first.json()["id"])
    for changed in (TRIM | {"params": {"start": 2}}, TRIM | {"name": "Cut"}, MARK | {"name": "Trim", "input": None}):
        steps = [changed, STILLS | {"input": changed["name"]}]
        other = api.post(f"/videos/{talk.pk}/pipeline", {"steps": steps}, **{"Idempotency-Key": "a"})
        assert error(other) == (422, "idempotency_mismatch"), changed
    cancelled = api.post(f"/runs/{first.json()['id']}/cancel").json()
    assert (cancelled["status"], Job.objects.filter(status="cancelled").count()) == ("cancelled", 2)


def test_a_key_is_for_one_recording_or_one_result(api, talk, trimmed):  # noqa: F811
    result = trimmed["artifacts"][0]["id"]
    body, key = {"steps": [STILLS | {"input": None}]}, {"Idempotency-Key": "b"}
    assert api.post(f"/videos/{result}/pipeline", body, **key).status_code == 201
    assert api.post(f"/videos/{result}/pipeline", body, **key).status_code == 200
    assert error(api.post(f"/videos/{talk.pk}/pipeline", body, **key)) == (422, "idempotency_mismatch")


def test_what_a_recording_does_not_allow_is_told_at_the_step_that_was_given(api, ann):  # noqa: F811
    silent = factories.video(ann, facts=factories.info(audio=()))
    words = step("Words", "transcribe")
    response = api.post(f"/videos/{silent.pk}/pipeline", {"steps": [STILLS, MARK, words, TRIM]})
    assert error(response) == (422, "invalid")
    (problem,) = response.json()["error"]["detail"]
    assert problem["field"] == "steps.2.input" and "“Words”" in problem["message"]


def test_the_number_of_queries_does_not_grow_with_the_runs(api, ann):  # noqa: F811
    def listed(count: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            found = api.get("/runs").json()
        assert found["count"] == len(found["items"]) == count
        assert {tuple(one["name"] for one in run["steps"]) for run in found["items"]} == {("Trim", "Mark", "Stills")}
        return len(queries)

    def start() -> Run:
        return runs.start(ann, factories.video(ann), chain(TRIM, MARK, STILLS), "Three")

    made = [start() for _ in range(2)]
    runs.cancel(made[0])
    listed(2)  # what is read once for a process
    few = listed(2)
    made += [start() for _ in range(4)]
    runs.cancel(made[2])
    assert listed(6) == few
    for number, run in enumerate(made):
        facts = {"kind": "video", "name": "t.mp4", "media_type": "video/mp4", "sha256": "0"}
        job = run.jobs.get(step="Trim")
        Artifact.objects.create(job=job, key=f"artifacts/{job.pk}/t.mp4", size=100 + number, **facts)
    sizes = {one["id"]: one["steps"][0]["passing_bytes"] for one in api.get("/runs").json()["items"]}
    assert sizes == {str(run.pk): 100 + number for number, run in enumerate(made)}
    assert listed(6) == few


def test_a_run_of_work_that_is_gone_is_told(api, ann):  # noqa: F811
    run = runs.start(ann, factories.video(ann), chain(TRIM, MARK), "Two")
    Run.objects.filter(pk=run.pk).update(steps=[step | {"operation": "fade-out"} for step in run.steps])
    (told,) = api.get("/runs").json()["items"]
    assert [(one["operation"], one["passing_bytes"]) for one in told["steps"]] == [("fade-out", 0)] * 2


def test_an_upload_names_its_chain_or_takes_the_default(api, tmp_path, ann):  # noqa: F811
    from tests import media

    api.post("/pipelines", {"name": "Mine", "steps": [TRIM]})
    api.patch("/pipelines/mine", {"default": True})
    film = media.video(tmp_path / "film.mp4", seconds=2)
    first = api.upload(film, duplicate="allow").json()
    assert Run.objects.get(video=first["id"]).slug == "mine"
    none = api.upload(film, duplicate="allow", pipeline="").json()
    assert not Run.objects.filter(video=none["id"]).exists()
    other = api.upload(film, duplicate="allow", pipeline="lecture").json()
    assert Run.objects.get(video=other["id"]).slug == "lecture"
    assert error(api.upload(film, duplicate="allow", pipeline="nothing")) == (422, "unknown_pipeline")
    assert versions.find(ann, first["id"])
