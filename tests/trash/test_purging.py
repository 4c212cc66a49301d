"""What was removed stays for a week; then, and not before, its files go."""

import pytest

from jobs import storage
from jobs.models import Artifact, Job, Removal, Video
from jobs.services import accounts, custody, reconcile, runs, trash
from jobs.services import videos as video_services
from tests import factories
from tests.trash.conftest import chain, grow_old

pytestmark = pytest.mark.django_db
S = Job.Status


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
