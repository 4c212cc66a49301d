"""The way in: an upload is created, filled, and becomes a recording."""

import hashlib

import pytest
from django.conf import settings
from django.test import Client as InProcess

from jobs.models import Account, Job, Token, Upload, Video
from jobs.services import idempotency
from tests.site import Client, Site
from tests.tus import TUS, begin, begun, metadata, offset, patch, upload
from tests.uploads.parts import code, form_of, left, part_of


def test_it_makes_a_recording_of_the_chunks(site: Site, ann: Client, talk: bytes):
    location = begun(ann, len(talk), filename="Team-Meeting_2024-05-01.txt")
    first = patch(ann, location, 0, talk[:20_000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "20000")
    assert offset(ann, location) == 20_000
    last = patch(ann, location, 20_000, talk[20_000:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(talk)))
    with site.orm():
        video = Video.objects.get(pk=last.headers["Video-Id"])
        assert not Upload.objects.filter(pk=location.rpartition("/")[2])
    assert video.title == "Team Meeting 2024-05-01"
    assert video.name == "Team-Meeting_2024-05-01.txt"
    assert video.key.endswith("/source.mp4"), "what it is comes from its content"
    assert video.sha256 == hashlib.sha256(talk).hexdigest()
    assert (site.media / video.key).read_bytes() == talk
    assert (site.media / video.poster).read_bytes().startswith(b"\xff\xd8\xff")
    assert video.info.video is not None and video.info.video.display_size == (160, 90)
    assert not part_of(site, location).exists()


def test_the_api_has_an_address_for_it_too(site: Site, talk: bytes):
    bearer = {"Authorization": f"Bearer {site.token('script@example.org')}"}
    script = site.client()
    sent = TUS | bearer | {"Upload-Length": str(len(talk)), "Upload-Metadata": metadata(filename="talk.mp4")}
    location = script.post("/api/v1/uploads", headers=sent).headers["Location"]
    assert location.startswith("/api/v1/uploads/")
    done = patch(script, location, 0, talk, **bearer)
    assert done.status_code == 204
    assert script.get(f"/api/v1/videos/{done.headers['Video-Id']}", headers=bearer).status_code == 200


def test_it_says_what_it_can_without_being_asked_who_one_is(site: Site):
    answer = site.client().options("/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(settings.UPLOAD_LIMIT_BYTES)
    assert set(answer.headers["Tus-Extension"].split(",")) >= {"creation", "termination", "expiration", "checksum"}


def test_it_takes_a_small_file_with_its_creation(site: Site, ann: Client, talk: bytes):
    headers = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Length": str(len(talk))}
    answer = ann.post("/uploads", data=talk, headers=headers)
    assert answer.status_code == 201
    assert answer.headers["Upload-Offset"] == str(len(talk))
    with site.orm():
        assert Video.objects.filter(pk=answer.headers["Video-Id"])


def test_a_refused_creation_with_bytes_leaves_nothing(site: Site, ann: Client):
    before = left(site)
    headers = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Length": "10"}
    assert ann.post("/uploads", data=b"more than ten bytes", headers=headers).status_code == 413
    assert left(site) == before


def test_it_starts_the_work_that_was_ordered(site: Site, ann: Client, talk: bytes):
    answer = upload(ann, talk, filename="talk.mp4", work=form_of("thumbnails"))
    with site.orm():
        job = Job.objects.get(video=answer.headers["Video-Id"])
    assert job.operation == "thumbnails"
    assert site.wait_for_job(job.pk).status == "succeeded"


def test_wrong_work_is_refused_before_any_byte(site: Site, ann: Client):
    answer = begin(ann, 10, filename="talk.mp4", work="operations=paint-it-red")
    assert (answer.status_code, code(answer)) == (422, "invalid")
    assert "paint-it-red" in answer.json()["error"]["message"]


def test_who_missed_the_answer_asks_again_by_the_same_key(site: Site, ann: Client, talk: bytes):
    key = {"Idempotency-Key": "monday"}
    refused = begin(ann, 0, key, filename="talk.mp4")
    assert refused.status_code == 415, "what was refused leaves the key free"
    first, again = (begin(ann, len(talk), key, filename="talk.mp4") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Location"] == first.headers["Location"]
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert patch(ann, again.headers["Location"], 0, talk).status_code == 204
    other = begin(ann, len(talk) + 1, key, filename="talk.mp4")
    assert (other.status_code, code(other)) == (422, "idempotency_mismatch")
    assert code(begin(ann, len(talk), {"Idempotency-Key": "x" * 256})) == "bad_request"
    bob = begin(site.client("bob-of-the-keys@example.org"), len(talk), key, filename="talk.mp4")
    assert bob.headers["Location"] != first.headers["Location"]


def test_an_upload_whose_answer_was_not_kept_is_found_by_its_key(owner: Account, monkeypatch: pytest.MonkeyPatch):
    client = InProcess(raise_request_exception=False)
    headers = TUS | {
        "Upload-Length": "10",
        "Idempotency-Key": "monday",
        "Authorization": f"Bearer {Token.issue(owner)}",
    }
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "keep", lambda *_: 1 / 0)
        assert client.post("/uploads", headers=headers).status_code == 500
    again = client.post("/uploads", headers=headers)
    assert (again.status_code, again["Location"]) == (201, f"/uploads/{Upload.objects.get().pk}")
    assert client.head(again["Location"], headers=headers)["Upload-Offset"] == "0"
