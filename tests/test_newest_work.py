"""What a recording's card says of the newest work on it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import Artifact, Job, Run
from jobs.operations import registry
from jobs.services import shelf
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status
CUT = {"source_duration": 2544, "output_duration": 1865}


@pytest.fixture
def ann():
    return factories.account()


def said(owner):
    """By title of the recording."""
    return {video.title: (video.doing.look, video.doing.words) for video in shelf.shelf(owner).videos}


def made(job, **facts):
    values = {"kind": "video", "name": "x.mp4", "key": "none", "size": 1, "media_type": "video/mp4"}
    return Artifact.objects.create(job=job, metadata=facts, **values)


def chain(owner, video, status, *jobs):
    """A chain in this state of jobs in these: operation and state of each."""
    run = Run.objects.create(owner=owner, video=video, name="Lecture to web", status=status)
    return run, [factories.job(owner, video=video, run=run, operation=slug, status=state) for slug, state in jobs]


def test_a_recording_is_new_until_something_is_done_with_it(ann):
    video = factories.video(ann)
    assert said(ann) == {"Weekly review": ("plainer", "New")}
    factories.job(ann, video=video, operation="convert", status=S.SUCCEEDED)
    assert said(ann) == {"Weekly review": ("succeeded", "Converted")}


def test_each_says_what_is_done_with_it_at_the_moment_or_was_last(ann):
    states = {
        "runs": [("watermark", S.RUNNING, {"progress": 0.629}), ("convert", S.QUEUED, {}), ("trim", S.FAILED, {})],
        "next": [("watermark", S.QUEUED, {})],
        "behind": [("watermark", S.QUEUED, {})],
        "waits": [("watermark", S.WAITING, {})],
        "fails": [("convert", S.SUCCEEDED, {}), ("swap-audio", S.FAILED, {})],
        "stopped": [("trim", S.CANCELLED, {})],
        "gone": [("an-old-one", S.SUCCEEDED, {})],
    }
    for title, jobs in states.items():
        video = factories.video(ann, title=title)
        for slug, status, fields in jobs:
            factories.job(ann, video=video, operation=slug, status=status, queue="encode", **fields)
    Job.objects.filter(operation="convert", status=S.QUEUED).update(queue="fast")
    assert said(ann) == {
        "runs": ("running", "Watermark, 63 %"),
        "next": ("waiting", "Next"),
        "behind": ("waiting", "2nd in line"),
        "waits": ("waiting", "Waiting"),
        "fails": ("failed", "Swap the audio failed"),
        "stopped": ("plainer", "Trim cancelled"),
        "gone": ("succeeded", "an-old-one: done"),
    }


def test_a_cut_says_how_long_the_recording_is_now(ann):
    made(factories.job(ann, operation="silence-cut", status=S.SUCCEEDED), **CUT)
    assert said(ann) == {"Weekly review": ("succeeded", "Cut to 31:05")}


def test_a_chain_says_which_step_is_at_work_failed_or_made_another_length(ann):
    runs, fails, done = (factories.video(ann, title=title) for title in ("runs", "fails", "done"))
    chain(ann, runs, S.RUNNING, ("silence-cut", S.SUCCEEDED), ("watermark", S.QUEUED), ("transcribe", S.WAITING))
    chain(ann, fails, S.FAILED, ("silence-cut", S.SUCCEEDED), ("watermark", S.FAILED), ("transcribe", S.WAITING))
    _, (cut, *_) = chain(ann, done, S.SUCCEEDED, ("silence-cut", S.SUCCEEDED), ("transcribe", S.SUCCEEDED))
    made(cut, **CUT)
    assert said(ann) == {
        "runs": ("waiting", "Next"),
        "fails": ("failed", "Watermark failed"),
        "done": ("succeeded", "Cut to 31:05"),
    }


def test_of_a_job_by_itself_and_a_chain_the_later_one_counts(ann):
    video = factories.video(ann)
    run, _ = chain(ann, video, S.SUCCEEDED, ("transcribe", S.SUCCEEDED))
    factories.job(ann, video=video, operation="trim", status=S.SUCCEEDED)
    assert said(ann) == {"Weekly review": ("succeeded", "Trimmed")}
    Run.objects.filter(pk=run.pk).update(active_at=timezone.now() + timedelta(seconds=1))
    assert said(ann) == {"Weekly review": ("succeeded", "Transcribed")}


def test_work_of_others_and_in_the_trash_is_not_told(ann):
    video = factories.video(ann)
    factories.job(factories.account("eve@example.org"), status=S.RUNNING)
    gone = factories.job(ann, video=video, status=S.FAILED)
    Job.objects.filter(pk=gone.pk).update(removal=gone.pk)
    assert said(ann) == {"Weekly review": ("plainer", "New")}


def test_the_number_of_queries_does_not_grow_with_recordings(ann):
    def queries():
        with CaptureQueriesContext(connection) as found:
            shelf.shelf(ann)
        return len(found)

    def add():
        for status in (S.RUNNING, S.QUEUED, S.SUCCEEDED, S.FAILED):
            video = factories.video(ann)
            made(factories.job(ann, video=video, status=status))
            chain(ann, factories.video(ann), status, ("trim", status))

    add()
    few = queries()
    add()
    add()
    assert queries() == few


def test_every_operation_says_what_a_recording_is_called_after_it():
    assert all(operation.done for operation in registry.every())
