"""What is told to webhooks, and what is not."""

from datetime import datetime

import pytest

from jobs.errors import ToolError
from jobs.models import Artifact, Delivery, Job
from tests import factories
from tests.api import Api
from tests.hooks.conftest import deliver, delivery_of, hooked
from tests.hooks.events import ended, rung

pytestmark = pytest.mark.django_db(transaction=True)
S = Delivery.State


def stored(job: Job, name: str) -> Artifact:
    facts = {"kind": Artifact.Kind.IMAGE, "size": 5, "media_type": "image/jpeg", "sha256": name.zfill(64)}
    return Artifact.objects.create(job=job, name=name, key=f"{job.pk}/{name}", **facts)


def test_the_end_of_a_job_arrives_signed_and_as_the_api_shows_it(hook, receiver, ann):
    job = ended(ann)
    assert rung() == 1
    deliver()
    (received,) = receiver.received
    told = received.verified(hook.told_secret)
    assert told["type"] == "job.succeeded"
    assert told["data"] == Api(ann).get(f"/jobs/{job.pk}").json()
    assert datetime.fromisoformat(told["timestamp"]).tzinfo
    assert received.headers["content-type"] == "application/json"
    delivery = delivery_of(hook)
    assert (delivery.state, delivery.last["status"], delivery.last["answer"]) == (S.DELIVERED, 200, "ok")
    assert str(delivery.event) == received.event


def test_a_recording_and_a_chain_arrive_as_the_api_shows_them(hook, receiver, ann):
    from jobs.services import events, runs, steps

    video = factories.video(ann)
    events.came(video)
    run = runs.start(ann, video, steps.read([{"name": "Stills", "operation": "thumbnails"}]), "One")
    runs.cancel(run)
    deliver()
    told = {one.json["type"]: one.json["data"] for one in receiver.received}
    api = Api(ann)
    assert told["video.created"] == api.get(f"/videos/{video.pk}").json()
    assert told["pipeline.finished"] == api.get(f"/runs/{run.pk}").json()
    assert told["job.cancelled"]["run"] == str(run.pk)


def test_what_was_deleted_before_it_could_be_told_is_told_as_that(hook, receiver, ann):
    job = ended(ann)
    pk = job.pk
    job.delete()
    deliver()
    assert receiver.received[0].json["data"] == {"id": str(pk), "deleted": True}


def test_what_lies_in_the_trash_by_then_is_told_as_it_is(hook, receiver, ann):
    from jobs.services import events, runs, steps, trash

    video = factories.video(ann)
    events.came(video)
    job = ended(ann, video=video)
    artifact, dropped = (stored(job, name) for name in ("a.jpg", "b.jpg"))
    trash.remove(dropped)
    run = runs.start(ann, video, steps.read([{"name": "Stills", "operation": "thumbnails"}]), "One")
    factories.job(ann, video=video)
    trash.remove(video)
    assert not Job.objects.exists()
    deliver()
    told = {one.json["data"]["id"]: one.json["data"] for one in receiver.received}
    assert len(told) == len(receiver.received) == 5 and not any("deleted" in data for data in told.values())
    assert [one["id"] for one in told[str(job.pk)]["artifacts"]] == [str(artifact.pk)]
    (step,) = told[str(run.pk)]["steps"]
    assert step["status"] == "cancelled" and told[step["job"]]["run"] == str(run.pk)
    assert told[str(video.pk)]["title"] == video.title


def test_what_is_just_being_deleted_for_good_is_told_as_deleted(hook, receiver, ann):
    from jobs.models import Removal
    from jobs.services import trash

    job = ended(ann)
    trash.remove(job)
    Removal.objects.update(is_going=True)
    deliver()
    assert receiver.received[0].json["data"] == {"id": str(job.pk), "deleted": True}


def test_a_webhook_hears_only_what_it_asked_for_and_only_of_its_owners(receive, ann):
    mine, theirs = receive(), receive()
    hooked(ann, mine, "job.failed")
    hooked(factories.account("bob@example.org"), theirs)
    ended(ann)
    job = factories.job(ann)
    job.start("here")
    job.fail(ToolError("broken"), 1)
    deliver()
    assert (mine.kinds(), theirs.kinds()) == (["job.failed"], [])


def test_all_webhooks_of_an_event_get_the_same_id(receive, ann):
    first, second = receive(), receive()
    for receiver in (first, second):
        hooked(ann, receiver)
    ended(ann)
    deliver()
    assert first.received[0].event == second.received[0].event


def test_without_webhooks_nothing_is_written_and_nobody_is_woken(ann):
    ended(ann)
    assert not Delivery.objects.exists() and rung() == 0
