"""What is removed is gone at once, with all that hangs on it, and comes back whole."""

import pytest

from jobs import storage
from jobs.errors import InputError
from jobs.live.listed import Listed
from jobs.live.view import View
from jobs.models import Artifact, Job, Removal, Run, Video
from jobs.services import jobs, reconcile, reuse, shelf, trash, versions
from jobs.services import videos as video_services
from tests import factories
from tests.api import Api
from tests.trash.conftest import chain

pytestmark = pytest.mark.django_db
S = Job.Status


def everything():
    """How many rows pages and lists know of."""
    return tuple(model.objects.count() for model in (Video, Run, Job, Artifact))


def test_a_recording_goes_with_all_that_hangs_on_it_and_comes_back_with_all_of_it(talk, cut):
    chain(talk, S.SUCCEEDED, S.SUCCEEDED)
    before = everything()
    removal = trash.remove(talk)
    assert everything() == (0, 0, 0, 0)
    assert (removal.kind, removal.title, removal.size) == ("recording", "Talk", talk.size + 15)
    assert shelf.shelf(talk.owner).total == 0
    assert not Listed(talk.owner, View("queue")).part(50).rows
    assert storage.path(talk.key).exists()
    assert trash.restore(removal) == talk
    assert everything() == before
    assert not Removal.objects.exists()
    assert shelf.shelf(talk.owner).total == 1
    assert len(Listed(talk.owner, View("queue")).part(50).rows) == 2


@pytest.mark.parametrize("what", ["job", "run", "result", "version"])
def test_other_things_go_and_come_back_with_what_they_made_and_leave_the_rest(talk, cut, what):
    run = chain(talk, S.SUCCEEDED, S.SUCCEEDED)
    artifact = cut.artifacts.get()
    subject, left = {
        "job": (cut, (1, 1, 2, 2)),
        "run": (run, (2, 0, 1, 1)),
        "result": (artifact, (1, 1, 3, 2)),
        "version": (artifact.recording, (1, 1, 3, 2)),
    }[what]
    removal = trash.remove(subject)
    assert everything() == left
    trash.restore(removal)
    assert everything() == (2, 1, 3, 3)


def test_only_what_went_along_comes_back(talk, cut):
    earlier = trash.remove(cut)
    later = trash.remove(talk)
    with pytest.raises(InputError, match="“Talk” is in the trash, too"):
        trash.restore(earlier)
    trash.restore(later)
    assert Job.objects.count() == 0
    trash.restore(earlier)
    assert Job.objects.get() == cut
    assert cut.artifacts.count() == 1


def test_work_under_way_is_stopped_and_does_not_begin_again(talk):
    running = factories.job(talk.owner, video=talk, status=S.RUNNING)
    queued = factories.job(talk.owner, video=talk)
    removal = trash.remove(talk)
    assert not running.beat(1), "the worker is not told to stop"
    trash.restore(removal)
    assert {job.status for job in Job.objects.filter(pk__in=[running.pk, queued.pk])} == {S.CANCELLED}


def test_a_chain_that_is_stopped_by_it_has_ended_when_it_comes_back(talk):
    run = chain(talk, S.SUCCEEDED, S.RUNNING)
    run.follow()
    assert run.is_active
    trash.restore(trash.remove(talk))
    assert Run.objects.get().status == S.CANCELLED


def test_what_waits_for_a_removed_job_does_not_begin_without_it(talk):
    failed = factories.job(talk.owner, video=talk, status=S.FAILED)
    waiting = factories.job(talk.owner, video=talk, status=S.WAITING)
    waiting.after.set([failed])
    trash.remove(failed)
    reconcile.sweep()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == (S.FAILED, "prerequisite_failed")


def test_what_is_under_way_is_not_removed_and_what_needs_a_result_neither(talk, cut):
    running = factories.job(talk.owner, video=talk, status=S.RUNNING)
    with pytest.raises(InputError, match="still under way"):
        trash.remove(running)
    version = cut.artifacts.get().recording
    on_it = factories.job(talk.owner, video=talk, on_result=True, source=version)
    for subject in (cut, version):
        with pytest.raises(InputError, match="needs this result"):
            trash.remove(subject)
    assert Removal.objects.count() == 0
    trash.remove(cut, with_followers=True)
    on_it.refresh_from_db()
    assert on_it.status == S.CANCELLED


def test_work_on_other_recordings_that_needs_it_fails(talk):
    other = factories.video(talk.owner)
    params = {"version": 1, "audio": str(talk.pk)}
    job = factories.job(talk.owner, video=other, operation="swap-audio", params=params, queue="heavy")
    trash.remove(talk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == (S.FAILED, "missing_input")


def test_it_is_removed_once(talk):
    trash.remove(talk)
    with pytest.raises(InputError, match="removed already"):
        trash.remove(talk)
    assert Removal.objects.count() == 1


def test_no_work_is_made_on_what_was_removed_at_the_same_moment(talk, cut):
    version = cut.artifacts.get().recording
    trash.remove(version)
    with pytest.raises(InputError, match="has been removed"):
        jobs.make(jobs.Order(talk.owner, talk, "thumbnails", {"version": 1}, source=version))
    trash.remove(talk)
    with pytest.raises(InputError, match="has been removed"):
        jobs.make(jobs.Order(talk.owner, talk, "thumbnails", {"version": 1}))
    assert everything() == (0, 0, 0, 0)


def test_work_on_a_removed_result_is_not_tried_again_until_it_is_back(talk, cut):
    version = cut.artifacts.get().recording
    job = factories.job(talk.owner, video=talk, on_result=True, source=version, status=S.FAILED)
    removal = trash.remove(version)
    job = Job.objects.get(pk=job.pk)
    assert job.subject is None
    with pytest.raises(InputError, match="deleted"):
        jobs.retry(job)
    with pytest.raises(InputError, match="deleted"):
        versions.result_of(cut)
    trash.restore(removal)
    assert Job.objects.get(pk=job.pk).subject == version


def test_chains_take_no_results_from_the_trash(talk, cut):
    again = factories.job(talk.owner, video=talk, source_sha256=talk.sha256)
    Job.objects.filter(pk=cut.pk).update(source_sha256=talk.sha256)
    assert reuse.twin(again) == cut
    trash.remove(cut)
    assert reuse.twin(again) is None


def test_the_same_bytes_are_taken_again_or_offered_from_the_trash(talk):
    removal = trash.remove(talk)
    with pytest.raises(video_services.DuplicateVideo, match="in the trash") as caught:
        video_services.refuse_duplicate(talk.owner, talk.sha256)
    assert (caught.value.code, caught.value.video) == ("duplicate_in_trash", talk)
    assert video_services.first_of(talk.owner, talk.sha256) is None
    Removal.objects.filter(pk=removal.pk).update(is_going=True)
    video_services.refuse_duplicate(talk.owner, talk.sha256)


def test_the_key_of_a_removed_job_makes_no_second_one(ann, talk):
    api = Api(ann)
    body = {"video": str(talk.pk), "operation": "thumbnails"}
    first = api.post("/jobs", body, **{"Idempotency-Key": "once"}).json()["id"]
    jobs.cancel(Job.objects.get())
    trash.remove(Job.objects.get())
    second = api.post("/jobs", body, **{"Idempotency-Key": "once"})
    assert (second.status_code, second.json()["id"]) == (200, first)
    assert Job.with_trash.count() == 1


def test_work_ordered_with_an_upload_does_not_begin_on_a_removed_recording(talk):
    trash.remove(talk)
    video_services.start(Video.with_trash.get(), {"thumbnails": {"version": 1}})
    assert not Job.with_trash.exists()
