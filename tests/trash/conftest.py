from datetime import timedelta

import pytest
from django.db.models.functions import Now

from jobs import storage
from jobs.models import Artifact, Job, Removal, Run
from tests import factories

S = Job.Status


def stored(key):
    file = storage.path(key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"bytes")
    return file


def result(job, kind="video", size=5):
    """A result of a job with a file; as a recording it has a row, too."""
    artifact = Artifact(job=job, kind=kind, name="cut.mp4", size=size, media_type="video/mp4", sha256="1" * 64)
    artifact.key = f"{storage.results_key(job.pk, 1)}/{artifact.pk}.mp4"
    artifact.save(force_insert=True)
    stored(artifact.key)
    return artifact


def as_recording(artifact):
    job = artifact.job
    return factories.video(
        job.owner, id=artifact.pk, artifact=artifact, origin=job.video, key=artifact.key, sha256=artifact.sha256
    )


@pytest.fixture
def ann():
    return factories.account()


@pytest.fixture
def talk(ann):
    video = factories.video(ann, title="Talk", sha256="a" * 64)
    video.key, video.poster = f"{storage.recording_key(video.pk)}/source.mp4", storage.poster_key(video.pk)
    video.save()
    stored(video.key), stored(video.poster)
    return video


@pytest.fixture
def cut(talk):
    """A job on the talk that has succeeded, with a result that is known as a recording."""
    job = factories.job(talk.owner, video=talk, status=S.SUCCEEDED)
    as_recording(result(job))
    return job


def chain(video, *states):
    names = [f"Step {number}" for number, _ in enumerate(states)]
    steps = [{"name": name, "operation": "thumbnails", "params": {}, "input": None, "keep": True} for name in names]
    run = Run.objects.create(owner=video.owner, video=video, name="Podcast", steps=steps, status=S.SUCCEEDED)
    for name, state in zip(names, states, strict=True):
        result(factories.job(video.owner, video=video, run=run, step=name, status=state))
    return run


def grow_old(days=8):
    Removal.objects.update(at=Now() - timedelta(days=days))
