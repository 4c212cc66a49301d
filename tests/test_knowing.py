"""Old and new workers side by side: what a newer version asked for waits for a worker that knows it."""

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from jobs import tasks
from jobs.models import Job
from jobs.operations import registry
from jobs.services import jobs as services
from jobs.services import knowing, line, operators, parameters, queue_load, reconcile, storage_use
from tests import factories
from tests.servers import Redis

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status
NEWER = {"version": 1, "count": 1, "upside_down": True}


def in_line(**fields) -> Job:
    """A job as this or a newer version makes it, in line behind all others."""
    job = factories.job(**fields)
    shape = knowing.shape_of(job.operation, job.params)
    Job.objects.filter(pk=job.pk).update(queued_at=Now(), active_at=Now() - timedelta(seconds=5), params_shape=shape)
    return job


def seen(job: Job) -> Job:
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("slug", [operation.slug for operation in registry.every()])
def test_what_this_version_makes_is_known_by_its_shape_alone(slug, django_assert_num_queries):
    params = parameters.as_json(registry.get(slug).params_class(**dict(registry.get(slug).example)))
    kind = knowing.Kind(slug, knowing.shape_of(slug, params))
    with django_assert_num_queries(0):
        assert knowing.strange([(uuid.uuid4(), kind)]) == set()


def test_a_job_gets_the_shape_of_its_parameters():
    video = factories.video()
    job = services.create(video.owner, video, "thumbnails", parameters.parse("thumbnails", {"count": 2}))
    assert job.params_shape == knowing.shape_of("thumbnails", job.params) != ""


@pytest.mark.parametrize(
    ("params", "known"),
    [
        ({"version": 1}, True),
        ({"count": 3}, True),
        ({"version": 1, "count": 3}, True),
        ({"version": 99}, False),
        (NEWER, False),
    ],
)
def test_parameters_of_older_versions_are_known_and_those_of_newer_ones_are_not(params, known):
    assert knowing.knows("thumbnails", params) is known
    assert not knowing.knows("teleport", params)


@pytest.mark.parametrize("fields", [{"operation": "teleport"}, {"params": NEWER}], ids=["operation", "parameters"])
def test_it_waits_without_an_attempt_while_others_are_done(fields, django_assert_max_num_queries):
    ann, bob = factories.account("ann@example.org"), factories.account("bob@example.org")
    strangers = [in_line(owner=ann, **fields) for _ in range(20)]
    mine, bobs = in_line(owner=ann), in_line(owner=bob)
    with django_assert_max_num_queries(12):  # not one for each of them
        assert line.next_turn("fast", 0).job == mine.pk
    assert {line.take("fast", "old 1").pk, line.take("fast", "old 1").pk} == {mine.pk, bobs.pk}
    assert line.take("fast", "old 1") is None
    for job in map(seen, strangers):
        assert (job.status, job.attempt, job.stage) == (S.QUEUED, 0, knowing.WAITS)


def test_rows_of_an_old_web_process_have_no_shape_and_are_looked_at():
    known, strange = factories.job(), factories.job(operation="teleport")
    assert (known.params_shape, strange.params_shape) == ("", "")
    assert line.take("fast", "new 1").pk == known.pk
    assert line.take("fast", "new 1") is None
    assert seen(strange).stage == knowing.WAITS


def test_who_knows_it_takes_it_though_another_has_left_it(monkeypatch):
    job = in_line(params=NEWER)
    assert line.take("fast", "old 1") is None
    monkeypatch.setattr(knowing, "knows", lambda operation, params: True)  # the newer version
    taken = line.take("fast", "new 1")
    assert taken.pk == job.pk
    assert (seen(job).status, job.stage, job.attempt) == (S.RUNNING, "", 1)


def test_workers_are_not_woken_again_and_again_for_what_none_knows(redis_server: Redis):
    for _ in range(30):
        in_line(params=NEWER)
    tasks.take_turn("fast")
    reconcile.ring_forgotten()
    assert line.rung("fast") == 1


def test_owner_and_operators_see_why_it_waits(client: Client):
    job = in_line(params=NEWER)
    client.force_login(job.owner)
    line.take("fast", "old 1")
    for path in ("/queue/", f"/jobs/{job.pk}/"):
        assert knowing.WAITS in client.get(path).content.decode(), path
    assert client.get(f"/api/v1/jobs/{job.pk}").json()["stage"] == knowing.WAITS
    assert not knowing.troubles()
    Job.objects.update(changed_at=Now() - knowing.LONG - timedelta(seconds=1))
    (told,) = [told for told in operators.troubles(queue_load.every(), storage_use.disk()) if "10 minutes" in told]
    assert told.startswith(f"1 job of “{registry.title('thumbnails')}” has waited")


def test_pages_show_work_that_this_version_does_not_know(client: Client):
    job = in_line(operation="teleport")
    client.force_login(job.owner)
    for path in ("/", "/queue/", f"/jobs/{job.pk}/", f"/api/v1/jobs/{job.pk}", "/stats/"):
        assert client.get(path).status_code == 200, path


def test_it_is_given_up_only_after_a_day():
    job, other = in_line(operation="teleport"), in_line(operation="teleport")
    line.take("fast", "old 1")
    reconcile.sweep()
    assert seen(job).status == S.QUEUED
    Job.objects.filter(pk=job.pk).update(changed_at=Now() - knowing.GIVEN_UP - timedelta(seconds=1))
    line.take("fast", "old 1")  # looks again, and marks nothing anew
    reconcile.sweep()
    assert (seen(job).status, job.error_code, seen(other).status) == (S.FAILED, "unknown_operation", S.QUEUED)
