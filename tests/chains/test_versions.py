"""Results as recordings."""

import pytest
from django.db import connection
from django.http import Http404

from jobs import storage, tasks
from jobs.errors import InputError, NotNow
from jobs.models import Artifact, Job, Video
from jobs.services import jobs, keeping, operators, parameters, runs, shelf, transcripts, trash, versions, videos
from tests import factories
from tests.chains.conftest import TRIM, chain, step, work_off

pytestmark = pytest.mark.django_db(transaction=True)


def done(video: Video, slug: str, **params: object) -> Job:
    job = jobs.create(video.owner, video, slug, parameters.parse(slug, params, video.info))
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert job.status == Job.Status.SUCCEEDED, job.error_message
    return job


@pytest.fixture
def trimmed(talk: Video) -> Artifact:
    return done(talk, "trim", start=1).artifacts.get()


def test_a_result_is_looked_at_once_and_has_facts_and_a_poster(trimmed: Artifact, talk: Video, monkeypatch):
    version = versions.of(trimmed)
    assert (version.pk, version.artifact, version.origin, version.owner) == (trimmed.pk, trimmed, talk, talk.owner)
    assert version.duration_seconds == pytest.approx(3, abs=0.05)
    assert version.info.video and version.info.audio
    assert storage.path(version.poster).is_file()
    monkeypatch.setattr("jobs.services.arrivals.probe", None)
    assert versions.of(trimmed) == version


def test_work_on_a_result_is_work_on_what_it_shows(trimmed: Artifact, talk: Video):
    job = done(versions.of(trimmed), "trim", start=2)
    assert (job.video, job.source_id, job.on_result) == (talk, trimmed.pk, True)
    assert versions.of(job.artifacts.get()).duration_seconds == pytest.approx(1, abs=0.05)


def test_a_transcript_of_a_result_is_not_one_of_the_recording(trimmed: Artifact, talk: Video):
    version = versions.of(trimmed)
    job = factories.job(
        talk.owner,
        video=talk,
        operation="transcribe",
        status=Job.Status.SUCCEEDED,
        on_result=True,
        source=version,
    )
    facts = {"key": "artifacts/x/t.json", "size": 1, "media_type": "application/json", "sha256": "0"}
    made = Artifact.objects.create(job=job, kind=Artifact.Kind.DATA, name="t.json", **facts)
    assert transcripts.newest(version) == made
    assert transcripts.newest(talk) is None


def test_the_library_shows_recordings_and_no_results(trimmed: Artifact, talk: Video):
    versions.of(trimmed)
    assert list(shelf.shelf(talk.owner).videos) == [talk]


def test_what_is_no_recording_is_refused_with_a_sentence(talk: Video):
    picture = done(talk, "thumbnails", count=1).artifacts.get()
    with pytest.raises(InputError, match="neither video nor audio"):
        versions.of(picture)


def test_a_result_of_somebody_else_is_not_there(trimmed: Artifact):
    with pytest.raises(Http404):
        versions.owned(factories.account("bob@example.org"), trimmed.pk)


def test_a_result_can_be_used_beside_another_recording(arrive):
    trimmed, other = done(arrive(seconds=10), "trim", start=1).artifacts.get(), arrive(seconds=9)
    params = parameters.parse("swap-audio", {"audio": str(trimmed.pk)}, other.info, owner=other.owner)
    job = jobs.create(other.owner, other, "swap-audio", params)
    assert [one.id for one in jobs.given(job)] == [str(trimmed.pk)]


def test_a_result_that_work_needs_is_not_deleted(trimmed: Artifact):
    version = versions.of(trimmed)
    follower = jobs.create(version.owner, version, "trim", parameters.parse("trim", {"start": 1}, version.info))
    with pytest.raises(InputError, match="still under way, needs this result") as refusal:
        jobs.remove(trimmed.job)
    assert refusal.value.code == "still_needed"
    with pytest.raises(InputError, match="still under way, needs this result"):
        videos.delete(version)
    jobs.remove(trimmed.job, with_followers=True)
    follower.refresh_from_db()
    assert follower.status == Job.Status.CANCELLED


def test_a_retry_on_a_deleted_result_says_so_and_does_not_take_the_recording(trimmed: Artifact):
    version = versions.of(trimmed)
    job = done(version, "trim", start=1)
    videos.delete(version)
    job.refresh_from_db()
    assert job.on_result and job.source is None
    with pytest.raises(InputError, match="has been deleted"):
        runs.retry_job(job)


def test_a_deleted_result_leaves_no_file_and_no_row(trimmed: Artifact):
    version = versions.of(trimmed)
    videos.delete(version)
    assert not Video.objects.filter(pk=version.pk).exists()
    assert not Artifact.objects.filter(pk=trimmed.pk).exists()
    assert not storage.path(trimmed.key).exists()
    assert not storage.path(storage.recording_key(version.pk)).exists()


def test_a_result_kept_as_a_recording_outlives_what_it_came_from(trimmed: Artifact, talk: Video):
    kept = keeping.keep(versions.of(trimmed), "The good part")
    data = storage.path(trimmed.key).read_bytes()
    videos.delete(talk)
    kept.refresh_from_db()
    assert (kept.title, kept.artifact, kept.origin) == ("The good part", None, None)
    assert storage.path(kept.key).read_bytes() == data
    assert storage.path(kept.poster).is_file()


def test_a_result_is_kept_once_however_often_it_is_asked_for(
    trimmed: Artifact, talk: Video, monkeypatch: pytest.MonkeyPatch
):
    version, copy = versions.of(trimmed), storage.copy

    def asked_again(*keys: str) -> bool:
        with pytest.raises(NotNow, match="just being made"):
            keeping.keep(version)
        return copy(*keys)

    with monkeypatch.context() as slow:
        slow.setattr(storage, "copy", asked_again)
        kept = keeping.keep(version)
    assert keeping.keep(version) == kept
    trash.remove(kept)
    assert keeping.keep(version) != kept, "what was removed does not stand for it"


def test_a_job_on_one_that_is_not_done_waits_for_its_result(talk: Video):
    first = jobs.create(talk.owner, talk, "trim", parameters.parse("trim", {"start": 1}, talk.info))
    second = jobs.create_on_result(first, "trim", parameters.parse("trim", {"start": 1}))
    assert (second.status, second.source_job, second.source) == (Job.Status.WAITING, first, None)
    tasks.run_job(str(first.pk))
    second.refresh_from_db()
    assert second.status == Job.Status.QUEUED
    tasks.run_job(str(second.pk))
    second.refresh_from_db()
    assert second.source_id == first.artifacts.get().pk
    assert versions.of(second.artifacts.get()).duration_seconds == pytest.approx(2, abs=0.05)


def test_a_job_on_the_result_of_thumbnails_is_refused_at_once(talk: Video):
    first = jobs.create(talk.owner, talk, "thumbnails", parameters.parse("thumbnails", {}, talk.info))
    with pytest.raises(InputError, match="makes no one video or audio file"):
        jobs.create_on_result(first, "trim", parameters.parse("trim", {"start": 1}))


def test_a_result_is_not_looked_at_while_rows_are_held(trimmed: Artifact, talk: Video, monkeypatch):
    fields = {"video": talk, "operation": "trim", "params": {"version": 1, "start": 1.0}, "error_code": "timeout"}
    failed = {"status": Job.Status.FAILED, "on_result": True, "source_job": trimmed.job}
    job = factories.job(talk.owner, **fields, **failed)
    held, look = [], versions.arrivals.probed

    def watched(*args: object) -> object:
        held.append(connection.in_atomic_block)
        return look(*args)

    monkeypatch.setattr(versions.arrivals, "probed", watched)
    assert operators.retry_all("trim", "timeout").done == 1
    assert held == [False]
    assert job.retries.get().source_id == trimmed.pk


def test_parameters_that_a_result_does_not_allow_are_told_when_it_is_there(talk: Video):
    run = runs.start(talk.owner, talk, chain(TRIM, step("Again", "trim", "Trim", start=3.5)), "Twice")
    work_off(run)
    failed = run.jobs.get(step="Again")
    assert (failed.status, failed.error_code) == (Job.Status.FAILED, "beyond_end")
