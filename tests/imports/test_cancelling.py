"""Imports that are cancelled, deleted or taken over while they come."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import Http404

from jobs import fetching, storage
from jobs.heart import Heart, stopped
from jobs.models import Import, Run, Video
from jobs.services import arrivals, custody, imports, videos
from jobs.services.imports import QUEUE
from tests.api import error
from tests.elsewhere import Elsewhere, Recording, always
from tests.imports.conftest import asked, fetched, left
from tests.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
S = Import.Status


def meanwhile(doing: Callable[[], object]) -> threading.Thread:
    """Do it in another thread, as the page would."""

    def work() -> None:
        try:
            doing()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_one_that_is_cancelled_while_it_comes_stops_and_leaves_nothing(ann, talk, settings):
    settings.HEARTBEAT_SECONDS = 0.05
    there = Recording(talk, piece=1024, pause=0.1)
    with Elsewhere(there) as server:
        row = asked(ann, server.url)

        def cancel() -> None:
            wait_for(lambda: Import.objects.get(pk=row.pk).received_bytes > 0, "the first bytes")
            assert imports.cancel(Import.objects.get(pk=row.pk))

        thread = meanwhile(cancel)
        fetching.take_turn(QUEUE)
        thread.join()
    row.refresh_from_db()
    assert (row.status, row.received_bytes, left(), Video.objects.count()) == (S.CANCELLED, 0, [], 0)
    assert ann.post(f"/imports/{row.pk}/cancel").json()["status"] == "cancelled"


def cancel_and_remove(row: Import) -> None:
    assert imports.cancel(row)
    imports.remove(row)


@pytest.mark.parametrize("doing", [imports.cancel, cancel_and_remove])
def test_one_that_is_cancelled_before_its_recording_is_there_leaves_none(ann, talk, monkeypatch, doing):
    """At the last moment, so that the attempt hears of it at its end only."""
    record = arrivals.record

    def hears(self: Heart) -> None:
        if not self.row.beat(self.attempt):
            raise stopped()

    monkeypatch.setattr(Heart, "end", hears)

    def cancelled(*args: Any) -> None:
        meanwhile(lambda: doing(Import.objects.get())).join()
        record(*args)

    monkeypatch.setattr(arrivals, "record", cancelled)
    with Elsewhere(Recording(talk)) as server:
        asked(ann, server.url, pipeline="podcast")
        fetching.take_turn(QUEUE)
    assert list(Import.objects.values_list("status", "video")) in ([(S.CANCELLED, None)], [])
    assert (Video.with_trash.count(), Run.objects.count(), left(), custody.names("videos")) == (0, 0, [], [])


def test_one_whose_recording_is_there_is_not_cancelled_any_more(ann, talk, monkeypatch):
    """Who cancels waits for the transaction that makes the recording, and comes second."""
    claim, answers, threads = fetching.claim, list[tuple[int, str]](), list[threading.Thread]()

    def claimed(row: Import, *args: Any) -> None:
        claim(row, *args)
        threads.append(meanwhile(lambda: answers.append(error(ann.post(f"/imports/{row.pk}/cancel")))))
        time.sleep(0.3)

    monkeypatch.setattr(fetching, "claim", claimed)
    with Elsewhere(Recording(talk)) as server:
        row = fetched(ann, server.url)
    threads[0].join()
    assert answers == [(409, "ended")]
    assert (row.status, row.video_id, Video.objects.get().pk) == (S.SUCCEEDED, row.pk, row.pk)


def test_an_attempt_that_lost_its_turn_takes_nothing_from_the_next(ann, talk, monkeypatch):
    """Before its recording is there, and after."""
    record, start = arrivals.record, videos.start

    def lost(*args: Any) -> None:
        current = Import.objects.get()
        assert current.release(current.attempt)

    def lost_before(*args: Any) -> None:
        lost()
        record(*args)

    monkeypatch.setattr(arrivals, "record", lost_before)
    with Elsewhere(Recording(talk)) as server:
        row = fetched(ann, server.url)
        assert (row.status, Video.objects.count(), left()) == (S.QUEUED, 0, [f"{row.pk}.part"])
        monkeypatch.setattr(arrivals, "record", record)
        monkeypatch.setattr(videos, "start", lost)
        fetching.take_turn(QUEUE)
        row.refresh_from_db()
        assert (row.status, row.video_id, Video.objects.count()) == (S.QUEUED, row.pk, 1)
        monkeypatch.setattr(videos, "start", start)
        fetching.take_turn(QUEUE)
        row.refresh_from_db()
        assert len(server.heads) == 1
    assert (row.status, row.attempt, left()) == (S.SUCCEEDED, 3, [])
    assert storage.path(Video.objects.get().key).read_bytes() == talk


def test_one_that_is_gone_is_let_go(ann):
    """With its account, while the other server fails, and while somebody asks for it again."""

    def answer(connection, head) -> None:
        meanwhile(lambda: Import.objects.all().delete()).join()
        always("503 Busy")(connection, head)

    with Elsewhere(answer) as server:
        row = asked(ann, server.url)
        fetching.take_turn(QUEUE)
    assert (left(), Import.objects.count()) == ([], 0)
    assert not imports.cancel(row)
    with pytest.raises(Http404):
        imports.retry(row)


def test_cancelling_and_retrying_fit_the_state(ann, talk):
    with Elsewhere(Recording(talk)) as server:
        row = asked(ann, server.url)
        assert error(ann.post(f"/imports/{row.pk}/retry")) == (409, "still_active")
        assert error(ann.delete(f"/imports/{row.pk}")) == (409, "still_active")
        assert ann.post(f"/imports/{row.pk}/cancel").json()["status"] == "cancelled"
        assert ann.post(f"/imports/{row.pk}/retry").json()["status"] == "queued"
        fetching.take_turn(QUEUE)
    assert error(ann.post(f"/imports/{row.pk}/cancel")) == (409, "ended")
    assert error(ann.post(f"/imports/{row.pk}/retry")) == (409, "all_done")
    assert ann.delete(f"/imports/{row.pk}").json() == {"id": str(row.pk), "bytes": 0}
    assert (Import.objects.count(), Video.objects.count()) == (0, 1)
