from datetime import timedelta

import django_rq
import pytest

from jobs import storage
from jobs.errors import InputError
from jobs.models import Artifact, Job
from jobs.services import expectation, lifecycle, line, parameters, queue_position, queues
from jobs.services import jobs as services
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture(autouse=True)
def empty_queues():
    for name in queues.names():
        django_rq.get_queue(name).empty()


def create(slug="thumbnails", **options):
    video = factories.video()
    return services.create(video.owner, video, slug, parameters.parse(slug, {}, video.info), **options)


@pytest.mark.django_db(transaction=True)
def test_a_new_job_is_in_line_and_a_worker_is_woken():
    job = create()
    assert (job.status, job.queue) == (S.QUEUED, "fast")
    assert line.rung("fast") == 1


@pytest.mark.django_db(transaction=True)
def test_each_entry_has_a_name_of_its_own():
    """RQ deletes the one that came too late by its name, maybe while the other one's work is under way."""
    create()
    line.ring("fast")
    assert len(set(django_rq.get_queue("fast").get_job_ids())) == line.rung("fast") == 2


def test_a_job_after_another_waits_for_it():
    first = create()
    second = services.create(first.owner, first.video, "thumbnails", parameters.parse("thumbnails", {}), after=[first])
    assert second.status == S.WAITING
    first.start("here")
    first.succeed(1)
    lifecycle.ended(first)
    second.refresh_from_db()
    assert second.status == S.QUEUED


@pytest.mark.django_db(transaction=True)
def test_a_submit_while_redis_is_away_keeps_the_job(settings, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError("no Redis here")

    monkeypatch.setattr(django_rq, "get_queue", away)
    assert create().status == S.QUEUED


def test_a_retry_is_a_new_job_that_points_to_the_old_one():
    old = factories.job(status=S.FAILED)
    new = services.retry(old)
    assert (new.retry_of, new.status, new.params) == (old, S.QUEUED, old.params)
    assert Job.objects.get(pk=old.pk).status == S.FAILED


def test_a_job_under_way_can_be_neither_retried_nor_removed():
    job = factories.job(status=S.RUNNING)
    for act in (services.retry, services.remove):
        with pytest.raises(InputError, match="still under way"):
            act(job)


def test_removing_a_job_deletes_its_files():
    job = factories.job(status=S.SUCCEEDED)
    key = f"{storage.results_key(job.pk, 2)}/one.jpg"
    before_attempts_had_folders = f"{storage.artifacts_key(job.pk)}/old.jpg"
    for file in (storage.path(key), storage.path(before_attempts_had_folders)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    Artifact.objects.create(job=job, kind="image", name="one.jpg", key=key, size=1, media_type="image/jpeg", sha256="0")
    services.remove(job)
    assert not storage.path(key).exists()
    assert not storage.path(storage.artifacts_key(job.pk)).exists()
    assert not Job.objects.exists()


def test_places_in_line_say_who_is_next():
    first, second = factories.job(), factories.job()
    places = queue_position.places([first, second])
    assert [places[job.pk].position for job in (first, second)] == [1, 2]


def test_without_past_runs_no_wait_is_guessed_for_those_behind():
    first, second = factories.job(), factories.job()
    places = queue_position.places([first, second])
    assert str(places[first.pk]) == "Next in line"
    assert places[second.pk].wait is None


def test_the_wait_is_guessed_from_the_pace_of_past_runs():
    for _ in range(10):
        past = factories.job(status=S.SUCCEEDED)
        # 10 s of recording took 120 s, so each job ahead of the same length takes 2 minutes.
        past.finished_at = past.started_at + timedelta(seconds=120)
        expectation.learn(past)
    jobs = [factories.job() for _ in range(3)]
    places = queue_position.places(jobs)
    assert [round(places[job.pk].wait.likely) for job in jobs] == [
        0,
        pytest.approx(120, abs=2),
        pytest.approx(240, abs=4),
    ]
    assert str(places[jobs[1].pk]) == "2nd in line, about 2 min, then takes about 2 min"
    assert str(places[jobs[0].pk]) == "Next in line, takes about 2 min"
