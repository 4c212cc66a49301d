"""Connections that break, parts that are smaller than asked for, workers that die: what has arrived is gone on with."""

import os
import signal
from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone

from jobs import fetching, storage
from jobs.models import Import, Video
from jobs.services import imports
from jobs.services.imports import QUEUE
from tests.elsewhere import Elsewhere, Recording, always
from tests.imports.conftest import asked, fetched, left
from tests.media import video
from tests.processes import wait_for
from tests.site import WORKERS

pytestmark = pytest.mark.django_db(transaction=True)
S = Import.Status


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


def test_a_worker_that_dies_leaves_what_has_arrived_to_the_next(mended_site, tmp_path):
    """Killed in the middle by SIGKILL, and told to stop: both go on with what is there."""
    site = mended_site
    talk = video(tmp_path / "talk.mp4", seconds=30).read_bytes()
    there = Recording(talk, piece=512, pause=0.05)  # so that it takes minutes, until nobody is ended any more
    with Elsewhere(there) as server:
        client = site.client("ann@example.org")
        row = client.post("/api/v1/videos", json={"url": server.url}).json()
        address = f"/api/v1/imports/{row['id']}"
        assert "id" in row, row

        def told() -> dict:
            return client.get(address).json()

        wait_for(lambda: told()["received_bytes"] > 4096, "the first bytes")
        horse = int(_worker_of(site, row["id"]).split()[-1])
        os.kill(horse, signal.SIGKILL)
        wait_for(lambda: told()["attempt"] >= 2 and len(there.ranges) == 2, "the next attempt")
        (process,) = site.workers("fast")
        site.kill(process, signal.SIGTERM)
        assert (told()["status"], told()["attempt"]) == ("queued", 2)
        site.start_worker(*WORKERS[1])
        there.pause = 0
        wait_for(lambda: told()["status"] == "succeeded", "its end")
    assert there.ranges[0] == ""
    assert int(there.ranges[1].removeprefix("bytes=").removesuffix("-")) > 4096
    assert int(there.ranges[2].removeprefix("bytes=").removesuffix("-")) > 4096
    with site.orm():
        assert (site.media / Video.objects.get(pk=row["id"]).key).read_bytes() == talk
        assert Import.objects.get(pk=row["id"]).losses == 1


def _worker_of(site, pk: str) -> str:
    with site.orm():
        return Import.objects.get(pk=pk).worker
