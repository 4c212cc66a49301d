"""Recordings that the server fetches from an address, from other servers that are real and behave as real ones do."""

import pytest

from jobs import fetching, storage
from jobs.models import Import, Run, Video
from jobs.services.imports import QUEUE
from tests import factories, media
from tests.api import ROOT
from tests.elsewhere import Elsewhere, Recording, always
from tests.imports.conftest import asked, fetched, left

pytestmark = pytest.mark.django_db(transaction=True)
S = Import.Status


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
