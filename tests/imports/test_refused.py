"""What is no recording, has no room or takes too long ends with a sentence, and leaves nothing."""

import os
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import fetching, storage
from jobs.models import Import, Video
from jobs.services import imports, uploads
from jobs.services.imports import QUEUE
from tests import factories
from tests.api import error
from tests.elsewhere import Elsewhere, Recording, always
from tests.imports.conftest import asked, fetched, left

pytestmark = pytest.mark.django_db(transaction=True)
S = Import.Status


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
