"""Recordings that the server fetches from an address, from other servers that are real and behave as real ones do."""

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.db import connection
from django.http import Http404
from django.utils import timezone

from jobs import fetching, storage
from jobs.heart import Heart, stopped
from jobs.models import Import, Job, QueueState, Run, Upload, Video
from jobs.services import arrivals, custody, imports, losses, queue_load, reconcile, uploads, videos
from jobs.services.imports import QUEUE
from tests import factories, media
from tests.api import ROOT, Api, error
from tests.elsewhere import Elsewhere, Recording, always
from tests.processes import wait_for
from tests.site import WORKERS

pytestmark = pytest.mark.django_db(transaction=True)
S = Import.Status


@pytest.fixture(scope="module")
def talk(tmp_path_factory) -> bytes:
    return media.video(tmp_path_factory.mktemp("talk") / "talk.mp4", seconds=2).read_bytes()


@pytest.fixture
def ann():
    return Api(factories.account("ann@example.org"))


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    settings.IMPORT_PRIVATE_ADDRESSES = True
    monkeypatch.setattr(fetching, "PAUSES_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(fetching, "REPORT_SECONDS", 0.0)


def asked(api: Api, url: str, **fields: str) -> Import:
    answer = api.post("/videos", {"url": url, **fields})
    assert answer.status_code == 202, answer.content
    assert answer.headers["Location"] == f"{ROOT}/imports/{answer.json()['id']}"
    return Import.objects.get(pk=answer.json()["id"])


def fetched(api: Api, url: str, **fields: str) -> Import:
    row = asked(api, url, **fields)
    fetching.take_turn(QUEUE)
    row.refresh_from_db()
    return row


def left() -> list[str]:
    """What lies where files arrive."""
    folder = storage.path("uploads")
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []


# Coming --------------------------------------------------------------------------------------------------------------


def test_a_recording_comes_from_its_address(ann, talk):
    with Elsewhere(Recording(talk)) as server:
        row = asked(ann, f"{server.url}/weekly%20review_1.mp4?key=1")
        told = ann.get(f"/imports/{row.pk}").json()
        assert (told["status"], told["progress"], told["video"], told["error"]) == ("queued", None, None, None)
        fetching.take_turn(QUEUE)
    told = ann.get(f"/imports/{row.pk}").json()
    assert (told["status"], told["progress"], told["error"]) == ("succeeded", 1.0, None)
    assert told["received_bytes"] == told["size_bytes"] == len(talk)
    assert (told["video"], told["video_url"]) == (str(row.pk), f"{ROOT}/videos/{row.pk}")
    video = ann.get(f"/videos/{row.pk}").json()
    assert (video["title"], video["name"]) == ("weekly review_1".replace("_", " "), "weekly review_1.mp4")
    assert storage.path(Video.objects.get().key).read_bytes() == talk
    assert left() == []
    assert ann.get("/imports", status="succeeded").json()["count"] == 1


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("attachment; filename=\"talk.mp4\"; filename*=UTF-8''%C3%9Cbung.mp4", "Übung.mp4"),
        ('attachment; filename="../../etc/passwd.mp4"', "passwd.mp4"),
        ("attachment; filename*=klingon''%ff", "download"),
        ("attachment", "download"),
    ],
)
def test_the_name_is_that_which_the_other_server_tells_or_the_end_of_the_address(ann, talk, told, name):
    with Elsewhere(Recording(talk, Content_Disposition=told)) as server:
        assert fetched(ann, f"{server.url}/a/download?id=7").name == name


def test_what_is_ordered_with_it_is_begun_as_after_an_upload(ann, talk):
    with Elsewhere(Recording(talk)) as server:
        row = fetched(ann, server.url, pipeline="podcast", title="  All hands ")
        other = fetched(ann, server.url, pipeline="", duplicate="allow")
    assert Run.objects.get().video_id == row.pk
    assert (row.status, other.status, Video.objects.get(pk=row.pk).title) == (S.SUCCEEDED, S.SUCCEEDED, "All hands")


def test_the_default_chain_of_the_account_is_run_where_none_is_named(ann, talk):
    account = factories.account()
    account.default_pipeline = "podcast"
    account.save()
    with Elsewhere(Recording(talk)) as server:
        row = fetched(ann, server.url)
    assert Run.objects.get().video_id == row.pk


def test_the_same_bytes_again_are_refused_with_the_first_recording(ann, talk):
    with Elsewhere(Recording(talk)) as server:
        first, second = fetched(ann, server.url), fetched(ann, server.url)
    told = ann.get(f"/imports/{second.pk}").json()
    assert (told["status"], told["error"]["code"]) == ("failed", "duplicate")
    assert told["error"]["detail"] == {"video": str(first.pk)}
    assert (Video.objects.count(), left()) == (1, [])


def test_redirects_are_followed_and_the_last_address_gives_the_name(ann, talk):
    with (
        Elsewhere(Recording(talk)) as server,
        Elsewhere(always("302 Found", f"Location: {server.url}/end.mp4")) as first,
    ):
        assert fetched(ann, f"{first.url}/start").name == "end.mp4"


def test_sound_whose_length_nobody_tells_comes_too(ann, tmp_path):
    sound = media.audio(tmp_path / "note.wav", seconds=1).read_bytes()
    with Elsewhere(Recording(sound, Transfer_Encoding="chunked", ETag=None)) as server:
        row = fetched(ann, f"{server.url}/note.wav")
    assert (row.status, row.video.kind) == (S.SUCCEEDED, "audio")


# Breaking off --------------------------------------------------------------------------------------------------------


def test_a_download_goes_on_where_the_connection_broke(ann, talk):
    there = Recording(talk, breaks=[len(talk) // 3, len(talk) // 4], piece=1024)
    with Elsewhere(there) as server:
        row = fetched(ann, server.url)
    assert row.status == S.SUCCEEDED
    assert storage.path(Video.objects.get().key).read_bytes() == talk
    assert there.ranges == ["", f"bytes={len(talk) // 3}-", f"bytes={len(talk) // 3 + len(talk) // 4}-"]
    assert b'\r\nIf-Range: "1"\r\n' in server.heads[1]


def test_what_changed_meanwhile_is_fetched_anew(ann, talk):
    there = Recording(b"x" * len(talk), breaks=[len(talk) // 2])
    with Elsewhere(there) as server:
        row = asked(ann, server.url)

        def answer(connection, head, first=[True]) -> None:  # noqa: B006 kept between the calls
            there(connection, head)
            there.data, there.headers["ETag"] = talk, '"2"'

        server.answering = answer
        fetching.take_turn(QUEUE)
        row.refresh_from_db()
    assert row.status == S.SUCCEEDED, row.error_message
    assert storage.path(Video.objects.get().key).read_bytes() == talk


@pytest.mark.parametrize("total", ["{size}", "*"])
def test_a_server_that_sends_smaller_parts_than_asked_for_is_asked_at_once_until_all_is_there(
    ann, talk, total, monkeypatch, caplog
):
    caplog.set_level("INFO", fetching.__name__)
    monkeypatch.setattr(fetching, "DRIP_BYTES", 1000)
    part = len(talk) // 6 + 1
    there = Recording(talk, breaks=[part], largest=part, total=total.format(size=len(talk)))
    with Elsewhere(there) as server:
        row = fetched(ann, server.url)
    assert (row.status, row.size_bytes) == (S.SUCCEEDED, len(talk)), row.error_message
    assert there.ranges == ["", *(f"bytes={part * number}-" for number in range(1, 6))]
    assert storage.path(Video.objects.get().key).read_bytes() == talk
    assert caplog.text.count("is asked for again in") == 1  # after the one that broke off


def test_a_server_that_sends_tiny_parts_is_not_asked_for_them_all_at_once(ann, talk):
    there = Recording(talk, breaks=[1000], largest=1)
    with Elsewhere(there) as server:
        row = fetched(ann, server.url)
    assert (row.status, row.received_bytes, row.setbacks, len(there.ranges)) == (S.QUEUED, 1002, 1, 3)


def test_a_part_without_a_length_of_its_own_that_breaks_off_is_gone_on_with(ann, talk):
    half, more = len(talk) // 2, len(talk) // 4
    there = Recording(talk, breaks=[half, more], lengths=False)
    with Elsewhere(there) as server:
        row = fetched(ann, server.url)
    assert (row.status, there.ranges) == (S.SUCCEEDED, ["", f"bytes={half}-", f"bytes={half + more}-"])
    assert storage.path(Video.objects.get().key).read_bytes() == talk


def test_a_first_answer_that_is_a_part_only_is_not_taken_for_the_whole(ann, talk):
    half = len(talk) // 2
    there = Recording(talk)
    first = always("206 Part", 'ETag: "1"', f"Content-Range: bytes 0-{half - 1}/{len(talk)}", body=talk[:half])
    with Elsewhere(lambda connection, head: (there if b"Range" in head else first)(connection, head)) as server:
        assert fetched(ann, server.url).status == S.SUCCEEDED
    assert there.ranges == [f"bytes={half}-"]
    assert storage.path(Video.objects.get().key).read_bytes() == talk


@pytest.mark.parametrize(
    "wrong",
    [
        {"Content-Range": "bytes 1000-900/{size}"},
        {"Content-Range": "bytes 1000-{size}/{size}"},
        {"Content-Range": "bytes 1000-1999/2000"},
        {"Content-Range": "bytes 1000-1999/{size}", "Content-Length": None},
        {"Content-Range": "bytes 999-1999/{size}"},
        {"ETag": '"2"'},
    ],
)
def test_a_part_that_is_not_the_one_asked_for_is_not_joined_to_what_is_there(ann, talk, wrong):
    partial = {name: value and value.format(size=len(talk)) for name, value in wrong.items()}
    there = Recording(talk, breaks=[1000], partial=partial)
    with Elsewhere(there) as server:
        assert fetched(ann, server.url).status == S.SUCCEEDED
    assert there.ranges == ["", "bytes=1000-", ""]
    assert storage.path(Video.objects.get().key).read_bytes() == talk


def test_what_a_part_does_not_repeat_stays_as_it_was_told_first(ann, talk):
    """With If-Range other servers may leave out the date and the name."""
    there = Recording(
        talk,
        breaks=[1000, 1000],
        partial={"Last-Modified": None, "Content-Disposition": None},
        ETag=None,
        Last_Modified="Mon, 30 Nov 2026 10:00:00 GMT",
        Content_Disposition='attachment; filename="talk.mp4"',
    )
    with Elsewhere(there) as server:
        row = fetched(ann, f"{server.url}/download")
    assert (row.status, row.name, there.ranges) == (S.SUCCEEDED, "talk.mp4", ["", "bytes=1000-", "bytes=2000-"])


def test_the_length_of_a_body_in_chunks_is_its_own(ann, talk):
    with Elsewhere(Recording(talk, Transfer_Encoding="chunked", Content_Length=str(len(talk) + 5))) as server:
        assert fetched(ann, server.url).status == S.SUCCEEDED


def test_what_cannot_be_told_from_other_bytes_is_fetched_anew(ann, talk):
    there = Recording(talk, breaks=[len(talk) // 2], ETag='W/"1"')
    with Elsewhere(there) as server:
        assert fetched(ann, server.url).status == S.SUCCEEDED
    assert there.ranges == ["", ""]


def test_a_server_that_breaks_off_again_and_again_is_left_alone_for_a_while_and_then_gone_on_with(ann, talk):
    there = Recording(talk, breaks=[1000, 0, 0])
    with Elsewhere(there) as server:
        row = fetched(ann, server.url)
        assert (row.status, row.received_bytes, row.setbacks) == (S.QUEUED, 1000, 1)
        assert row.due_at - timezone.now() > timedelta(seconds=50)
        fetching.take_turn(QUEUE)  # not yet
        assert len(there.ranges) == 3
        Import.objects.update(due_at=timezone.now() - timedelta(seconds=5))
        imports.ring_forgotten()
        assert django_rq.get_queue(QUEUE).count >= 1
        fetching.take_turn(QUEUE)
        row.refresh_from_db()
    assert (row.status, there.ranges[-1]) == (S.SUCCEEDED, "bytes=1000-")


def test_who_asks_again_goes_on_with_what_has_arrived(ann, talk):
    there = Recording(talk, breaks=[1000, *[0] * 20])
    with Elsewhere(there) as server:
        row = asked(ann, server.url)
        for _ in range(4):
            Import.objects.update(due_at=timezone.now() - timedelta(seconds=5))
            fetching.take_turn(QUEUE)
        told = ann.get(f"/imports/{row.pk}").json()
        assert (told["status"], told["error"]["code"], told["received_bytes"]) == ("failed", "broken_off", 1000)
        assert left() == [f"{row.pk}.part"]
        there.breaks.clear()
        assert ann.post(f"/imports/{row.pk}/retry").json()["status"] == "queued"
        fetching.take_turn(QUEUE)
    assert ann.get(f"/imports/{row.pk}").json()["status"] == "succeeded"
    assert there.ranges[-1] == "bytes=1000-"


def test_a_worker_that_dies_leaves_what_has_arrived_to_the_next(mended_site, talk):
    """Killed in the middle by SIGKILL, and told to stop: both go on with what is there."""
    site = mended_site
    there = Recording(talk, piece=2048, pause=0.05)
    with Elsewhere(there) as server:
        client = site.client("ann@example.org")
        row = client.post("/api/v1/videos", json={"url": server.url}).json()
        address = f"/api/v1/imports/{row['id']}"
        assert "id" in row, row

        def told() -> dict:
            return client.get(address).json()

        wait_for(lambda: told()["received_bytes"] > 4096, "the first bytes", 30)
        horse = int(_worker_of(site, row["id"]).split()[-1])
        os.kill(horse, signal.SIGKILL)
        wait_for(lambda: told()["attempt"] >= 2 and len(there.ranges) == 2, "the next attempt", 30)
        (process,) = site.workers("fast")
        site.kill(process, signal.SIGTERM)
        assert (told()["status"], told()["attempt"]) == ("queued", 2)
        site.start_worker(*WORKERS[1])
        there.pause = 0
        wait_for(lambda: told()["status"] == "succeeded", "its end", 60)
    assert there.ranges[0] == ""
    assert int(there.ranges[1].removeprefix("bytes=").removesuffix("-")) > 4096
    assert int(there.ranges[2].removeprefix("bytes=").removesuffix("-")) > 4096
    with site.orm():
        assert (site.media / Video.objects.get(pk=row["id"]).key).read_bytes() == talk
        assert Import.objects.get(pk=row["id"]).losses == 1


def _worker_of(site, pk: str) -> str:
    with site.orm():
        return Import.objects.get(pk=pk).worker


# Refused -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (always("404 Not Found"), "not_there"),
        (always("403 Forbidden"), "sign_in"),
        (always("400 Bad"), "no_recording"),
        (always("200 OK", "Content-Type: text/html; charset=utf-8", body=b"<h1>Watch</h1>"), "web_page"),
        (always("200 OK", "Content-Encoding: gzip", body=b"x"), "encoded"),
        (always("200 OK", body=b""), "empty"),
        (always("200 OK", body=b"no recording at all"), "not_media"),
        (always("302 Found", "Location: http://169.254.169.254/"), "address"),
        (always("302 Found", "Location: ftp://example.org/"), "address"),
        (always("503 Busy"), "unreachable"),
        (lambda connection, head: connection.sendall(b"SSH-2.0\r\n"), "unreachable"),
    ],
)
def test_what_is_no_recording_fails_with_a_sentence_and_leaves_nothing(ann, answer, code):
    with Elsewhere(answer) as server:
        row = fetched(ann, server.url)
    assert row.status == S.FAILED
    assert row.error_message.endswith(".") and len(row.error_message) > 20
    assert row.error_code == code, row.error_message
    assert not row.error_permanent or left() == []
    assert Video.objects.count() == 0


def test_an_address_of_the_inside_is_refused_unless_the_setting_allows_it(ann, settings, talk):
    settings.IMPORT_PRIVATE_ADDRESSES = False
    with Elsewhere(Recording(talk)) as server:
        row = fetched(ann, server.url)
        assert (row.status, row.error_code, server.heads) == (S.FAILED, "address", [])


@pytest.mark.parametrize(
    "body",
    [
        {"url": "file:///etc/passwd"},
        {"url": "http://u:p@example.org/"},
        {"url": ""},
        {"url": f"https://example.org/{'é' * 1900}"},
        {"url": 7},
        {},
        {"url": "https://example.org/a.mp4", "duplicate": "maybe"},
        {"url": "https://example.org/a.mp4", "pipeline": "unknown"},
        {"url": "https://example.org/a.mp4", "nonsense": 1},
        [],
    ],
)
def test_what_cannot_be_asked_for_is_refused_at_once(ann, body):
    assert error(ann.post("/videos", body))[0] == 422
    assert Import.objects.count() == 0


def test_a_recording_over_the_limit_is_refused_before_it_comes_and_while_it_comes(ann, settings, talk):
    settings.UPLOAD_LIMIT_BYTES = len(talk) - 1
    with Elsewhere(Recording(talk)) as server, Elsewhere(Recording(talk, Transfer_Encoding="chunked")) as silent:
        for one in (server, silent):
            row = fetched(ann, one.url)
            assert (row.status, row.error_code, left()) == (S.FAILED, "too_large", [])


def test_a_recording_without_room_is_refused_before_it_comes_and_while_it_comes(ann, monkeypatch, talk):
    with Elsewhere(Recording(talk)) as server:
        monkeypatch.setattr(storage, "free_bytes", lambda: uploads.MARGIN_BYTES + len(talk) - 1)
        row = fetched(ann, server.url)
        assert (row.status, row.error_code, row.error_permanent) == (S.FAILED, "disk_full", False)
    with Elsewhere(Recording(talk, Transfer_Encoding="chunked", piece=1024)) as server:
        monkeypatch.setattr(storage, "free_bytes", lambda: uploads.MARGIN_BYTES - 1)
        row = fetched(ann, server.url)
        assert (row.status, row.error_code) == (S.FAILED, "disk_full")


def test_a_machine_s_own_disk_is_not_filled_up_for_a_storage_that_takes_anything(ann, monkeypatch, talk):
    disk = os.statvfs("/")
    full = os.statvfs_result((*disk[:4], 0, *disk[5:]))
    monkeypatch.setattr(storage, "free_bytes", lambda: 1 << 60)
    monkeypatch.setattr(os, "fstatvfs", lambda descriptor: full)
    with Elsewhere(Recording(talk, Transfer_Encoding="chunked", piece=1024)) as server:
        row = fetched(ann, server.url)
    assert (row.status, row.error_code) == (S.FAILED, "disk_full")


def test_room_that_imports_were_promised_is_not_promised_twice(monkeypatch):
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    Import.objects.update(status=S.RUNNING, size_bytes=1000, received_bytes=400)
    assert Import.objects.promised_bytes() == Import.objects.of(row.owner).promised_bytes() == 600
    monkeypatch.setattr(storage, "free_bytes", lambda: uploads.MARGIN_BYTES + 700)
    uploads.refuse_overfull(100)
    with pytest.raises(Exception, match="has room for"):
        uploads.refuse_overfull(101)


def test_what_the_quota_has_no_room_for_is_refused_before_it_comes_while_it_comes_and_when_nothing_is_left(
    ann, settings, talk
):
    settings.QUOTA_BYTES = len(talk) - 1
    with (
        Elsewhere(Recording(talk)) as server,
        Elsewhere(Recording(talk, Transfer_Encoding="chunked", piece=1024)) as two,
    ):
        for one in (server, two):
            row = fetched(ann, one.url)
            assert (row.status, row.error_code) == (S.FAILED, "quota_full"), row.error_message
            assert row.received_bytes == 0 or one is two
            imports.remove(row)
        settings.QUOTA_BYTES = len(talk)
        assert fetched(ann, server.url).status == S.SUCCEEDED
        assert error(ann.post("/videos", {"url": server.url}))[1] == "quota_full"


def test_what_takes_too_long_in_all_ends_with_the_limit_and_goes_on_when_asked_again(ann, monkeypatch, talk):
    there = Recording(talk, piece=1024)
    with Elsewhere(there) as server:
        row = asked(ann, server.url)
        there.breaks = [2048]
        monkeypatch.setattr(fetching, "deadline_of", lambda row: time.monotonic() + 0.5)
        there.pause = 0.2
        fetching.take_turn(QUEUE)
        row.refresh_from_db()
        assert (row.status, row.error_code) == (S.FAILED, "timeout"), row.error_message
        monkeypatch.undo()
        assert left() == [f"{row.pk}.part"]


def test_the_time_in_all_counts_from_the_first_attempt(settings):
    settings.IMPORT_MINUTES = 10
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    assert row.start("somewhere 1")
    assert 599 < fetching.deadline_of(row) - time.monotonic() <= 600
    Import.objects.update(started_at=timezone.now() - timedelta(minutes=9))
    assert row.release(row.attempt) and row.start("somewhere 2")
    assert 50 < fetching.deadline_of(row) - time.monotonic() < 70
    Import.objects.update(started_at=timezone.now() - timedelta(minutes=11))
    assert row.release(row.attempt) and row.start("somewhere 3")
    with pytest.raises(Exception, match="within 10 minutes"):
        fetching.deadline_of(row)


def test_a_drip_is_given_up(ann, monkeypatch, talk):
    monkeypatch.setattr(fetching, "DRIP_SECONDS", 0.3)
    with Elsewhere(Recording(talk, piece=100, pause=0.05)) as server:
        row = fetched(ann, server.url)
    assert row.setbacks == 1
    assert "hardly anything" in row.error_message


# Taken back ----------------------------------------------------------------------------------------------------------


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


def test_one_owner_has_only_so_many_under_way(ann, monkeypatch):
    monkeypatch.setattr(imports, "MOST_OPEN", 2)
    rows = [asked(ann, "https://example.org/a.mp4") for _ in range(2)]
    assert error(ann.post("/videos", {"url": "https://example.org/b.mp4"})) == (429, "too_many_imports")
    rows[0].cancel()
    asked(ann, "https://example.org/b.mp4")
    assert error(ann.post(f"/imports/{rows[0].pk}/retry")) == (429, "too_many_imports")


def test_the_same_request_again_makes_one_import(ann):
    body = {"url": "https://example.org/a.mp4"}
    first = ann.post("/videos", body, **{"Idempotency-Key": "k"})
    again = ann.post("/videos", body, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert Import.objects.count() == 1
    assert error(ann.post("/videos", {"url": "https://example.org/b"}, **{"Idempotency-Key": "k"}))[0] == 422


# Turns, and what dies ------------------------------------------------------------------------------------------------


def test_who_has_fewest_on_the_way_is_next():
    ann, bob = factories.account(), factories.account("bob@example.org")
    anns = [imports.begin(ann, "https://example.org/a.mp4") for _ in range(3)]
    bobs = imports.begin(bob, "https://example.org/b.mp4")
    order = [imports.take(f"w {number}").pk for number in range(4)]
    assert order[:2] == [anns[0].pk, bobs.pk]
    assert imports.take("w 5") is None


def test_a_held_queue_gives_nothing(ann):
    asked(ann, "https://example.org/a.mp4")
    QueueState.objects.update_or_create(name=QUEUE, defaults={"paused_at": timezone.now()})
    assert imports.take("w 1") is None
    QueueState.objects.update(paused_at=None)
    assert imports.take("w 1") is not None


def test_one_whose_worker_fell_silent_is_put_back_in_line_and_given_up_after_some_times(settings):
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    for lost in range(1, settings.MAX_ATTEMPTS + 1):
        assert row.start("gone 1")
        Import.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        reconcile.sweep(silence_tells=False)
        assert Import.objects.get().status == S.RUNNING
        reconcile.sweep()
        row.refresh_from_db()
        assert row.losses == (lost if row.is_active else lost - 1)
    assert (row.status, row.error_code) == (S.FAILED, "lost")


def test_a_worker_that_was_told_to_stop_costs_nothing():
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    row.start("w 1")
    reconcile.recover_of("w 1", str(row.pk), losses.STOPPED)
    row.refresh_from_db()
    assert (row.status, row.losses) == (S.QUEUED, 0)


def test_an_attempt_that_is_not_the_current_one_changes_nothing():
    row = imports.begin(factories.account(), "https://example.org/a.mp4")
    row.start("w 1")
    old = row.attempt
    row.release(old)
    row.start("w 2")
    assert not row.beat(old)
    assert not row.advance(old, received_bytes=5)
    assert not row.release(old)
    assert row.beat(row.attempt)


def test_two_attempts_are_never_at_the_same_file(ann, talk):
    with Elsewhere(Recording(talk)) as server:
        row = asked(ann, server.url)
        with imports.held(row):
            fetching.take_turn(QUEUE)
            row.refresh_from_db()
            assert (row.status, server.heads) == (S.QUEUED, [])
        Import.objects.update(due_at=timezone.now())
        fetching.take_turn(QUEUE)
        row.refresh_from_db()
    assert row.status == S.SUCCEEDED


def test_who_dies_between_the_recording_and_its_own_end_ends_it_the_next_time(ann, talk, monkeypatch):
    with Elsewhere(Recording(talk)) as server:
        row = asked(ann, server.url, pipeline="podcast")
        fetching.take_turn(QUEUE)
        Import.objects.update(status=S.QUEUED, video=None, finished_at=None)
        fetching.take_turn(QUEUE)
        assert len(server.heads) == 1
    row.refresh_from_db()
    assert (row.status, row.video_id, Run.objects.count()) == (S.SUCCEEDED, row.pk, 1)


def test_redis_may_forget_everything(ann):
    asked(ann, "https://example.org/a.mp4")
    django_rq.get_queue(QUEUE).empty()
    Import.objects.update(due_at=timezone.now() - timedelta(seconds=5))
    imports.ring_forgotten()
    imports.ring_forgotten()
    assert django_rq.get_queue(QUEUE).count == 1


def test_what_nobody_goes_on_with_is_thrown_away_in_the_end(ann, talk, settings):
    with Elsewhere(Recording(talk, breaks=[1000, *[0] * 20])) as server:
        row = fetched(ann, server.url)
    row.fail(uploads.UploadError("Broken.", code="broken_off"))
    assert left() == [f"{row.pk}.part"]
    uploads.expire()
    imports.expire()
    assert left() == [f"{row.pk}.part"]
    Import.objects.update(finished_at=timezone.now() - timedelta(hours=settings.UPLOAD_EXPIRES_HOURS + 1))
    imports.expire()
    row.refresh_from_db()
    assert (left(), row.received_bytes) == ([], 0)
    Import.objects.update(finished_at=timezone.now() - timedelta(days=8))
    imports.expire()
    assert Import.objects.count() == 0


def test_a_part_file_that_is_still_wanted_is_nobodys_orphan(ann, talk):
    with Elsewhere(Recording(talk, breaks=[1000, *[0] * 20])) as server:
        row = fetched(ann, server.url)
    part = storage.upload_path(row.pk)
    os.utime(part, (0, 0))
    uploads.expire()
    assert part.exists()
    assert custody._arriving([str(row.pk)]) == [row.pk]
    imports.cancel(row)
    assert not part.exists()


def test_operators_see_what_is_in_line(ann):
    asked(ann, "https://example.org/a.mp4")
    load = next(load for load in queue_load.every() if load.name == QUEUE)
    assert (load.queued, load.running) == (1, 0)
    assert not Job.objects.exists() and not Upload.objects.exists()


# Whose it is ---------------------------------------------------------------------------------------------------------


def test_imports_of_others_do_not_exist(ann):
    row = asked(ann, "https://example.org/a.mp4")
    bob = Api(factories.account("bob@example.org"))
    assert bob.get("/imports").json() == {"items": [], "count": 0}
    for answer in (
        bob.get(f"/imports/{row.pk}"),
        bob.post(f"/imports/{row.pk}/cancel"),
        bob.post(f"/imports/{row.pk}/retry"),
        bob.delete(f"/imports/{row.pk}"),
    ):
        assert error(answer) == (404, "not_found")
    assert Import.objects.get().status == S.QUEUED


def test_a_token_for_work_may_ask_and_one_for_reading_may_not():
    account = factories.account()
    body = {"url": "https://example.org/a.mp4"}
    assert error(Api(account, "read").post("/videos", body)) == (403, "scope")
    row = Api(account, "work").post("/videos", body).json()
    assert Api(account, "read").get(f"/imports/{row['id']}").status_code == 200
    assert Api(account, "work").post(f"/imports/{row['id']}/cancel").status_code == 200
    assert error(Api(account, "work").delete(f"/imports/{row['id']}")) == (403, "scope")


def test_curl_needs_no_header(ann):
    answer = ann.client.post(
        f"{ROOT}/videos", b'{"url": "https://example.org/a.mp4"}', content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 202
