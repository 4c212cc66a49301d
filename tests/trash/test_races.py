"""Work, removals and restoring at the same moment: each thing goes one way."""

import contextlib
import functools
import threading

import pytest
from django.db import connection

from jobs import storage
from jobs.errors import InputError
from jobs.models import Job, Removal, Video
from jobs.services import jobs, trash
from tests import factories
from tests.trash.conftest import grow_old

pytestmark = pytest.mark.django_db
S = Job.Status


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
