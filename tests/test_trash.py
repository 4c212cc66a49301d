"""What is removed is gone at once and comes back whole for a week; then, and not before, its files go."""

import contextlib
import functools
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries

from jobs import storage
from jobs.errors import InputError
from jobs.live.listed import Listed
from jobs.live.view import View
from jobs.models import Artifact, Job, Removal, Run, Video
from jobs.services import accounts, custody, figures, jobs, reconcile, reuse, runs, shelf, storage_use, trash, versions
from jobs.services import videos as video_services
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db
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


def everything():
    """How many rows pages and lists know of."""
    return tuple(model.objects.count() for model in (Video, Run, Job, Artifact))


# Removing and having it back -----------------------------------------------------------------------------------------


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


@pytest.mark.django_db(transaction=True)
def test_of_work_and_a_removal_at_the_same_moment_none_is_left_on_what_is_gone(ann):
    """Whoever comes first: either the work is stopped by the removal, or it is refused."""

    def make(video):
        try:
            with contextlib.suppress(InputError):
                jobs.make(jobs.Order(ann, video, "thumbnails", {"version": 1}))
        finally:
            connection.close()

    make(factories.video(ann))
    for _ in range(5):
        video = factories.video(ann)
        makers = [threading.Thread(target=make, args=[video]) for _ in range(3)]
        for maker in makers:
            maker.start()
        removal = trash.remove(video)
        for maker in makers:
            maker.join()
        assert not Job.objects.filter(video=video).exists()
        assert not Job.with_trash.filter(video=video, under_way=1).exists()
        assert trash.restore(removal) == video


@pytest.mark.django_db(transaction=True)
def test_several_machines_delete_and_restore_at_once_and_each_thing_goes_one_way(ann):
    video = factories.video(ann)
    for _ in range(6):
        trash.remove(factories.job(ann, video=video, status=S.FAILED))
    grow_old()
    failures = []

    def act(what):
        try:
            with contextlib.suppress(InputError):
                what()
        except Exception as error:  # noqa: BLE001 whatever it is
            failures.append(error)
        finally:
            connection.close()

    removals = list(Removal.objects.all())
    acts = [trash.sweep, trash.sweep, *(functools.partial(trash.restore, one) for one in removals[:3])]
    threads = [threading.Thread(target=act, args=[what]) for what in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    trash.sweep()
    assert not Removal.objects.exists()
    assert Job.with_trash.count() == Job.objects.count() <= 3


# What is counted -----------------------------------------------------------------------------------------------------


def test_it_counts_as_used_space_under_its_own_name(talk, cut):
    before = storage_use.of(talk.owner)
    trash.remove(talk)
    use = storage_use.of(talk.owner)
    assert (use.recordings, use.results, use.trash) == (0, 0, talk.size + 5)
    assert use.total == before.total
    assert [(one.trash, one.total) for one in storage_use._by_owner()] == [(use.trash, use.total)]


def test_figures_go_on_telling_of_the_work(talk, cut):
    period = figures.PERIODS["day"]
    before = figures.figures(talk.owner, period).all.done
    trash.remove(talk)
    assert figures.figures(talk.owner, period).all.done == before == 1


def test_lists_take_as_many_queries_as_before(talk, cut, django_assert_num_queries: DjangoAssertNumQueries):
    for _ in range(3):
        trash.remove(factories.job(talk.owner, status=S.SUCCEEDED))
    with django_assert_num_queries(4):
        assert len(Listed(talk.owner, View("queue")).part(50).rows) == 4 - 3


# Going for good ------------------------------------------------------------------------------------------------------


def test_it_stays_for_a_week_and_then_goes_with_its_files(talk, cut):
    keys = [talk.key, talk.poster, cut.artifacts.get().key]
    trash.remove(talk)
    grow_old(days=6)
    reconcile.sweep()
    assert Removal.objects.exists()
    assert all(storage.path(key).exists() for key in keys)
    grow_old(days=7)
    reconcile.sweep()
    assert not Removal.objects.exists()
    assert not Video.with_trash.exists()
    assert not Job.with_trash.exists()
    assert not storage.path(storage.recording_key(talk.pk)).exists()
    assert not storage.path(storage.artifacts_key(cut.pk)).exists()


def test_a_round_empties_a_part_and_the_next_ones_the_rest(ann):
    for _ in range(trash.AT_ONCE + 1):
        trash.remove(factories.job(ann, status=S.FAILED))
    grow_old()
    assert trash.sweep() == trash.AT_ONCE
    assert trash.sweep() == 1
    assert trash.sweep() == 0


def test_what_the_disk_refuses_to_delete_keeps_none_of_the_others(talk, ann, monkeypatch):
    trash.remove(talk)
    trash.remove(factories.job(ann, status=S.FAILED))
    grow_old()

    def refuse(subject):
        if isinstance(subject, Video):
            raise PermissionError("the disk refuses")
        return ()

    with monkeypatch.context() as patch:
        patch.setattr(trash, "_delete_files", refuse)
        assert trash.sweep() == 1
    assert [removal.video for removal in Removal.objects.all()] == [talk]
    assert trash.sweep() == 1


def test_who_dies_while_deleting_leaves_the_rest_to_the_next(talk, cut, monkeypatch):
    key = cut.artifacts.get().key
    trash.remove(talk)
    grow_old()
    with monkeypatch.context() as patch:
        patch.setattr(Video, "delete", lambda self: 1 / 0)  # between files and rows
        with pytest.raises(ZeroDivisionError):
            trash.sweep()
    assert not storage.path(key).exists()
    removal = Removal.objects.get()
    with pytest.raises(InputError, match="not in the trash any more"):
        trash.restore(removal)
    assert trash.sweep() == 1
    assert not Video.with_trash.exists()


def test_two_who_delete_the_same_do_no_harm(talk):
    removal = trash.remove(talk)
    assert trash.purge(removal)
    assert not trash.purge(removal)
    with pytest.raises(InputError, match="not in the trash"):
        trash.restore(removal)


def test_who_comes_to_delete_what_another_machine_has_just_deleted_does_nothing(talk):
    removal = trash.remove(talk)
    mine = Removal.objects.get(pk=removal.pk)
    update = type(Removal.objects.all()).update

    def overtaken(rows, **changes):
        found = update(rows, **changes)
        Video.with_trash.all().delete()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(Removal.objects.all()), "update", overtaken)
        assert not trash.purge(mine)


def test_what_was_removed_before_goes_with_what_it_belonged_to(talk, cut):
    trash.remove(cut.artifacts.get())
    trash.remove(cut)
    removal = trash.remove(talk)
    trash.purge(removal)
    assert not Removal.objects.exists()
    assert not Artifact.with_trash.exists()


def test_a_result_in_the_trash_goes_alone(talk, cut):
    artifact = cut.artifacts.get()
    trash.purge(trash.remove(artifact))
    assert not storage.path(artifact.key).exists()
    assert not Video.with_trash.filter(pk=artifact.pk).exists()
    assert Job.objects.get() == cut


def test_without_days_there_is_no_trash(talk, cut, settings):
    settings.TRASH_DAYS = 0
    assert trash.remove(cut) is None
    assert trash.remove(talk) is None
    assert not Video.with_trash.exists()
    assert not storage.path(storage.recording_key(talk.pk)).exists()


def test_what_was_measured_stays_as_long_as_bytes_of_it_lie_in_the_trash(talk):
    twin = factories.video(talk.owner, sha256=talk.sha256)
    storage.cache_dir(talk.sha256)
    removal = trash.remove(talk)
    video_services.delete(twin)
    assert storage.path(f"cache/{talk.sha256}").exists()
    trash.purge(removal)
    assert not storage.path(f"cache/{talk.sha256}").exists()


def test_a_deleted_account_leaves_no_trash(talk, cut):
    factories.account("root@example.org", is_staff=True)
    keys = [talk.key, cut.artifacts.get().key]
    trash.remove(cut)
    trash.remove(talk)
    accounts.delete(talk.owner)
    assert not Video.with_trash.exists()
    assert not any(storage.path(key).exists() for key in keys)


def test_the_storage_knows_what_lies_in_the_trash(talk, cut):
    trash.remove(talk)
    assert custody._of_videos([str(talk.pk)]) >= {talk.key, talk.poster}
    assert custody._of_artifacts([str(cut.pk)]) == {Artifact.with_trash.get().key}


def test_a_chain_is_put_right_when_one_of_its_jobs_goes_and_comes_back(talk):
    run = chain(talk, S.SUCCEEDED, S.FAILED)
    run.follow()
    assert run.status == S.FAILED
    removal = trash.remove(run.jobs.get(status=S.FAILED))
    run.refresh_from_db()
    assert run.status == S.SUCCEEDED
    trash.restore(removal)
    run.refresh_from_db()
    assert run.status == S.FAILED
    assert list(runs.jobs_of(run)) == ["Step 0", "Step 1"]


# By the API ----------------------------------------------------------------------------------------------------------


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
