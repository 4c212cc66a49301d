"""What is told of the work: once for each change, and with the change or not at all."""

import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from jobs import storage
from jobs.errors import InputError, ToolError
from jobs.models import Experience, Job, Run, Video
from jobs.services import events, images, jobs, keeping, lifecycle, losses, parameters, reconcile, runs, steps, videos
from jobs.services.events import Event, Kind
from tests import factories, media, pictures

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


@pytest.fixture
def told(monkeypatch) -> list[Event]:
    heard: list[Event] = []
    monkeypatch.setattr(events, "LISTENERS", [heard.append])
    return heard


def kinds(told: list[Event]) -> Counter[str]:
    return Counter(str(event.kind) for event in told)


def started(**fields: object) -> Job:
    job = factories.job(**fields)
    assert job.start("here")
    return job


def chain_of_two(video: Video) -> Run:
    raw = [
        {"name": "Trim", "operation": "trim", "params": {"start": 1}},
        {"name": "Stills", "operation": "thumbnails", "input": "Trim"},
    ]
    return runs.start(video.owner, video, steps.read(raw), "Two")


ENDS: dict[str, Callable[[Job], bool]] = {
    "job.succeeded": lambda job: job.succeed(1),
    "job.failed": lambda job: job.fail(ToolError("broken"), 1),
    "job.cancelled": lambda job: job.cancel(),
}


@pytest.mark.parametrize("kind", ENDS)
def test_the_end_of_a_job_is_told_once_by_whoever_wins(told, kind):
    job = started()
    stale = Job.objects.get(pk=job.pk)
    assert ENDS[kind](job)
    assert not any(end(stale) for end in ENDS.values())
    assert [(event.kind, event.owner, event.subject) for event in told] == [(kind, job.owner_id, job.pk)]


def test_what_is_no_end_is_not_told(told):
    job = started()
    job.release(1)
    job.start("there")
    job.advance(2, 0.5, "Half", None)
    assert told == []


def test_a_change_that_is_taken_back_is_told_to_nobody(monkeypatch):
    """What listeners write goes with it."""
    monkeypatch.setattr(events, "LISTENERS", [lambda event: Experience.objects.create(kind=str(event.subject))])
    job = started()
    with pytest.raises(RuntimeError), transaction.atomic():
        job.succeed(1)
        assert Experience.objects.filter(kind=str(job.pk)).exists()
        raise RuntimeError("killed")
    assert not Experience.objects.exists()
    assert Job.objects.get(pk=job.pk).status == S.RUNNING


def test_an_end_that_cannot_be_written_down_for_listeners_did_not_happen(monkeypatch):
    def refuse(event: Event) -> None:
        raise IntegrityError("no room")

    monkeypatch.setattr(events, "LISTENERS", [refuse])
    job = started()
    with pytest.raises(IntegrityError):
        job.succeed(1)
    assert Job.objects.get(pk=job.pk).status == S.RUNNING


def test_a_listener_with_a_mistake_costs_no_work_and_no_other_listener(monkeypatch):
    heard: list[Event] = []
    monkeypatch.setattr(events, "LISTENERS", [lambda event: 1 / 0, heard.append])
    job = started()
    assert job.succeed(1)
    assert len(heard) == 1


def test_a_job_that_is_refused_at_birth_is_told(told):
    video = factories.video()
    params = parameters.as_json(parameters.parse("thumbnails", {}, video.info))
    job = jobs.make(jobs.Order(video.owner, video, "thumbnails", params), InputError("The image is gone."))
    assert [(event.kind, event.subject) for event in told] == [(Kind.JOB_FAILED, job.pk)]


def test_what_waits_for_a_job_that_fails_is_told_too(told):
    first = factories.job()
    params = parameters.parse("thumbnails", {}, first.video.info)
    second = jobs.create(first.owner, first.video, "thumbnails", params, after=[first])
    jobs.cancel(first)
    assert [(event.kind, event.subject) for event in told] == [
        (Kind.JOB_CANCELLED, first.pk),
        (Kind.JOB_FAILED, second.pk),
    ]


def test_a_job_that_is_given_up_is_told_and_one_that_goes_back_in_line_is_not(told, settings):
    job = started()
    reconcile.recover(job, losses.KILLED)
    assert told == []
    settings.MAX_ATTEMPTS = 1
    job.start("there")
    reconcile.recover(job, losses.KILLED)
    assert kinds(told) == {"job.failed": 1}


def test_a_chain_that_succeeds_is_told_after_its_jobs(told):
    run = chain_of_two(factories.video())
    for job in run.jobs.order_by("created_at"):
        job.refresh_from_db()
        job.start("here")
        lifecycle.started(job)
        job.succeed(1)
        lifecycle.ended(job)
        run.follow()
    assert [event.kind for event in told] == [Kind.JOB_SUCCEEDED, Kind.JOB_SUCCEEDED, Kind.PIPELINE_FINISHED]
    assert told[-1].subject == run.pk


def test_a_chain_that_is_held_up_by_a_failed_step_has_finished_and_finishes_again_after_a_retry(told):
    run = chain_of_two(factories.video())
    for _ in range(2):
        job = runs.jobs_of(run)["Trim"]
        job.start("here")
        job.fail(ToolError("broken"), 1)
        lifecycle.ended(job)
        reconcile.sweep()
        assert run.jobs.filter(status=S.WAITING).exists()
        run.refresh_from_db()
        runs.retry(run)
    assert kinds(told) == {"job.failed": 2, "pipeline.finished": 2}


def test_a_chain_whose_steps_all_fail_at_birth_is_told(told, settings):
    settings.QUOTA_JOBS = 1
    video = factories.video()
    chain = steps.read(
        [{"name": "Stills", "operation": "thumbnails"}, {"name": "Trim", "operation": "trim", "params": {"start": 1}}]
    )
    runs.start_ordered(video, chain, "Two", "upload-1")
    assert kinds(told) == {"job.failed": 2, "pipeline.finished": 1}


def test_a_chain_that_is_cancelled_is_told_once(told):
    run = chain_of_two(factories.video())
    runs.cancel(run)
    runs.cancel(run)
    assert kinds(told) == {"job.cancelled": 2, "pipeline.finished": 1}


def test_removing_a_step_of_a_finished_chain_finishes_nothing(told):
    run = chain_of_two(factories.video())
    runs.cancel(run)
    told.clear()
    for job in run.jobs.all():
        jobs.erase(job)
    assert told == []


def test_a_chain_that_is_deleted_under_way_has_not_succeeded(told):
    video = factories.video()
    run = runs.start(video.owner, video, steps.read([{"name": "Stills", "operation": "thumbnails"}]), "One")
    jobs.erase(run.jobs.get())
    assert told == []


def test_a_recording_that_comes_is_told_before_the_work_on_it(told, tmp_path: Path):
    file = storage.upload_path(uuid.uuid4())
    media.video(tmp_path / "talk.mp4", seconds=2).rename(file)
    ann = factories.account()
    video = videos.receive(ann, file, name="talk.mp4", work={"thumbnails": {"version": 1}})
    assert [(event.kind, event.owner, event.subject) for event in told] == [(Kind.VIDEO_CREATED, ann.pk, video.pk)]
    kept = keeping.keep(video)
    assert told[-1].subject == kept.pk and len(told) == 2


def test_an_image_is_no_recording(told):
    images.receive(factories.account(), pictures.written(storage.upload_path(uuid.uuid4())), name="logo.png")
    assert told == []
